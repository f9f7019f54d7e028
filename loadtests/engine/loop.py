"""The event loop: resumes lanes when what they asked for has happened, at the time they asked for.

One `step` handles what is due and what is ready and returns; whoever owns the thread (a greenlet in Locust's hub,
a test, the preflight) calls it again. Lateness is measured for every timed action: it is the generator's own health.
An error in one session ends that visit and no other; `Health` counts it, and the run is not valid from then on.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from loadtests.engine.channel import client_context
from loadtests.engine.connection import Connection
from loadtests.engine.exchange import Exchange
from loadtests.engine.health import Health
from loadtests.engine.http2 import Http2
from loadtests.engine.names import Lookup, Names, system_lookup
from loadtests.engine.paces import Deliveries, Paces
from loadtests.engine.poller import Poller, system_poller
from loadtests.engine.request import Origin, prepared
from loadtests.engine.sockets import Sockets
from loadtests.engine.timers import Timers
from loadtests.engine.visit import Link, Visit
from loadtests.lanes import Lane, Lanes
from loadtests.recorder import CohortTally, Recorder
from loadtests.results import Window
from loadtests.session import ErrorKind, Failed, Get, Session, Viewer

Watch = Callable[[Viewer, CohortTally], Session]

SWEEP: Final = 0.1
"""Seconds between two looks at the requests under way for time-outs."""
CLOCK_SET: Final = 0.001
"""Seconds by which the wall clock goes off against the steady one within a turn when somebody sets it."""
BREATH: Final = 0.001
"""Seconds between two steps of `Loop.drive`."""


class Later(NamedTuple):
    """Among arrivals: nobody joins before a second from then, so look again then, and not before."""

    join_at: float


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
    last_mile: Deliveries | None = None
    """What a viewer's connections deliver together; None, of all or of one, for as fast as they can."""
    more_ca_files: tuple[str, ...] = ()
    """Further authorities, where targets differ in them; an empty one stands for the public ones."""


ANYWHERE: Final = Reach()


class System(NamedTuple):
    """What the loop takes from the operating system; a test gives it something else."""

    ticks: Callable[[], float] = time.monotonic
    lookup: Lookup = system_lookup
    poller: Callable[[], Poller] = system_poller
    wall: Callable[[], float] = time.time
    """Seconds since 1970, the scale on which the kernel says when bytes came."""


SYSTEM: Final = System()


class Loop(Lanes[Visit]):
    """Drives the visits of one process.

    ``arrivals`` are viewers in order of ``join_at``, and `Later` where the next one takes long to find; ``watch`` makes
    a viewer's main lane. Run second zero is ``begins``, on the scale of the system's ``ticks``.
    """

    def __init__(
        self,
        arrivals: Iterable[Viewer | Later] = (),
        watch: Watch | None = None,
        *,
        reach: Reach = ANYWHERE,
        begins: float | None = None,
        system: System = SYSTEM,
    ) -> None:
        self._timers = Timers[Lane[Visit]]()
        super().__init__(self._timers)
        self._ticks, self._wall = system.ticks, system.wall
        self._zero, self._steady = 0.0, False
        self._begins = system.ticks() if begins is None else begins
        self._coming: Iterator[Viewer | Later] = iter(arrivals)
        self._next = next(self._coming, None)
        self._watch = watch
        self.polled = Sockets(system.poller())
        self.reach = reach
        self._hosts = reach.hosts
        files = (reach.ca_file, *reach.more_ca_files)
        self._tls = client_context(*files, http2=reach.http2) if any(files) else None
        self.names = Names(reach.resolve, system.lookup, self.clock)
        self.recorder, self.health = Recorder(), Health()
        self.busy: dict[Link, float] = {}
        """Links with a request under way, and when to look next whether its time is up."""
        self.paces = Paces(self)
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

    def wall_of(self, at: float) -> float:
        """A run second as seconds since 1970."""
        return at + self._zero

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
        self.resume_ready()
        now = self.clock()
        self._admit(now)
        self._wake(now)
        if self.paces:
            self.paces.wake(now)
        self.resume_ready()
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
        self.resume_ready()

    def _admit(self, now: float) -> None:
        while self._next is not None and self._next.join_at <= now:
            viewer, self._next = self._next, next(self._coming, None)
            if isinstance(viewer, Later):
                if isinstance(self._next, Later):
                    return  # a turn stays short: the next one looks on
                continue
            tally = self.recorder.tally(viewer.region, viewer.cohort)
            self.health.started(now - viewer.join_at)
            self._begin(viewer, tally)

    def take_in(self, viewer: Viewer) -> None:
        """A viewer that another process has left behind; its session waits until it joins."""
        self._begin(viewer, self.recorder.tally(viewer.region, viewer.cohort))

    def _begin(self, viewer: Viewer, tally: CohortTally) -> None:
        assert self._watch is not None
        try:
            pace = self.paces.of(viewer)
            session = self._watch(viewer, tally)
        except Exception as error:  # noqa: BLE001 - an error in one session is not the others'
            self.health.fault(error)
        else:
            self.admit(Visit(viewer, tally, pace), session)

    def _wake(self, now: float) -> None:
        for at, lane in self._timers.due(now):
            self.health.started(now - at)
            self.unpark(lane, now)

    # -- requests -------------------------------------------------------------------------------------------------

    def fetch(self, lane: Lane[Visit], get: Get) -> None:
        """Send a request, on a connection that is open or a new one."""
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

    def _refuse(self, lane: Lane[Visit], get: Get, reason: ErrorKind, detail: str) -> None:
        """A request that is never sent: it counts as an error, not as a request."""
        now = self.clock()
        lane.visit.tally.media_error(get.kind, reason)
        self.resume(lane, Failed(now, now, get.url, reason, detail))

    # -- ending ---------------------------------------------------------------------------------------------------

    def fault(self, error: Exception) -> None:
        """An error of ours: the run is not valid any more."""
        self.health.fault(error)

    def left(self, visit: Visit) -> None:
        """Idle connections are closed; a request under way is read to its end."""
        for connection in tuple(visit.opened):
            connection.disown()

    def dismiss(self) -> None:
        """Nobody else comes and everybody leaves now."""
        self._next = None
        super().dismiss()

    def cancel(self) -> None:
        """Cut off what is still under way, end every visit and let go of the system: the loop is of no more use."""
        for connection in tuple(self.busy):
            connection.cancel()
        for visit in tuple(self.visits):
            self.end(visit)
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
