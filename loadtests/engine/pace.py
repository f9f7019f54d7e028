"""Keeps one viewer to its last mile: all its connections share one rate, and what they send leaves a round trip later.

Reads wait for the moment at which the link has carried what is there, or a good part of it; the loop wakes the viewer
then, and those of its sockets that have something to read take turns.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Final

from loadtests.engine.shaped import ShapedSocket
from loadtests.engine.throughput import Throughput
from loadtests.lastmile import Delivery

if TYPE_CHECKING:
    from loadtests.engine.loop import Loop

AHEAD: Final = 0.001
"""Seconds that the link may be ahead: a turn of the loop comes a millisecond late on average."""
GRACE: Final = 0.02
"""Seconds without anything to read after which the link has been idle; before, the kernel was just being refilled."""
QUANTUM: Final = 0.1
"""Seconds of the link's time between two reads of a long body."""
PACKET: Final = 1448
"""Bytes of TCP payload in an Ethernet frame with time stamps: nothing comes in smaller pieces, where there is more."""
SPAN: Final = 0.15
"""Seconds of the rate that are buffered on the way at least, or a round trip if that is longer (assumed; home routers
and base stations buffer more)."""
LOOK: Final = 8
"""Seconds over which the rate is averaged for the size of that buffer."""
SMALLEST: Final = 8192
"""Bytes of receive buffer at least; Linux keeps up to twice of what is asked for."""


