"""What this machine has: cores, descriptors, ports, memory. Read from the system, nothing is changed."""

from __future__ import annotations

import math
import os
import platform
import resource
from pathlib import Path
from typing import Final

import psutil

from loadtests.limits import limits_here
from loadtests.region import Frozen

PORTS_ELSEWHERE: Final = 65_535 - 49_152 + 1
"""RFC 6335 §6: where the system does not say which ports it uses, macOS for one."""
UNLIMITED: Final = 1_000_000
"""Descriptors where the system sets no limit: nobody counts further here."""
CGROUP: Final = Path("/sys/fs/cgroup")


class Equipment(Frozen):
    """A machine as a load generator."""

    cores: float
    """What this command may use: affinity and container limits count."""
    python: str
    system: str
    processor: str
    descriptors_soft: int
    descriptors_hard: int
    """Per process; workers raise the soft limit to it."""
    ports: int
    """From this machine to one address and port of the target."""
    memory: int
    """Bytes available now."""


def this_machine() -> Equipment:
    """Look."""
    limits, soft = limits_here(), resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return Equipment(
        cores=usable_cores(CGROUP),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        processor=platform.machine(),
        descriptors_soft=_counted(math.inf if soft == resource.RLIM_INFINITY else soft),
        descriptors_hard=_counted(limits.files),
        ports=PORTS_ELSEWHERE if limits.ports is None else limits.ports,
        memory=usable_memory(CGROUP),
    )


def _counted(limit: float) -> int:
    return int(min(limit, UNLIMITED))


def usable_cores(cgroup: Path) -> float:
    """Cores of this process's affinity, or what its container may use of them where that is less."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        cores = os.cpu_count() or 1
    quota, _, period = _text(cgroup / "cpu.max").partition(" ")
    return min(cores, int(quota) / int(period)) if quota.isdigit() and period.isdigit() else float(cores)


def usable_memory(cgroup: Path) -> int:
    """Bytes of memory available, or what the container's limit leaves where that is less."""
    available = int(psutil.virtual_memory().available)
    limit, used = _text(cgroup / "memory.max"), _text(cgroup / "memory.current")
    return max(min(available, int(limit) - int(used)), 0) if limit.isdigit() and used.isdigit() else available


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
