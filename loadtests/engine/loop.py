"""The event loop: resumes lanes when what they asked for has happened, at the time they asked for.

One `step` handles what is due and what is ready and returns; whoever owns the thread (a greenlet in Locust's hub,
a test, the preflight) calls it again. Timers are a heap of absolute times; a ticket per lane tells a live timer
from a stale one. Lateness is measured for every timed action: it is the generator's own health.
"""

from __future__ import annotations

import heapq
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Final

from loadtests.engine.address import origin_of
from loadtests.engine.channel import client_context
from loadtests.engine.connection import Connection
from loadtests.engine.names import Names
from loadtests.engine.poller import Poller, system_poller
from loadtests.engine.visit import Lane, Visit
from loadtests.recorder import CohortTally, Recorder
from loadtests.results import LAG_LIMIT, Generator, Window
from loadtests.session import Failed, Fire, Get, Reply, Session, Signal, Spawn, Viewer, WaitFor, WaitUntil
from loadtests.sketch import Sketch

Watch = Callable[[Viewer, CohortTally], Session]

SWEEP: Final = 0.1
"""Seconds between two looks at the requests under way for time-outs."""


BREATH: Final = 0.001
"""Seconds between two steps of `Loop.drive`."""
SHORTEST: Final = 0.5
"""Seconds that a CPU share is taken over at least: the last, broken second of a run is too short to judge."""


