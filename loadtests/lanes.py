"""Drives lanes: resumes a session when what it asked for has happened. Sockets or a model bring the replies.

The engine's loop and that of virtual time are both of this kind, so that signals, timers, dismissal and the end of a
visit mean the same in both. It owns no clock: `Lanes.clock` is whoever drives it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from math import inf
from typing import Any, Generic, Protocol, TypeVar

from loadtests.recorder import CohortTally
from loadtests.session import Fire, Get, Reply, Session, Signal, Spawn, Viewer, WaitFor, WaitUntil


class Visit:
    """The lanes of one viewer; over when its first lane returns."""

    __slots__ = ("dismissed", "lanes", "over", "tally", "viewer")

    def __init__(self, viewer: Viewer, tally: CohortTally) -> None:
        self.viewer, self.tally = viewer, tally
        self.lanes: list[Lane[Any]] = []
        self.dismissed = False
        """Whether the first lane's next wait ends at once, because the run does."""
        self.over = False


SomeVisit = TypeVar("SomeVisit", bound=Visit)


class Lane(Generic[SomeVisit]):
    """A session generator and what it waits for."""

    __slots__ = ("parked", "session", "signal", "ticket", "timed", "visit")

    def __init__(self, visit: SomeVisit, session: Session) -> None:
        self.visit, self.session = visit, session
        self.ticket = 0
        """Tells its newest timer from older ones."""
        self.parked = False
        """Whether it waits for a time or a signal, rather than for a response."""
        self.timed = False
        """Whether a timer of its newest ticket is set."""
        self.signal: Signal | None = None


class Timetable(Protocol):
    """Where lanes are entered that wait for a time."""

    def add(self, lane: Lane[Any], at: float, /) -> None:
        """Wake ``lane`` at ``at``, unless it gets another ticket before."""

    def forget(self, lane: Lane[Any], /) -> None:
        """``lane`` has moved on; its timer, if it has one, is stale."""


class Lanes(ABC, Generic[SomeVisit]):
    """The lanes of many visits."""

    def __init__(self, timers: Timetable) -> None:
        self.visits: dict[SomeVisit, None] = {}
        self._timetable = timers
        self._ready: deque[tuple[Lane[SomeVisit], Reply]] = deque()

    # -- what the driver does -------------------------------------------------------------------------------------

    @abstractmethod
    def clock(self) -> float:
        """Seconds since the start of the run."""

    @abstractmethod
    def fetch(self, lane: Lane[SomeVisit], get: Get) -> None:
        """Have ``lane`` resumed with what comes of a request."""

    @abstractmethod
    def left(self, visit: SomeVisit) -> None:
        """The viewer is gone, its lanes are closed."""

    @abstractmethod
    def fault(self, error: Exception) -> None:
        """An error in one session was caught: that visit ends, the others do not."""

    # -- lanes ----------------------------------------------------------------------------------------------------

    def admit(self, visit: SomeVisit, session: Session) -> None:
        """Start a visit with its main lane."""
        self.visits[visit] = None
        self._spawn(visit, session)

    def _spawn(self, visit: SomeVisit, session: Session) -> None:
        lane = Lane(visit, session)
        visit.lanes.append(lane)
        self._ready.append((lane, None))

    def unpark(self, lane: Lane[SomeVisit], now: float) -> None:
        """Wake a lane that waits for a time or a signal."""
        self._leave_wait(lane)
        self._ready.append((lane, now))

    def _leave_wait(self, lane: Lane[SomeVisit]) -> None:
        self._timetable.forget(lane)
        lane.parked = False
        if lane.signal is not None:
            lane.signal.waiters.remove(lane)
            lane.signal = None

    def resume(self, lane: Lane[SomeVisit], reply: Reply) -> None:
        """Hand a lane what it waited for, in this turn."""
        self._ready.append((lane, reply))

    def resume_ready(self) -> None:
        """Let every lane go on that has been handed something, until all wait."""
        ready = self._ready
        while ready:
            lane, reply = ready.popleft()
            if not lane.visit.over:
                self._run(lane, reply)

    def _run(self, lane: Lane[SomeVisit], reply: Reply) -> None:
        try:
            while not self._obey(lane, lane.session.send(reply)):
                reply = None
        except StopIteration:
            self._returned(lane)
        except Exception as error:  # noqa: BLE001 - an error in one session is not the others'
            self.fault(error)
            self.end(lane.visit)

    def _obey(self, lane: Lane[SomeVisit], instruction: Any) -> bool:
        """Do as the lane says; whether it has to wait now."""
        kind = type(instruction)  # class patterns cost a third of a microsecond each, in the path of every request
        if kind is Get:
            self.fetch(lane, instruction)
        elif kind is WaitUntil:
            self._park(lane, instruction.at)
        elif kind is WaitFor:
            lane.signal = instruction.signal
            instruction.signal.waiters.append(lane)
            self._park(lane, instruction.until)
        elif kind is Fire:
            self._fire(instruction.signal)
            return False
        elif kind is Spawn:
            self._spawn(lane.visit, instruction.lane)
            return False
        else:
            raise TypeError(f"a session asks for {instruction!r}")
        return True

    def _park(self, lane: Lane[SomeVisit], until: float) -> None:
        lane.parked = True
        now = self.clock()
        if lane.visit.dismissed and lane is lane.visit.lanes[0]:
            lane.visit.dismissed = False
            self.unpark(lane, now)
        elif until < inf:
            self._timetable.add(lane, max(now, until))  # what is due in the past is not late before it is asked for
        elif until != inf:
            raise ValueError(f"a session waits until {until!r}")

    def _fire(self, signal: Signal) -> None:
        now = self.clock()
        for lane in tuple(signal.waiters):
            assert isinstance(lane, Lane)
            self.unpark(lane, now)

    # -- ending ---------------------------------------------------------------------------------------------------

    def _returned(self, lane: Lane[SomeVisit]) -> None:
        if lane is lane.visit.lanes[0]:
            self.end(lane.visit)
        else:
            lane.visit.lanes.remove(lane)

    def end(self, visit: SomeVisit) -> None:
        """The viewer is gone: its lanes are closed."""
        visit.over = True
        for lane in visit.lanes:
            self._leave_wait(lane)
            self._close(lane.session)
        visit.lanes.clear()
        self.left(visit)
        self.visits.pop(visit, None)

    def _close(self, session: Session) -> None:
        try:
            session.close()
        except Exception as error:  # noqa: BLE001 - an error in one session is not the others'
            self.fault(error)

    def dismiss(self) -> None:
        """Everybody leaves now: main lanes are woken early, requests under way go on.

        A main lane that waits for a response gets it first, and is woken early from its next wait.
        """
        now = self.clock()
        for visit in tuple(self.visits):
            if visit.lanes and visit.lanes[0].parked:
                self.unpark(visit.lanes[0], now)
            else:
                visit.dismissed = True
        self.resume_ready()
