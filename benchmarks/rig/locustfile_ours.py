"""Locustfile: our engine inside Locust, as the product wires it, doing the work named in the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from locust import events
from locust.runners import WorkerRunner

from benchmarks.protocols import install
from benchmarks.rig.ours import scenario
from benchmarks.rig.work import Work
from loadtests.wiring.director import Director
from loadtests.wiring.follower import Follower
from loadtests.wiring.seats import LiveViewer, Surge

__all__ = ["LiveViewer", "Surge"]

install()
WORK = Work.model_validate_json(Path(os.environ["BENCHMARK_WORK"]).read_text(encoding="utf-8"))


def _init(environment: Any, runner: Any, **_: object) -> None:
    if isinstance(runner, WorkerRunner):
        _follow(environment, runner)
        return
    director = Director(environment, scenario(WORK), WORK.folder / "run", lambda *_: None)
    Surge.plan.append(director.seats)
    environment.events.test_start.add_listener(lambda **_: director.begin())
    environment.events.test_stopping.add_listener(lambda **_: director.finish())


def _follow(environment: Any, runner: WorkerRunner) -> None:
    follower = Follower(environment, runner)
    follower.listen()
    environment.events.test_stopping.add_listener(lambda **_: follower.finish())


events.init.add_listener(_init)  # type: ignore[no-untyped-call]
