"""Our loop without Locust, with as much of ours on top of it as ``layer`` says: one process, the paced work.

``python -m benchmarks.rig.layers LAYER``, with the work named in the environment. Layers: *engine* asks and waits,
*player* adds the player's arithmetic, *recorder* adds the tallies and the windows of each second.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, Final, cast

from benchmarks.protocols.paced import requests
from benchmarks.rig.ours import scenario
from benchmarks.rig.work import PERIOD, Work
from loadtests.arrivals import arrivals
from loadtests.engine.loop import Loop, Reach
from loadtests.recorder import CohortTally, Recorder
from loadtests.results import Window
from loadtests.session import Session, Viewer, WaitUntil
from loadtests.wiring.worker import TICK

LAYERS: Final = ("engine", "player", "recorder")
"""The lowest first."""


def _forget(*_: object, **__: object) -> None:
    """A call, and no more."""


class Nothing:
    """A tally that is told everything and keeps nothing."""

    reconnects = 0

    def __init__(self) -> None:
        for name in ("body", "responded", "request_failed", "joined", "started", "stalled", "live_latency"):
            setattr(self, name, _forget)

    def __getattr__(self, _: str) -> Any:
        return _forget


class NoRecorder(Recorder):
    """Its tallies keep nothing; its seconds are empty."""

    def __init__(self) -> None:
        super().__init__()
        self._nothing = Nothing()

    def tally(self, region: str, cohort: str) -> CohortTally:
        """The one that keeps nothing."""
        del region, cohort
        return cast("CohortTally", self._nothing)

    def close_until(self, at: float) -> Any:
        """No windows."""
        self.second = int(at)
        return iter(())


def bare(viewer: Viewer, work: Work, player: Any) -> Session:
    """The requests of the paced work, their answers thrown away."""
    playlist, segment = requests(work.origins[viewer.number % len(work.origins)], work.segment, player)
    due, turn = viewer.join_at, 0
    while True:
        yield playlist
        if turn % 2 == 0:
            yield segment
        turn += 1
        due += PERIOD
        yield WaitUntil(due)


def main(layer: str) -> None:
    """Drive until killed."""
    work = Work.model_validate_json(Path(os.environ["BENCHMARK_WORK"]).read_text(encoding="utf-8"))
    plan = scenario(work)

    def watch(viewer: Viewer, tally: CohortTally) -> Session:
        if layer == "engine":
            return bare(viewer, work, plan.player)
        return plan.stream.watch(viewer, plan.player, tally)

    loop = Loop(
        arrivals(plan, work.epoch),
        watch,
        reach=Reach(plan.target.resolve, plan.target.ca_file, plan.target.claimed_hosts),
        begins=time.monotonic() + work.epoch - time.time(),
    )
    if layer != "recorder":
        loop.recorder = NoRecorder()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.collect()
    gc.freeze()
    reported = 0
    while True:
        loop.step()
        if (now := loop.clock()) >= reported + 1:
            reported = int(now)
            _drop(loop.windows(reported))
        time.sleep(TICK)


def _drop(windows: list[Window]) -> None:
    """What Locust and the journal would do with them is not of this layer."""
    del windows


if __name__ == "__main__":
    main(sys.argv[1])
