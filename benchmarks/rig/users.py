"""Locust's own FastHttpUser and HttpUser at the same paced work, as one process or as ``--processes``.

FastHttpUser opens a new connection for every request once a process has more than 1,024 descriptors (its liveness
check uses ``select``, gevent issue 1348), so it is also tried as several processes on the one core: `FEW` viewers each.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.rig.machine import on_core
from benchmarks.rig.measured import Climbed, Measured, Told, follow, put_together
from benchmarks.rig.running import core_of, started
from benchmarks.rig.servers import Servers
from benchmarks.rig.work import Work
from loadtests.sketch import Sketch, merged

FEW: Final = 900
"""Viewers of a process that stays below 1,024 descriptors."""
LEAD: Final = 5.0
"""Seconds from the start of Locust to second zero."""
PER_SECOND: Final = 2000
"""Users that are made in a second, before second zero."""
REPORTED: Final = 2.5
"""Seconds after which a second is written down, on a full core."""


def climb(work: Work, servers: Servers) -> list[Measured]:
    """One climb, a figure for each step."""
    top = work.stairs.levels[-1]
    ready = time.time() + LEAD + 0.5 * work.processes + top / PER_SECOND
    told = work.model_copy(update={"epoch": ready})
    words = ["-m", "locust", "-f", Path(__file__).with_name("locustfile_users.py"), "--headless", "--only-summary"]
    load = ["-u", top, "-r", top, "-t", work.stairs.duration + 120]
    options = ["--processes", work.processes] if work.processes > 1 else []
    with started(on_core(core_of(work), sys.executable, *words, *load, *options), told) as process:
        climbed = follow(told, ready, servers, process)
        time.sleep(REPORTED)
    return read(told, climbed)


def read(work: Work, climbed: list[Climbed]) -> list[Measured]:
    """What the processes wrote, one file each, a line a second."""
    lines = [json.loads(line) for place in work.folder.glob("seconds-*.jsonl") for line in _whole_lines(place)]
    return [put_together(work, _told(lines, one), one) for one in climbed]


def _whole_lines(place: Path) -> list[str]:
    return [line for line in place.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


def _told(lines: list[dict[str, Any]], climbed: Climbed) -> Told:
    step = climbed.step
    seconds = range(step.start, step.end)
    mine = [line for line in lines if line["at"] in seconds]
    return Told(
        viewers=step.viewers,
        requests=sum(line["done"] for line in mine) / len(seconds),
        lag_p99=merged(Sketch.from_dict(line["lag"]) for line in mine).quantile(0.99),
        errors=sum(line["failed"] for line in mine),
        reconnects=climbed.after.connections - climbed.before.connections,
        body_bytes=sum(line["bytes"] for line in mine) / len(seconds),
    )
