"""Drives one process's share of the viewers and reports what it recorded, second by second."""

from __future__ import annotations

import gc
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import gevent

from loadtests.arrivals import arrivals
from loadtests.engine.loop import Later, Loop
from loadtests.engine.paces import Deliveries
from loadtests.homes import Homes
from loadtests.journal import SILENCE
from loadtests.lastmile import Delivery, LastMiles, deliver
from loadtests.limits import HERE, Machine, raise_file_limit
from loadtests.reaching import reach_of_all
from loadtests.recorder import CohortTally
from loadtests.results import Line, Window
from loadtests.scenario import Scenario
from loadtests.session import Session, Viewer
from loadtests.wiring.assignment import Assignment, Report
from loadtests.wiring.homecoming import Homecoming

TICK: Final = 0.002
"""Seconds from one turn of the loop to the next: bigger batches are cheaper, smaller ones react sooner."""
BREATH: Final = 0.001
"""Seconds between two turns at least, however long a turn takes: Locust lives here too."""
SPREAD: Final = 0.5
"""Seconds after a full one over which workers spread their reports: on one core they would wait for each other."""
COLLECT: Final = (50_000, 20, 100)
"""Of the garbage collector. What viewers leave behind goes without it; at Python's own (700, 10, 10) it took 6 % of
the process at 38,000 viewers (perf), for it looks at every new viewer again and again."""
LEASE: Final = SILENCE - 0.5
"""Seconds that a worker drives viewers after the last report that the director is known to have heard. The director
gives a worker up `SILENCE` seconds after a report has come, which is later: so nobody is driven twice."""
DRAIN: Final = 5.0
"""Seconds that requests under way at the end of the run may still take."""


AHEAD: Final = 1.0
"""Seconds before a foreign viewer joins at which it is looked at: far fewer than a run has, far more than a turn."""
STRIDE: Final = 0.1
"""Seconds of foreign arrivals looked at in one turn: each costs 12 us, so a thousand a second cost a turn 1.2 ms."""


def own(everyone: Iterable[Viewer], is_mine: Callable[[Viewer], bool]) -> Iterator[Viewer | Later]:
    """One process's viewers out of all, in their order, without looking far ahead where its own are rare.

    After `STRIDE` seconds of others' viewers it says when to look on: `AHEAD` before the last one it saw joins.
    """
    horizon = 0.0
    for viewer in everyone:
        if is_mine(viewer):
            yield viewer
        elif viewer.join_at > horizon:
            yield Later(viewer.join_at - AHEAD)
        else:
            continue
        horizon = viewer.join_at + STRIDE


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
        self._homes, self._drawn = assignment.homes, -1
        carried, stride = self._homes.carried(assignment.worker), self._homes.stride(assignment.worker)
        self.loop = Loop(
            own(arrivals(assignment.scenario, assignment.epoch), self._is_mine),
            self._watch,
            reach=reach_of_all(assignment.scenario, carried, machine, stride)._replace(
                last_mile=deliveries(assignment.scenario)
            ),
            begins=time.monotonic() + assignment.epoch - time.time(),
        )
        self._homecomings: deque[Homecoming] = deque()
        self._heard = 0.0
        """When a report was sent that the director is known to have heard."""
        self._reported = self._told = 0
        """Seconds in the outbox or sent, and seconds sent to their end."""
        self._late = SPREAD * assignment.late
        self._outbox: deque[Line] = deque()
        """What was recorded and not sent yet, of the last full second."""
        self._finished = False

    def _is_mine(self, viewer: Viewer) -> bool:
        """Whether its home is this, by the homes as they are when it is looked at."""
        self._drawn = viewer.number
        return self._homes.of(viewer.region, viewer.number) == self._assignment.worker

    def _watch(self, viewer: Viewer, tally: CohortTally) -> Session:
        scenario = self._assignment.scenario
        return scenario.stream.watch(viewer, scenario.player, tally)

    def run(self) -> None:
        """Drive viewers until killed, or until the director hears nothing any more: others carry them then."""
        raise_file_limit()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        while self._may_go_on():
            self._turn()
        self.leave(f"nothing heard from the director for {LEASE:g} s")

    def _may_go_on(self) -> bool:
        """Looked at before each turn: a process that was stopped must not go on where others have taken over."""
        return not self._assignment.leased or self.loop.clock() - self._heard <= LEASE

    def heard(self, sent_at: float) -> None:
        """The director has heard what was sent then."""
        self._heard = max(self._heard, sent_at)

    def rehome(self, homes: Homes) -> None:
        """A worker was lost: take in those of its viewers whose home this is now."""
        for number in range(len(self._homes.lost), len(homes.lost)):
            before, self._homes = self._homes, self._homes.without(homes.lost[number])
            plan, me = self._assignment, self._assignment.worker
            everyone = arrivals(plan.scenario, plan.epoch)
            self._homecomings.append(Homecoming(everyone, me, before, self._homes, self._drawn))

    def _take_in(self, now: float) -> None:
        for viewer in self._homecomings[0].take(now):
            self.loop.take_in(viewer)
        if (taken := self._homecomings[0].answer(now)) is not None:
            self._homecomings.popleft()
            self._send(self._report(taken=(taken,)))

    def _report(self, lines: Iterable[Line] = (), **more: Any) -> Report:
        return Report.of(self._assignment, self._told, lines, sent_at=self.loop.clock(), **more)

    def leave(self, why: str) -> None:
        """Drive nobody from now on, though the run goes on: say so at once, then end as at its end."""
        if not self._finished:
            self._send(self._report(leaving=why))
        self.finish()

    def _turn(self) -> None:
        began = self.loop.clock()
        self.loop.step()
        if self._homecomings and not self._finished:
            self._take_in(began)
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
        self._send(self._report(lines, last=last))

    def _health(self, second: int, windows: list[Window]) -> Line:
        received = sum(sums.bytes + sums.head_bytes for window in windows for sums in window.requests.values())
        return self.loop.health.read(
            second,
            self._assignment.worker,
            sockets=self.loop.sockets,
            viewers=self.loop.recorder.viewers,
            received=received,
        )
