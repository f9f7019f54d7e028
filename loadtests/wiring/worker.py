"""Drives one process's share of the viewers and reports what it recorded, second by second."""

from __future__ import annotations

import gc
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import gevent

from loadtests.arrivals import arrivals
from loadtests.engine.loop import Loop, Reach
from loadtests.engine.paces import Deliveries
from loadtests.lastmile import Delivery, LastMiles, deliver
from loadtests.limits import HERE, Machine, raise_file_limit
from loadtests.recorder import CohortTally
from loadtests.results import Line, Window
from loadtests.scenario import Scenario
from loadtests.session import Session, Viewer
from loadtests.wiring.assignment import Assignment, Report

TICK: Final = 0.002
"""Seconds from one turn of the loop to the next: bigger batches are cheaper, smaller ones react sooner."""
BREATH: Final = 0.001
"""Seconds between two turns at least, however long a turn takes: Locust lives here too."""
SPREAD: Final = 0.5
"""Seconds after a full one over which workers spread their reports: on one core they would wait for each other."""
COLLECT: Final = (50_000, 20, 100)
"""Of the garbage collector. What viewers leave behind goes without it; at Python's own (700, 10, 10) it took 6 % of
the process at 38,000 viewers (perf), for it looks at every new viewer again and again."""
DRAIN: Final = 5.0
"""Seconds that requests under way at the end of the run may still take."""


def deliveries(scenario: Scenario) -> Deliveries | None:
    """What each viewer's connections deliver together; None where no region is shaped."""
    miles = LastMiles(scenario)

    def last_mile(viewer: Viewer) -> Delivery | None:
        mile = miles.of(viewer)
        return None if mile is None else deliver(mile)

    return last_mile if miles.shaped else None


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
                last_mile=deliveries(scenario),
                **machine._asdict(),
            ),
            begins=time.monotonic() + assignment.epoch - time.time(),
        )
        self._reported = self._told = 0
        """Seconds in the outbox or sent, and seconds sent to their end."""
        self._late = SPREAD * assignment.index / assignment.workers
        self._outbox: deque[Line] = deque()
        """What was recorded and not sent yet, of the last full second."""
        self._finished = False

    def _watch(self, viewer: Viewer, tally: CohortTally) -> Session:
        scenario = self._assignment.scenario
        return scenario.stream.watch(viewer, scenario.player, tally)

    def run(self) -> None:
        """Drive viewers until killed."""
        raise_file_limit()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        while True:
            self._turn()

    def _turn(self) -> None:
        began = self.loop.clock()
        self.loop.step()
        if self._outbox:
            self._send_some(1)
        elif began >= self._reported + 1 + self._late:
            self._close_until(int(began))
        gevent.sleep(max(TICK - (self.loop.clock() - began), BREATH))

    def finish(self) -> None:
        """Everybody leaves; wait for requests under way, then send the last report. Safe to call twice."""
        if self._finished:
            return
        self._finished = True
        try:
            self._drain()
        finally:
            self.loop.cancel()
            self._send_some(len(self._outbox))
            self._close_until(max(math.ceil(self.loop.clock()), 0))
            self._send_some(len(self._outbox), last=True)

    def _drain(self) -> None:
        self.loop.dismiss()
        deadline = self.loop.clock() + DRAIN
        while not self.loop.is_idle and self.loop.clock() < deadline:
            self._turn()

    def _close_until(self, until: int) -> None:
        """Put what was recorded before second ``until`` into the outbox."""
        windows = self.loop.windows(until)
        self._outbox += windows
        if until > self._reported:
            self._outbox.append(self._health(until - 1, windows))
        self._reported = max(until, self._reported)

    def _send_some(self, count: int, *, last: bool = False) -> None:
        """Send that many lines: a few a turn, for packing all of them at once would make viewers late."""
        lines = [self._outbox.popleft() for _ in range(count)]
        self._observe([line for line in lines if isinstance(line, Window)])
        self._told = self._told if self._outbox else self._reported
        self._send(Report.of(self._assignment, self._told, lines, last=last))

    def _health(self, second: int, windows: list[Window]) -> Line:
        received = sum(sums.bytes + sums.head_bytes for window in windows for sums in window.requests.values())
        return self.loop.health.read(
            second,
            self._assignment.worker,
            sockets=self.loop.sockets,
            viewers=self.loop.recorder.viewers,
            received=received,
        )