class Health:
    """How well the generator itself keeps up, since the last `read`."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.monotonic()
        self._reset()

    def _reset(self) -> None:
        self.lag, self.late, self.dropped = Sketch(), 0, 0

    def started(self, lag: float) -> None:
        """A timed action starts ``lag`` seconds after it was due."""
        self.lag.add(lag)
        if lag > LAG_LIMIT:
            self.late += 1

    def read(self, at: int, worker: str, *, sockets: int, viewers: int, received: int) -> Generator:
        """The line for second ``at``; starts the next second."""
        cpu, wall = time.process_time(), time.monotonic()
        share = (cpu - self._cpu) / max(wall - self._wall, SHORTEST)
        line = Generator(
            at=at,
            worker=worker,
            cpu=round(share, 4),
            lag=self.lag,
            late=self.late,
            dropped=self.dropped,
            sockets=sockets,
            viewers=viewers,
            bytes=received,
        )
        self._cpu, self._wall = cpu, wall
        self._reset()
        return line


class Loop:
    """Drives the visits of one process.

    ``arrivals`` are viewers in order of ``join_at``; ``watch`` makes a viewer's main lane. Run second zero is
    ``begins``, on ``time.monotonic``'s scale.
    """

    def __init__(
        self,
        arrivals: Iterable[Viewer] = (),
        watch: Watch | None = None,
        *,
        resolve: Iterable[str] = (),
        ca_file: str = "",
        begins: float | None = None,
        poller: Poller | None = None,
    ) -> None:
        self._begins = time.monotonic() if begins is None else begins
        self._coming: Iterator[Viewer] = iter(arrivals)
        self._next = next(self._coming, None)
        self._watch = watch
        self._poller = poller or system_poller()
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self.names = Names(resolve, clock=self.clock)
        self.recorder, self.health = Recorder(), Health()
        self.busy: dict[Connection, None] = {}
        self.visits: set[Visit] = set()
        self._by_fd: dict[int, Connection] = {}
        self._timers: list[tuple[float, int, int, Lane]] = []
        self._order = count()
        self._ready: deque[tuple[Lane, Reply]] = deque()
        self._swept = 0.0

    def clock(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self._begins

    def tls(self) -> ssl.SSLContext:
        """The one TLS context of this loop."""
        if self._tls is None:
            self._tls = client_context(self._ca_file)
        return self._tls

    @property
    def sockets(self) -> int:
        """Open connections."""
        return len(self._by_fd)

    @property
    def is_idle(self) -> bool:
        """Whether nobody is here and nobody will come."""
        return not (self.visits or self.busy or self._next)

    # -- one turn -------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Do what is due and what is ready; never waits."""
        self.names.deliver()
        now = self.clock()
        self._admit(now)
        self._wake(now)
        self._resume_ready()
        for fd, _ in self._poller.poll(0):
            connection = self._by_fd.get(fd)
            if connection is not None:
                connection.on_ready()
        self._resume_ready()
        if now - self._swept > SWEEP:
            self._swept = now
            for connection in tuple(self.busy):
                connection.expire(now)
            self._resume_ready()

    def _admit(self, now: float) -> None:
        while self._next is not None and self._next.join_at <= now:
            viewer, self._next = self._next, next(self._coming, None)
            assert self._watch is not None
            tally = self.recorder.tally(viewer.region, viewer.cohort)
            self.health.started(now - viewer.join_at)
            self.admit(Visit(viewer, tally), self._watch(viewer, tally))

    def admit(self, visit: Visit, session: Session) -> None:
        """Start a visit with its main lane."""
        self.visits.add(visit)
        self._spawn(visit, session)

    def _spawn(self, visit: Visit, session: Session) -> None:
        lane = Lane(visit, session)
        visit.lanes.append(lane)
        self._ready.append((lane, None))

    def _wake(self, now: float) -> None:
        timers = self._timers
        while timers and timers[0][0] <= now:
            due, _, ticket, lane = heapq.heappop(timers)
            if lane.ticket == ticket:
                self.health.started(now - due)
                self._unpark(lane, now)

    def _unpark(self, lane: Lane, now: float) -> None:
        lane.ticket += 1
        if lane.signal_waiters is not None:
            lane.signal_waiters.remove(lane)
            lane.signal_waiters = None
        self._ready.append((lane, now))

    def _resume_ready(self) -> None:
        ready = self._ready
        while ready:
            lane, reply = ready.popleft()
            if not lane.visit.over:
                self._run(lane, reply)

    def resume(self, lane: Lane, reply: Reply) -> None:
        """Hand a lane what it waited for, in this turn."""
        self._ready.append((lane, reply))

    # -- lanes ----------------------------------------------------------------------------------------------------

    def _run(self, lane: Lane, reply: Reply) -> None:
        send = lane.session.send
        while True:
            try:
                instruction = send(reply)
            except StopIteration:
                self._returned(lane)
                return
            reply = None
            match instruction:
                case Get():
                    self._fetch(lane, instruction)
                    return
                case WaitUntil(at):
                    self._park(lane, at)
                    return
                case WaitFor(signal, until):
                    self._park(lane, until)
                    lane.signal_waiters = signal.waiters
                    signal.waiters.append(lane)
                    return
                case Fire(signal):
                    self._fire(signal)
                case Spawn(session):
                    self._spawn(lane.visit, session)

    def _park(self, lane: Lane, until: float) -> None:
        lane.ticket += 1
        if until < float("inf"):
            heapq.heappush(self._timers, (until, next(self._order), lane.ticket, lane))

    def _fire(self, signal: Signal) -> None:
        now = self.clock()
        for lane in tuple(signal.waiters):
            assert isinstance(lane, Lane)
            self._unpark(lane, now)

    def _fetch(self, lane: Lane, get: Get) -> None:
        now = self.clock()
        try:
            origin = origin_of(get.url)
        except ValueError as error:
            lane.visit.tally.media_error(get.kind, "protocol")
            self.resume(lane, Failed(now, now, get.url, "protocol", str(error)))
            return
        connection = lane.visit.take(origin)
        if connection is None:
            connection = Connection(self, lane.visit, origin)
            lane.visit.opened.append(connection)
        connection.begin(lane, get, now)

    def _returned(self, lane: Lane) -> None:
        if lane is lane.visit.lanes[0]:
            self._end(lane.visit)
        else:
            lane.visit.lanes.remove(lane)

    def _end(self, visit: Visit) -> None:
        """The viewer is gone: lanes are closed, idle connections too; a request under way is read to its end."""
        visit.over = True
        for lane in visit.lanes:
            lane.ticket += 1
            lane.session.close()
        visit.lanes.clear()
        for connection in tuple(visit.opened):
            if connection in self.busy:
                connection.lane = None
            else:
                connection.close()
        self.visits.discard(visit)

    # -- sockets --------------------------------------------------------------------------------------------------

    def watch(self, connection: Connection, events: int) -> None:
        """Start polling a connection's socket."""
        self._by_fd[connection.fd] = connection
        self._poller.register(connection.fd, events)

    def rewatch(self, connection: Connection, events: int) -> None:
        """Poll a connection's socket for something else."""
        self._poller.modify(connection.fd, events)

    def unwatch(self, connection: Connection) -> None:
        """Stop polling a connection's socket."""
        if self._by_fd.pop(connection.fd, None) is not None:
            self._poller.unregister(connection.fd)

    # -- ending ---------------------------------------------------------------------------------------------------

    def dismiss(self) -> None:
        """Nobody else comes and everybody leaves now; requests under way go on."""
        self._next = None
        now = self.clock()
        for visit in tuple(self.visits):
            if visit.lanes:
                self._unpark(visit.lanes[0], now)
        self._resume_ready()

    def cancel(self) -> None:
        """Cut off what is still under way."""
        for connection in tuple(self.busy):
            connection.cancel()

    def windows(self, until: float) -> list[Window]:
        """The windows of the seconds that ended by ``until``."""
        return list(self.recorder.close_until(until))

    def drive(self, patience: float) -> None:
        """Step until nothing is left to do or ``patience`` seconds are over (for use outside Locust)."""
        end = self.clock() + patience
        while not self.is_idle and self.clock() < end:
            self.step()
            time.sleep(BREATH)  # lets gevent's hub turn, where there is one: name look-ups run there
