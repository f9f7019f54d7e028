"""Cores, who used them, and what this machine is. Linux only: it reads ``/proc``."""

from __future__ import annotations

import math
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

CORES: Final = tuple(sorted(os.sched_getaffinity(0)))
CLIENT_CORE: Final = CORES[0]
SERVER_CORE: Final = CORES[-1]
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Used(NamedTuple):
    """CPU seconds since some moment."""

    user: float
    kernel: float

    @property
    def total(self) -> float:
        """Both."""
        return self.user + self.kernel

    def since(self, before: Used) -> Used:
        """What was used in between."""
        return Used(self.user - before.user, self.kernel - before.kernel)


class Moment(NamedTuple):
    """Counters as they stood at one moment."""

    at: float
    client: Used
    """The client's processes, all of them."""
    server: Used
    """Every process of nginx."""
    client_core: Used
    """Whoever used the client's core."""
    server_core: Used
    requests: int
    """Requests that nginx has answered."""
    connections: int
    """Connections that nginx has accepted."""
    memory: Memory


class Memory(NamedTuple):
    """Bytes held now."""

    private: float
    """By the client's processes for themselves; NaN when nobody asked, for the look costs the client time."""
    buffers: int
    """By TCP, of all sockets of this machine."""
    slab: int
    """By the kernel in small objects, sockets among them."""


def tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def used_by(processes: Iterable[psutil.Process]) -> Used:
    """What living processes have used."""
    user = kernel = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            user, kernel = user + times.user, kernel + times.system
    return Used(user, kernel)


def used_of(core: int) -> Used:
    """What everybody has used of one core; interrupts count as the kernel's."""
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _, _, irq, soft, *_ = map(int, fields)
            return Used((user + nice) / _TICKS, (system + irq + soft) / _TICKS)
    raise ValueError(f"no core {core}")


def memory(client: int, *, private: bool) -> Memory:
    """What is held now; ``private`` walks through the memory of the client's processes."""
    mine = tree(client) if private else []
    held = sum(_kilobytes(f"/proc/{one.pid}/smaps_rollup", r"Private_(?:Clean|Dirty)") for one in mine)
    pages = re.search(r"^TCP:.* mem (\d+)", Path("/proc/net/sockstat").read_text(encoding="ascii"), re.MULTILINE)
    return Memory(
        held * 1024.0 if private else math.nan,
        int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else 0,
        _kilobytes("/proc/meminfo", "Slab") * 1024,
    )


def _kilobytes(place: str, name: str) -> int:
    text = Path(place).read_text(encoding="ascii")
    return sum(int(found) for found in re.findall(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE))


def sleep_until(moment: float) -> None:
    """Sleep until a time of the wall clock."""
    time.sleep(max(0.0, moment - time.time()))


def on_core(core: int | str, *command: object) -> list[str]:
    """A command that stays on a core (or on several: ``0,1``)."""
    return ["taskset", "-c", str(core), *map(str, command)]


def missing(*tools: str) -> str:
    """Why this machine cannot be measured on, empty when it can."""
    absent = [tool for tool in ("nginx", "taskset", *tools) if shutil.which(tool) is None]
    if absent:
        return f"needs {', '.join(absent)} on PATH"
    return "" if len(CORES) > 1 else "needs two cores: one for the client, one for nginx"


def _answer(*command: str) -> str:
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return ""
    return (said.stdout + said.stderr).strip().partition("\n")[0]


def facts() -> dict[str, Any]:
    """When, where and with what."""
    nginx = _answer("nginx", "-v")
    tools = {"nginx": nginx.rpartition("/")[2], "k6": _answer("k6", "version"), "wrk": _answer("wrk", "-v")}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {len(CORES)} cores, {platform.system()} {platform.release()}",
        "cores": {"client": CLIENT_CORE, "server": SERVER_CORE},
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("locust", "gevent", "geventhttpclient", "requests")}
        | {name: said for name, said in tools.items() if said},
    }
