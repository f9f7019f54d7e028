"""Locustfile: FastHttpUser or HttpUser at the work named in the environment, written as its users would write it."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import gevent
import gevent.ssl
from locust import FastHttpUser, HttpUser, events, task

from benchmarks.rig.work import PERIOD, Work
from loadtests.sketch import Sketch

WORK = Work.model_validate_json(Path(os.environ["BENCHMARK_WORK"]).read_text(encoding="utf-8"))
JOINS = list(WORK.stairs.joins())
LATE = 1.0
"""Seconds after its end that a second is written down."""


class Seconds:
    """What happened in each second, in which requests ended and were due."""

    def __init__(self) -> None:
        self.done: dict[int, int] = {}
        self.failed: dict[int, int] = {}
        self.bytes: dict[int, int] = {}
        self.lag: dict[int, Sketch] = {}

    def late(self, now: float, by: float) -> None:
        """A turn began ``by`` seconds after it was due."""
        second = int(now)
        if second not in self.lag:
            self.lag[second] = Sketch()
        self.lag[second].add(by)

    def add(self, answer: Any) -> None:
        """A request ended."""
        second = int(time.time() - WORK.epoch)
        self.done[second] = self.done.get(second, 0) + 1
        if answer.status_code == 200:
            self.bytes[second] = self.bytes.get(second, 0) + len(answer.content)
        else:
            self.failed[second] = self.failed.get(second, 0) + 1

    def line(self, second: int) -> str:
        """One second, as JSON."""
        figures = {name: getattr(self, name).get(second, 0) for name in ("done", "failed", "bytes")}
        return json.dumps({"at": second, **figures, "lag": self.lag.get(second, Sketch()).as_dict()}) + "\n"


SECONDS = Seconds()
_number = itertools.count()


def watch(user: Any, number: int) -> None:
    """One visit, to the end of the climb: a playlist every 2 s, a segment every 4 s, at absolute times."""
    origin = WORK.origins[number % len(WORK.origins)]
    playlist, segment = f"{origin}/p.m3u8", f"{origin}/{WORK.segment}"
    due = WORK.epoch + JOINS[number]
    for turn in itertools.count():
        gevent.sleep(max(0.0, due - time.time()))
        now = time.time()
        SECONDS.late(now - WORK.epoch, now - due)
        SECONDS.add(user.client.get(playlist, name="playlist"))
        if turn % 2 == 0:
            SECONDS.add(user.client.get(segment, name="segment"))
        due += PERIOD


def place_of(user: Any) -> int:
    """Which viewer this user is: numbers go round the workers."""
    index = max(0, getattr(user.environment.runner, "worker_index", 0))
    return next(_number) * WORK.processes + index


def _write_seconds() -> None:
    with (WORK.folder / f"seconds-{os.getpid()}.jsonl").open("w", encoding="utf-8") as out:
        for second in itertools.count():
            gevent.sleep(max(0.0, WORK.epoch + second + 1 + LATE - time.time()))
            out.write(SECONDS.line(second))
            out.flush()


def _begin(**_: object) -> None:
    gevent.spawn(_write_seconds)


events.test_start.add_listener(_begin)  # type: ignore[no-untyped-call]

if WORK.client.startswith("FastHttpUser"):
    CONTEXT = gevent.ssl.create_default_context(cafile=WORK.ca_file or None)

    class Fast(FastHttpUser):
        """Connection reuse, gzip and event hooks as they come; certificates are checked."""

        host = WORK.origins[0]
        insecure = False
        ssl_context_factory = staticmethod(lambda **_: CONTEXT)  # told a file, it would read it for each connection

        @task
        def watch(self) -> None:
            """One visit."""
            if (number := place_of(self)) < len(JOINS):
                watch(self, number)
            gevent.sleep(1e6)
else:

    class Http(HttpUser):
        """The same by python-requests."""

        host = WORK.origins[0]

        @task
        def watch(self) -> None:
            """One visit."""
            self.client.verify = WORK.ca_file or True
            if (number := place_of(self)) < len(JOINS):
                watch(self, number)
            gevent.sleep(1e6)