class Pace:
    """One viewer's. ``since`` is the run second in which second 0 of its ``delivery`` begins."""

    __slots__ = (
        "_backlog",
        "_coming",
        "_dealing",
        "_delivery",
        "_due",
        "_flights",
        "_largest",
        "_loop",
        "_order",
        "_reads_at",
        "_room",
        "_throughput",
        "ticket",
        "timed",
    )

    def __init__(self, loop: Loop, delivery: Delivery, since: float) -> None:
        self._loop, self._delivery, self._throughput = loop, delivery, Throughput(delivery, since)
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        """What is to be done when, as a heap."""
        self._order = count()
        self._backlog: list[ShapedSocket] = []
        """Sockets that have more to read than the link has carried; the poller does not watch them."""
        self._reads_at = inf
        """When they are read next."""
        self._dealing, self._room = False, 0
        self._flights = 0
        self._largest = SMALLEST * 3 // 4
        """Bytes of one read: three quarters of what a receive buffer holds for sure."""
        self.ticket, self.timed, self._due = 0, False, inf

    def clock(self) -> float:
        """The loop's."""
        return self._loop.clock()

    # -- opening --------------------------------------------------------------------------------------------------

    def prepare(self, sock: socket.socket) -> None:
        """Before it connects: the kernel keeps no more of a stream than the network of this viewer would.

        The segment size is that of an access network, so that a server on loopback buffers no more than for others.
        """
        now = self.clock()
        span = max(SPAN, self._delivery.round_trip(self._flights))
        wanted = max(int(self._throughput.mean_speed(now, LOOK) * span), SMALLEST)
        bound = self._loop.reach.receive_buffer
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, min(wanted, bound) if bound else wanted)
        granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # Linux doubles it, up to net.core.rmem_max
        self._largest = max(granted * 3 // 4, PACKET)
        with suppress(OSError):  # not every system has it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, PACKET)

    def shape(self, sock: socket.socket) -> socket.socket:
        """The same socket behind the last mile."""
        return ShapedSocket(sock, self)  # type: ignore[return-value]

    @property
    def is_open(self) -> bool:
        """Whether there is no outage now."""
        now = self.clock()
        return self._throughput.opens(now) == now

    # -- sending --------------------------------------------------------------------------------------------------

    def later(self, call: Callable[[], None], behind: ShapedSocket | None = None) -> None:
        """Do it a round trip later, in an outage a round trip after its end."""
        now = self.clock()
        due = self._throughput.opens(now) + max(self._delivery.round_trip(self._flights), 0.0)
        self._flights += 1
        if behind is not None:  # TCP keeps the order
            due = behind.leaves_at = max(due, behind.leaves_at)
        self._do_at(due, call)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Do it then."""
        self._do_at(self.clock() + seconds, call)

    def _do_at(self, at: float, call: Callable[[], None]) -> None:
        heappush(self._coming, (at, next(self._order), call))
        self._arm(at)

    # -- reading --------------------------------------------------------------------------------------------------

    def allowed(self, sock: ShapedSocket, most: int) -> int:
        """How many of ``most`` bytes a socket may be read; BlockingIOError for none: it is then woken in time."""
        if sock.allowance <= 0:
            self._admit(sock)
        return min(most, sock.allowance)

    def _admit(self, sock: ShapedSocket) -> None:
        queued = sock.queued()
        if not queued:
            sock.allowance = 1  # for an end, an error, or nothing yet
            return
        if not self._dealing:
            now = self.clock()
            flows = _flows(sock, now)
            if not flows:
                sock.came_at = self._loop.moment(sock.stamp(), 0.0) - sock.late
            if not self._backlog:
                self._throughput.begin(now - GRACE if flows else sock.came_at)
                room = self._throughput.room(now + AHEAD)
                if queued <= room:
                    sock.allowance = room
                    return
        self._hold(sock, queued)
        raise BlockingIOError

    def _hold(self, sock: ShapedSocket, queued: int) -> None:
        """More is there than the link has carried."""
        if not sock.held:
            sock.held = True
            self._loop.polled.hold(sock.fd)
        self._backlog.append(sock)
        if not self._dealing:
            wanted = min(queued, PACKET if sock.idle_since is not None else self._quantum())
            self._reads_at = min(self._reads_at, self._throughput.through(wanted))
            self._arm(self._reads_at)

    def took(self, sock: ShapedSocket, size: int, *, short: bool) -> float:
        """A socket was read; when the last of these bytes was through, on the kernel's clock."""
        sock.idle_since = None
        sock.allowance = sock.allowance - size if self._dealing else 0
        self._room -= size
        through = max(self._throughput.take(size), sock.came_at)
        if short:
            self.drained(sock)
        return self._loop.wall_of(through)

    def drained(self, sock: ShapedSocket) -> None:
        """Nothing is left to read."""
        sock.allowance = 0
        if sock.idle_since is None:
            sock.idle_since = self.clock()

    def _quantum(self) -> int:
        """Bytes of one read of a long body."""
        return max(min(int(self._throughput.speed * QUANTUM), self._largest), PACKET)

    # -- waking ---------------------------------------------------------------------------------------------------

    def wake(self, now: float) -> None:
        """Do what is due."""
        self._due = inf
        while self._coming and self._coming[0][0] <= now:
            heappop(self._coming)[2]()
        if self._backlog and self._reads_at <= now:
            self._deal(now)
        if self._coming:
            self._arm(self._coming[0][0])
        if self._backlog:
            self._arm(self._reads_at)

    def _deal(self, now: float) -> None:
        """What the link has carried is shared evenly; what one leaves is for those behind it."""
        waiting, self._backlog = [self._backlog[-1], *self._backlog[:-1]], []
        self._dealing, self._room, wanted = True, self._throughput.room(now + AHEAD), inf
        for turns, sock in zip(range(len(waiting), 0, -1), waiting, strict=True):
            sock.allowance = self._room // turns
            self._rouse(sock)
            if sock.fd >= 0:
                wanted = min(wanted, self._settle(sock) * len(waiting))
        self._dealing = False
        self._reads_at = self._throughput.through(int(min(wanted, self._quantum()))) if self._backlog else inf

    def _rouse(self, sock: ShapedSocket) -> None:
        """Its owner reads, and again while it took less than it may: a head and 64 KB are one read."""
        while sock.allowance > 0:
            before = self._room
            self._loop.paces.rouse(sock.fd)
            if self._room == before or sock.fd < 0 or sock.allowance <= 0 or not sock.queued():
                return

    def _settle(self, sock: ShapedSocket) -> float:
        """After its turn: how much it waits for, or infinity when the poller is to say that more has come."""
        fresh = sock.idle_since is not None
        queued = sock.queued() if sock.allowance <= 0 else 0
        sock.allowance = 0
        if queued and sock not in self._backlog:
            self._backlog.append(sock)
        elif not queued:
            self._release(sock)
            return inf
        return min(queued, PACKET) if fresh else queued

    def _release(self, sock: ShapedSocket) -> None:
        if sock in self._backlog:
            self._backlog.remove(sock)
        if sock.held:
            sock.held = False
            self._loop.polled.release(sock.fd)

    # -- ending ---------------------------------------------------------------------------------------------------

    def forget(self, sock: ShapedSocket) -> None:
        """It is closed."""
        if sock in self._backlog:
            self._backlog.remove(sock)
        if not (self._backlog or self._coming):
            self._loop.paces.forget(self)
            self._due = inf

    def _arm(self, at: float) -> None:
        if at < self._due:
            self._loop.paces.forget(self)
            self._loop.paces.add(self, at)
            self._due = at


def _flows(sock: ShapedSocket, now: float) -> bool:
    """Whether what comes now goes on with what came before."""
    return sock.idle_since is None or now - sock.idle_since <= GRACE
