"""The event loop: resumes lanes when what they asked for has happened, at the time they asked for.

One `step` handles what is due and what is ready and returns; whoever owns the thread (a greenlet in Locust's hub,
a test, the preflight) calls it again. Lateness is measured for every timed action: it is the generator's own health.
An error in one session ends that visit and no other; `Health` counts it, and the run is not valid from then on.
"""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Final, NamedTuple

from loadtests.engine.channel import client_context
from loadtests.engine.connection import Connection
from loadtests.engine.exchange import Exchange
from loadtests.engine.health import Health
from loadtests.engine.http2 import Http2
from loadtests.engine.names import Lookup, Names, system_lookup
from loadtests.engine.poller import Poller, system_poller
from loadtests.engine.request import Origin, prepared
from loadtests.engine.sockets import Sockets
from loadtests.engine.timers import Timers
from loadtests.engine.visit import Lane, Link, Visit
from loadtests.recorder import CohortTally, Recorder
from loadtests.results import Window
from loadtests.session import ErrorKind, Failed, Fire, Get, Reply, Session, Signal, Spawn, Viewer, WaitFor, WaitUntil

Watch = Callable[[Viewer, CohortTally], Session]

SWEEP: Final = 0.1
"""Seconds between two looks at the requests under way for time-outs."""
CLOCK_SET: Final = 0.001
"""Seconds by which the wall clock goes off against the steady one within a turn when somebody sets it."""
BREATH: Final = 0.001
"""Seconds between two steps of `Loop.drive`."""


class Reach(NamedTuple):
    """Whom the loop may ask, and how it gets there."""

    resolve: Iterable[str] = ()
    """Connect overrides ``HOST:PORT:ADDRESS[,ADDRESS]``."""
    ca_file: str = ""
    """PEM file of the authority behind the target's certificate; empty for the public ones."""
    hosts: frozenset[str] | None = None
    """The only hosts that are asked, whatever a playlist or a redirect names; None for any."""
    http2: bool = False
    """Whether https servers are offered HTTP/2."""
    sources: tuple[str, ...] = ()
    """Numeric addresses of this machine to connect from, in turn; empty to leave it to the system."""
    receive_buffer: int = 0
    """Bytes that the kernel may keep for a connection; 0 to leave it to the system."""
    stride: int = 1
    """How far apart the numbers of this process's viewers are: addresses are taken in turn all the same."""


ANYWHERE: Final = Reach()


class System(NamedTuple):
    """What the loop takes from the operating system; a test gives it something else."""

    ticks: Callable[[], float] = time.monotonic
    lookup: Lookup = system_lookup
    poller: Callable[[], Poller] = system_poller
    wall: Callable[[], float] = time.time
    """Seconds since 1970, the scale on which the kernel says when bytes came."""


SYSTEM: Final = System()


