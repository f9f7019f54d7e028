"""Drives one process's share of the viewers and reports what it recorded, second by second."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from typing import Final

import gevent

from loadtests.arrivals import arrivals
from loadtests.engine.loop import Loop, Reach
from loadtests.limits import HERE, Machine, raise_file_limit
from loadtests.recorder import CohortTally
from loadtests.results import Line, Window
from loadtests.session import Session, Viewer
from loadtests.wiring.assignment import Assignment, Report

TICK: Final = 0.002
"""Seconds between two turns of the loop: bigger batches are cheaper, smaller ones measure sharper."""
DRAIN: Final = 5.0
"""Seconds that requests under way at the end of the run may still take."""


class Worker:
    """One share of a run. `run` is the greenlet; `finish` ends it and sends the last report."""

    def __init__(
        self,
        assignment: Assignment,
        send: Callable[[Report], None],
        observe: Callable[[list[Window]], None],
        machine: Machine = HERE,
    ) -> None:
        self._assignment, self._send, self._observe = assignment, send, observe
        scenario, target = assignment.scenario, assignment.scenario.target
        everyone = arrivals(scenario, assignment.epoch)
        mine = (viewer for viewer in everyone if viewer.number % assignment.workers == assignment.index)
        self.loop = Loop(
            mine,
            self._watch,
            reach=Reach(
                target.resolve,
                target.ca_file,
                target.claimed_hosts,
                http2=target.http == "2",
                stride=assignment.workers,
                **machine._asdict(),
            ),
            begins=time.monotonic() + assignment.epoch - time.time(),
        )
        self._reported = 0
        self._finished = False

    def _watch(self, viewer: Viewer, tally: CohortTally) -> Session:
        scenario = self._assignment.scenario
        return scenario.stream.watch(viewer, scenario.player, tally)

    def run(self) -> None:
        """Drive viewers until killed."""
        raise_file_limit()
        gc.collect()
        gc.freeze()
        while True:
            self._turn()

    def _turn(self) -> None:
        self.loop.step()
        if self.loop.clock() >= self._reported + 1:
            self._report(int(self.loop.clock()), last=False)
        gevent.sleep(TICK)

    def finish(self) -> None:
        """Everybody leaves; wait for requests under way, then send the last report. Safe to call twice."""
        if self._finished:
            return
        self._finished = True
        try:
            self._drain()
        finally:
            self.loop.cancel()
            self._report(max(math.ceil(self.loop.clock()), 0), last=True)

    def _drain(self) -> None:
        self.loop.dismiss()
        deadline = self.loop.clock() + DRAIN
        while not self.loop.is_idle and self.loop.clock() < deadline:
            self._turn()

    def _report(self, until: int, *, last: bool) -> None:
        windows = self.loop.windows(until)
        lines: list[Line] = [*windows]
        if until > self._reported:
            lines.append(self._health(until - 1, windows))
        self._reported = max(until, self._reported)
        self._observe(windows)
        self._send(Report.of(self._assignment, until, lines, last=last))

    def _health(self, second: int, windows: list[Window]) -> Line:
        received = sum(sums.bytes + sums.head_bytes for window in windows for sums in window.requests.values())
        return self.loop.health.read(
            second,
            self._assignment.worker,
            sockets=self.loop.sockets,
            viewers=self.loop.recorder.viewers,
            received=received,
        )
