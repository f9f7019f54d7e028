"""Locustfile of the density benchmark: Locust's FastHttpUser doing the same paced work. Set by environment."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, events, task

from benchmarks.paced import PERIOD
from loadtests.sketch import Sketch

URL, VIEWERS, SECONDS, OUT = (os.environ[f"DENSITY_{name}"] for name in ("URL", "VIEWERS", "SECONDS", "OUT"))
RAMP = max(4.0, int(VIEWERS) / 400)
BEGINS = time.monotonic() + 1.0 + RAMP + PERIOD
LAG = Sketch()
_number = itertools.count()
_state: dict[str, float] = {}


class Fast(FastHttpUser):
    """A playlist every 2 s, a segment every 4 s, at absolute times."""

    host = URL

    @task
    def watch(self) -> None:
        """One visit, to the end of the run."""
        due = BEGINS - RAMP - PERIOD + next(_number) / int(VIEWERS) * RAMP
        for turn in itertools.count():
            gevent.sleep(max(0.0, due - time.monotonic()))
            if due > BEGINS:
                LAG.add(time.monotonic() - due)
            self.client.get("/p.m3u8", name="playlist")
            if turn % 2 == 0:
                self.client.get("/s.ts", name="segment")
            due += PERIOD


def _measure(environment: Any) -> None:
    gevent.sleep(max(0.0, BEGINS - time.monotonic()))
    cpu, count = time.process_time(), environment.stats.total.num_requests
    gevent.sleep(float(SECONDS))
    spent = time.process_time() - cpu
    figures = {
        "cpu": spent / float(SECONDS),
        "requests": (environment.stats.total.num_requests - count) / float(SECONDS),
        "lag_p99": LAG.quantile(0.99),
        "errors": environment.stats.total.num_failures,
    }
    Path(OUT).write_text(json.dumps(figures), encoding="utf-8")
    environment.runner.quit()


def _init(environment: Any, **_: object) -> None:
    gevent.spawn(_measure, environment)


events.init.add_listener(_init)  # type: ignore[no-untyped-call]
