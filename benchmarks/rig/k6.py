"""k6 at the same paced work, where k6 is on PATH: a virtual user per viewer, bodies thrown away."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.rig.machine import on_core
from benchmarks.rig.measured import Measured, Told, follow, put_together
from benchmarks.rig.running import core_of, started
from benchmarks.rig.servers import Servers
from benchmarks.rig.work import Work

LEAD: Final = 8.0
"""Seconds to start and to make some thousand virtual users."""
PATIENCE: Final = 60.0
"""Seconds after the climb in which k6 must have written its summary."""


def why_absent() -> str:
    """Why there is no such client here, empty when there is."""
    return "" if shutil.which("k6") else "k6 is not on PATH"


def climb(work: Work, servers: Servers) -> list[Measured]:
    """One climb, a figure for each step; k6 goes to the top whether it holds or not."""
    told = work.model_copy(update={"epoch": time.time() + LEAD})
    plan = {
        "epoch": told.epoch,
        "origins": work.origins,
        "segment": work.segment,
        "joins": list(work.stairs.joins()),
        "steps": [step._asdict() for step in work.stairs.steps()],
        "duration": work.stairs.duration,
        "summary": str(work.folder / "summary.json"),
    }
    work.folder.mkdir(parents=True)
    (work.folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    trusting = ["env", f"SSL_CERT_FILE={work.ca_file}"] if work.ca_file else []
    words = ["k6", "run", "--quiet", "--no-usage-report", Path(__file__).with_name("k6.js")]
    with started(on_core(core_of(work), *trusting, *words), told) as process:
        climbed = follow(told, told.epoch, servers, process)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return []
    metrics = json.loads((work.folder / "summary.json").read_text(encoding="utf-8"))["metrics"]
    return [
        put_together(told, _told(metrics, work.stairs.levels.index(one.step.viewers), work), one) for one in climbed
    ]


def _told(metrics: dict[str, Any], number: int, work: Work) -> Told:
    def value(name: str, what: str) -> float:
        return float(metrics.get(f"{name}_{number}", {"values": {what: 0.0}})["values"][what])

    seconds = work.stairs.hold
    return Told(
        viewers=work.stairs.levels[number],
        requests=value("done", "count") / seconds,
        lag_p99=value("lag", "p(99)") / 1000,
        errors=int(value("failed", "count")),
        reconnects=0,
        body_bytes=value("bytes", "count") / seconds,
    )
