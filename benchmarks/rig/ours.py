"""Our engine inside Locust, as one process or as ``--processes``, player model, recorder and seats on."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.protocols import install
from benchmarks.rig.machine import on_core
from benchmarks.rig.measured import Climbed, Measured, Told, follow, put_together
from benchmarks.rig.running import core_of, started
from benchmarks.rig.servers import Servers
from benchmarks.rig.work import Step, Work
from loadtests.results import Generator, Header, Window
from loadtests.run import RUN_FILE, Run, fold
from loadtests.scenario import Scenario
from loadtests.sketch import merged
from loadtests.target import Target

VIEWERS_PER_PROCESS: Final = 18_000
"""A process has 20,000 descriptors on many machines."""
REPORTED: Final = 3.0
"""Seconds after which a second is in the run file."""
PATIENCE: Final = 60.0
"""Seconds until the run begins at the latest."""


def processes_for(viewers: int) -> int:
    """The fewest that carry so many viewers."""
    return -(-viewers // VIEWERS_PER_PROCESS)


def speaks_http2() -> bool:
    """Whether our scenarios know HTTP/2."""
    return "http" in Target.model_fields


def scenario(work: Work) -> Scenario:
    """The work as a scenario."""
    install()
    target: dict[str, Any] = {"url": f"{work.origins[0]}/p.m3u8", "owner": "benchmark", "ca_file": work.ca_file}
    if work.http:
        target["http"] = work.http
    stay = {"zappers": "100%", "zapper_mean": f"{work.stay}s"} if work.stay else {"zappers": "0%", "median": "1000h"}
    cohort = {"share": "100%", "access": "fixed", "renditions": {"lowest": "100%"}}
    return Scenario.model_validate(
        {
            "name": "density",
            "summary": "reference work",
            "target": target,
            "stream": {"protocol": work.protocol, "origins": work.origins, "segment": work.segment},
            "player": "hls_js",
            "surge": {"shape": "stairs", "plan": work.stairs.model_dump()},
            "regions": {"in": {"share": "100%", "cohorts": {"all": cohort}}},
            "stay": {"spread": 0.1, **stay},
        }
    )


def climb(work: Work, servers: Servers) -> list[Measured]:
    """One climb, a figure for each step."""
    install()
    options = ["--processes", work.processes] if work.processes > 1 else []
    words = ["-m", "locust", "-f", Path(__file__).with_name("locustfile_ours.py"), "--headless", "--only-summary"]
    with started(on_core(core_of(work), sys.executable, *words, *options), work) as process:
        epoch = _epoch(work, process)
        climbed = follow(work, epoch, servers, process)
        time.sleep(REPORTED)
    measured = read(work, climbed)
    if any(one.errors for one in measured):
        sys.stderr.write(f"surgecast had errors; it said last: {_said(work)}\n")
    return measured


def _said(work: Work) -> str:
    """The end of what it logged, without Locust's chatter about users."""
    lines = (work.folder / "client.stderr").read_text(encoding="utf-8").splitlines()
    return "\n".join([line for line in lines if "locust.runners" not in line][-15:])


def _lines(work: Work) -> Iterator[str]:
    with (work.folder / "run" / RUN_FILE).open(encoding="utf-8") as lines:
        yield from lines


def _epoch(work: Work, process: subprocess.Popen[bytes]) -> float:
    """When the run's second zero is, once the run has begun."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        place = work.folder / "run" / RUN_FILE
        if place.exists() and place.read_text(encoding="utf-8").endswith("\n"):
            return Header.model_validate(json.loads(next(_lines(work)))).started_at.timestamp()
        time.sleep(0.1)
    raise RuntimeError(f"surgecast did not begin: {_said(work)}")


def read(work: Work, climbed: list[Climbed]) -> list[Measured]:
    """The measured seconds of our own run file."""
    run = fold(str(work.folder), _lines(work))
    return [put_together(work, _told(run, one.step), one) for one in climbed]


def _told(run: Run, step: Step) -> Told:
    seconds = range(step.start, step.end)
    windows = [window for window in run.windows if window.at in seconds]
    health = [line for line in run.generators if line.at in seconds]
    sums = [kind for window in windows for kind in window.requests.values()]
    whole = len({line.at for line in health}) == len(seconds)
    return Told(
        viewers=_present(windows),
        requests=sum(kind.count for kind in sums) / len(seconds) if whole else 0.0,
        lag_p99=merged(line.lag for line in health).quantile(0.99),
        errors=sum(kind.failed for kind in sums) + _mishaps(health),
        reconnects=sum(window.players.reconnects for window in windows),
        body_bytes=sum(kind.bytes for kind in sums) / len(seconds),
        joins=sum(window.players.joins for window in windows) / len(seconds),
    )


def _present(windows: list[Window]) -> float:
    """Arrivals are Poisson: how many are there is close to the level, not at it."""
    return statistics.fmean(window.players.viewers for window in windows) if windows else 0.0


def _mishaps(health: list[Generator]) -> int:
    """Actions that were never started, and errors of our own."""
    return sum(line.dropped for line in health) + max((line.faults for line in health), default=0)
