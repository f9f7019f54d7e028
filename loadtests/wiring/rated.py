"""Locustfile of ``surgecast doctor``: one worker climbs the stairs against the sink, as in any run of one process."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from locust import events

from loadtests.rating.staircase import Climb
from loadtests.wiring.director import Director
from loadtests.wiring.seats import LiveViewer, Surge

__all__ = ["LiveViewer", "Surge"]


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--climb", default="", help="the climb, as JSON")


def _init(environment: Any, **_: object) -> None:
    climb = Climb.model_validate_json(Path(environment.parsed_options.climb).read_text(encoding="utf-8"))
    director = Director(environment, climb.rehearsal(), Path(climb.out), lambda *_: None)
    Surge.plan.append(director.seats)
    environment.events.test_start.add_listener(lambda **_: director.begin())
    environment.events.test_stopping.add_listener(lambda **_: director.finish())


events.init_command_line_parser.add_listener(_add_options)  # type: ignore[no-untyped-call]
events.init.add_listener(_init)  # type: ignore[no-untyped-call]