class Loop:
    """Drives the visits of one process.

    ``arrivals`` are viewers in order of ``join_at``; ``watch`` makes a viewer's main lane. Run second zero is
    ``begins``, on the scale of the system's ``ticks``.
    """

    def __init__(
        self,
        arrivals: Iterable[Viewer] = (),
        watch: Watch | None = None,
        *,
        reach: Reach = ANYWHERE,
        begins: float | None = None,
        system: System = SYSTEM,
    ) -> None:
        self._ticks, self._wall = system.ticks, system.wall
        self._zero, self._steady = 0.0, False
        self._begins = system.ticks() if begins is None else begins
        self._coming: Iterator[Viewer] = iter(arrivals)
        self._next = next(self._coming, None)
        self._watch = watch
        self.polled = Sockets(system.poller())
        self.reach = reach
        self._hosts = reach.hosts
        self._tls = client_context(reach.ca_file, http2=reach.http2) if reach.ca_file else None
        self.names = Names(reach.resolve, system.lookup, self.clock)
        self.recorder, self.health = Recorder(), Health()
        self.busy: dict[Link, float] = {}
        """Links with a request under way, and when to look next whether its time is up."""
        self.visits: dict[Visit, None] = {}
        self._timers = Timers()
        self._ready: deque[tuple[Lane, Reply]] = deque()
        self._windows: list[Window] = []
        self._swept = 0.0

    def clock(self) -> float:
        """Seconds since the start of the run."""
        return self._ticks() - self._begins

    def moment(self, stamp: float, since: float) -> float:
        """The run second of a kernel's receive time (seconds since 1970), which cannot have been before ``since``.

        Now, when the kernel does not say, or when its clock was set meanwhile.
        """
        now, at = self._ticks() - self._begins, stamp - self._zero
        return at if since <= at < now and self._steady else now

    def tls(self) -> ssl.SSLContext:
        """The one TLS context of this loop."""
        if self._tls is None:
            self._tls = client_context(http2=self.reach.http2)
        return self._tls

    @property
    def sockets(self) -> int:
        """Open connections."""
        return len(self.polled)

    @property
    def is_idle(self) -> bool:
        """Whether nobody is here and nobody will come."""
        return not (self.visits or self.busy or self._next)

    # -- one turn -------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Do what is ready and what is due; never waits."""
        now = self.clock()
        self._set_clocks(now)
        if now >= self.recorder.second + 1:
            self._windows += self.recorder.close_until(now)
        self.names.deliver()
        self._hear()  # before anybody is woken: a connection that the server has closed is not used again
        self._resume_ready()
        now = self.clock()
        self._admit(now)
        self._wake(now)
        self._resume_ready()
        if now - self._swept > SWEEP:
            self._sweep(now)

    def _set_clocks(self, now: float) -> None:
        """Where run second zero lies on the kernel's clock; not to be told in a turn in which that clock was set."""
        zero = self._wall() - now
        if abs(zero - self._zero) >= CLOCK_SET:  # or the system gave our core to somebody between the two looks
            zero = self._wall() - self.clock()
        self._steady = abs(zero - self._zero) < CLOCK_SET
        self._zero = zero

    def _hear(self) -> None:
        for owner in self.polled.ready():
            try:
                owner.on_ready()
            except Exception as error:  # noqa: BLE001 - one viewer's trouble is not the others'
                self.health.fault(error)
                owner.abandon(error)

    def _sweep(self, now: float) -> None:
        self._swept = now
        for link in [link for link, due in self.busy.items() if due <= now]:
            again = link.expire(now)
            if link in self.busy:
                self.busy[link] = again
        self._resume_ready()

    def _admit(self, now: float) -> None:
        while self._next is not None and self._next.join_at <= now:
            viewer, self._next = self._next, next(self._coming, None)
            assert self._watch is not None
            tally = self.recorder.tally(viewer.region, viewer.cohort)
            self.health.started(now - viewer.join_at)
            try:
                session = self._watch(viewer, tally)
            except Exception as error:  # noqa: BLE001 - an error in one session is not the others'
                self.health.fault(error)
            else:
                self.admit(Visit(viewer, tally), session)

    def admit(self, visit: Visit, session: Session) -> None:
        """Start a visit with its main lane."""
        self.visits[visit] = None
        self._spawn(visit, session)

    def _spawn(self, visit: Visit, session: Session) -> None:
        lane = Lane(visit, session)
        visit.lanes.append(lane)
        self._ready.append((lane, None))

    def _wake(self, now: float) -> None:
        for at, lane in self._timers.due(now):
            self.health.started(now - at)
            self._unpark(lane, now)

    def _unpark(self, lane: Lane, now: float) -> None:
        self._leave_wait(lane)
        self._ready.append((lane, now))

    def _leave_wait(self, lane: Lane) -> None:
        self._timers.forget(lane)
        lane.parked = False
        if lane.signal is not None:
            lane.signal.waiters.remove(lane)
            lane.signal = None

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
        try:
            while not self._obey(lane, lane.session.send(reply)):
                reply = None
        except StopIteration:
            self._returned(lane)
        except Exception as error:  # noqa: BLE001 - an error in one session is not the others'
            self.health.fault(error)
            self._end(lane.visit)

    def _obey(self, lane: Lane, instruction: object) -> bool:
        """Do as the lane says; whether it has to wait now."""
        match instruction:
            case Get():
                self._fetch(lane, instruction)
            case WaitUntil(at):
                self._park(lane, at)
            case WaitFor(signal, until):
                lane.signal = signal
                signal.waiters.append(lane)
                self._park(lane, until)
            case Fire(signal):
                self._fire(signal)
                return False
            case Spawn(session):
                self._spawn(lane.visit, session)
                return False
            case _:
                raise TypeError(f"a session asks for {instruction!r}")
        return True

    def _park(self, lane: Lane, until: float) -> None:
        lane.parked = True
        now = self.clock()
        if lane.visit.dismissed and lane is lane.visit.lanes[0]:
            lane.visit.dismissed = False
            self._unpark(lane, now)
        elif until < inf:
            self._timers.add(lane, max(now, until))  # what is due in the past is not late before it is asked for
        elif until != inf:
            raise ValueError(f"a session waits until {until!r}")

    def _fire(self, signal: Signal) -> None:
        now = self.clock()
        for lane in tuple(signal.waiters):
            assert isinstance(lane, Lane)
            self._unpark(lane, now)

    def _fetch(self, lane: Lane, get: Get) -> None:
        try:
            origin, request = prepared(get.url, get.read)
        except ValueError as error:
            self._refuse(lane, get, "protocol", str(error))
            return
        if self._hosts is not None and origin.host not in self._hosts:
            self._refuse(lane, get, "unclaimed_host", f"nobody claims {origin.host}")
            return
        visit = lane.visit
        link = visit.take(origin) or self._connect(visit, origin)
        link.send(Exchange(lane, get, request, self._ticks() - self._begins))

    def link(self, visit: Visit, origin: Origin) -> Link:
        """A connection that takes a request now; a new one if there is none."""
        return visit.take(origin) or self._connect(visit, origin)

    def _connect(self, visit: Visit, origin: Origin) -> Link:
        kind = Http2 if self.reach.http2 and origin.scheme == "https" else Connection
        link: Link = kind(self, visit, origin)
        visit.opened.append(link)
        return link

    def _refuse(self, lane: Lane, get: Get, reason: ErrorKind, detail: str) -> None:
        """A request that is never sent: it counts as an error, not as a request."""
        now = self.clock()
        lane.visit.tally.media_error(get.kind, reason)
        self.resume(lane, Failed(now, now, get.url, reason, detail))

    def _returned(self, lane: Lane) -> None:
        if lane is lane.visit.lanes[0]:
            self._end(lane.visit)
        else:
            lane.visit.lanes.remove(lane)

    def _end(self, visit: Visit) -> None:
        """The viewer is gone: lanes are closed, idle connections too; a request under way is read to its end."""
        visit.over = True
        for lane in visit.lanes:
            self._leave_wait(lane)
            self._close(lane.session)
        visit.lanes.clear()
        for connection in tuple(visit.opened):
            connection.disown()
        self.visits.pop(visit, None)

    def _close(self, session: Session) -> None:
        try:
            session.close()
        except Exception as error:  # noqa: BLE001 - an error in one session is not the others'
            self.health.fault(error)

    # -- ending ---------------------------------------------------------------------------------------------------

    def dismiss(self) -> None:
        """Nobody else comes and everybody leaves now: main lanes are woken early, requests under way go on.

        A main lane that waits for a response gets it first, and is woken early from its next wait.
        """
        self._next = None
        now = self.clock()
        for visit in tuple(self.visits):
            if visit.lanes and visit.lanes[0].parked:
                self._unpark(visit.lanes[0], now)
            else:
                visit.dismissed = True
        self._resume_ready()

    def cancel(self) -> None:
        """Cut off what is still under way, end every visit and let go of the system: the loop is of no more use."""
        for connection in tuple(self.busy):
            connection.cancel()
        for visit in tuple(self.visits):
            self._end(visit)
        self._ready.clear()
        self.polled.close()

    def windows(self, until: float) -> list[Window]:
        """The windows of the seconds that ended by ``until``."""
        self._windows += self.recorder.close_until(until)
        closed, self._windows = self._windows, []
        return closed

    def drive(self, patience: float) -> None:
        """Step until nothing is left to do or ``patience`` seconds are over (for use outside Locust).

        An error in a session, which `step` only counts, is raised here.
        """
        end = self.clock() + patience
        while not self.is_idle and self.clock() < end:
            self.step()
            time.sleep(BREATH)  # lets gevent's hub turn, where there is one: name look-ups run there
        if self.health.first_fault is not None:
            raise self.health.first_fault
