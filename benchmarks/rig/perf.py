"""The kernel's share of a client's CPU, sampled by Linux ``perf`` where there is one."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.rig.machine import SERVER_CORE, on_core, tree

SAMPLES: Final = 997
"""A second: no multiple of the engine's own beat of a millisecond."""
PATIENCE: Final = 60.0


class Sampling:
    """Samples a client's processes for some seconds; without perf nothing is known."""

    def __init__(self, client: int, seconds: float, place: Path) -> None:
        self._place = place
        self._process: subprocess.Popen[bytes] | None = None
        if shutil.which("perf") is None:
            return
        pids = ",".join(str(one.pid) for one in tree(client))
        words = ["perf", "record", "-q", "-e", "cpu-clock", "-F", SAMPLES, "-p", pids, "-o", place]
        self._process = subprocess.Popen(
            on_core(SERVER_CORE, *words, "--", "sleep", seconds),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kernel_share(self) -> float:
        """Of all samples, those that fell in the kernel; NaN when there are none."""
        if self._process is None or self._process.wait(PATIENCE):
            return math.nan
        words = ["perf", "report", "-i", str(self._place), "--stdio", "--sort", "dso", "--fields", "overhead,dso"]
        said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)
        shares = re.findall(r"^\s*([\d.]+)%\s+(\S+)", said.stdout, re.MULTILINE)
        whole = sum(float(share) for share, _ in shares)
        inside = sum(float(share) for share, where in shares if where.startswith("[") and where not in _OF_USERS)
        return inside / whole if whole else math.nan


_OF_USERS: Final = ("[vdso]", "[unknown]", "[heap]", "[stack]", "[JIT]")
