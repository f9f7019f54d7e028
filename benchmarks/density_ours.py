"""Locustfile of the density benchmark: our engine inside Locust, doing the reference work. Set by environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from locust import events

from benchmarks.paced import Paced
from loadtests.scenario import Scenario
from loadtests.wiring.director import Director
from loadtests.wiring.seats import LiveViewer, Surge

__all__ = ["LiveViewer", "Surge"]

URL, VIEWERS, SECONDS, OUT = (os.environ[f"DENSITY_{name}"] for name in ("URL", "VIEWERS", "SECONDS", "OUT"))


def _scenario() -> Scenario:
    cohort = {"share": "100%", "access": "fixed", "renditions": {"lowest": "100%"}}
    ramp = max(4.0, int(VIEWERS) / 1500)
    return Scenario.model_validate(
        {
            "name": "density",
            "summary": "reference work",
            "target": {"url": f"{URL}/p.m3u8", "owner": "benchmark"},
            "stream": Paced(segment_url=f"{URL}/s.ts"),
            "player": "hls_js",
            "surge": {
                "shape": "flash_crowd",
                "baseline": int(VIEWERS),
                "peak": int(VIEWERS) + 1,
                "warm_up": f"{ramp}s",
                "quiet": "3s",
                "ramp": "1s",
                "hold": f"{SECONDS}s",
                "fall": "1s",
                "remain": "100%",
            },
            "regions": {"in": {"share": "100%", "cohorts": {"all": cohort}}},
            "stay": {"zappers": "0%", "zapper_mean": "1s", "median": "1000h", "spread": 0.1},
        }
    )


def _init(environment: Any, **_: object) -> None:
    director = Director(environment, _scenario(), Path(OUT), lambda *_: None)
    Surge.plan.append(director.seats)
    environment.events.test_start.add_listener(lambda **_: director.begin())
    environment.events.test_stopping.add_listener(lambda **_: director.finish())


events.init.add_listener(_init)  # type: ignore[no-untyped-call]
