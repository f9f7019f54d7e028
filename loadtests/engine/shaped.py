"""A socket at the far end of a viewer's last mile: what is sent leaves a round trip later, what comes is read in time.

To the channels above it is a socket like any other, only slower. While it may not be read the poller does not watch it,
and the kernel's buffer fills up, so that TCP tells the server to wait.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
import sys
import termios
from collections import deque
from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from loadtests.engine.channel import STAMP_ROOM, stamp_of

if TYPE_CHECKING:
    from loadtests.engine.pace import Pace

RETRY: Final = 0.02
"""Seconds until something is sent again that the kernel had no room for."""
MOST_OWED: Final = 1 << 20
"""Bytes that wait to be sent at most: requests have some hundred, only a hostile server makes us owe it more."""
TOGETHER: Final = 0.001
"""Seconds within which what is sent leaves together: the end of a TLS handshake and the request behind it."""
_COUNT: Final = bytearray(4)
_TIME: Final = struct.Struct("@ll")

Received: TypeAlias = tuple[int, list[tuple[int, int, bytes]], int, Any]


class ShapedSocket:
    """One connection of the viewer whose `Pace` it keeps."""

    __slots__ = (
        "_outbox",
        "_owed",
        "_pace",
        "_said_at",
        "_sock",
        "allowance",
        "came_at",
        "fd",
        "held",
        "idle_since",
        "late",
        "leaves_at",
    )

    def __init__(self, sock: socket.socket, pace: Pace) -> None:
        self._sock, self._pace, self.fd = sock, pace, sock.fileno()
        self._outbox: deque[tuple[bytes, float]] = deque()
        """What is on its way to the server, flight by flight, and when each is due."""
        self.late = 0.0
        """Seconds by which the newest flight left late: the viewer is not told of that, for it is our own lateness."""
        self._owed, self._said_at = 0, -inf
        self.leaves_at = -inf
        """When the last flight leaves."""
        self.held = False
        """Whether the poller is not to watch it."""
        self.allowance = 0
        """Bytes that it may be read now."""
        self.came_at = -inf
        """When it was seen that there is something to wait for: nothing comes out of the last mile before."""
        self.idle_since: float | None = -inf
        """Since when nothing was left to read: None while something may be, -inf after a request."""

    def fileno(self) -> int:
        """Of the socket below."""
        return self.fd

    # -- to the server --------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> int:
        """It leaves a round trip later; OSError when the server does not take what it makes us say."""
        now = self._pace.clock()
        self._owed += len(data)
        if self._owed > MOST_OWED:
            raise OSError(errno.ENOBUFS, "the server makes us say more than it reads")
        if self._outbox and now - self._said_at < TOGETHER:
            before, due = self._outbox[-1]
            self._outbox[-1] = before + data, due
        else:
            self._said_at = now
            self._pace.later(self.depart, self)
            self._outbox.append((data, self.leaves_at))
        return len(data)

    def depart(self) -> None:
        """The first flight has arrived at the server; an error of the socket is told to whoever reads it next."""
        if self.fd < 0 or not self._outbox:
            return
        data, due = self._outbox.popleft()
        self.late = max(self._pace.clock() - due, 0.0)
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(data)
        self._owed -= sent
        if sent < len(data):
            self._outbox.appendleft((data[sent:], due))
            self._pace.after(RETRY, self.depart)
        if not self.held:
            self.idle_since = -inf

    # -- from the server ------------------------------------------------------------------------------------------

    def recvmsg_into(self, buffers: tuple[bytearray | memoryview], room: int, flags: int = 0) -> Received:
        """As a socket does it; BlockingIOError too while the last mile has carried nothing."""
        view = memoryview(buffers[0])
        allowed = self._pace.allowed(self, len(view))
        try:
            count, ancillary, *rest = self._sock.recvmsg_into((view[:allowed],), room, flags)
        except BlockingIOError:
            self._pace.drained(self)
            raise
        return count, self._stamped(count, allowed, ancillary), *rest

    def recvmsg(self, most: int, room: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        """The same into new memory."""
        allowed = self._pace.allowed(self, most)
        try:
            data, ancillary, *rest = self._sock.recvmsg(allowed, room)
        except BlockingIOError:
            self._pace.drained(self)
            raise
        return data, self._stamped(len(data), allowed, ancillary), *rest

    def _stamped(self, count: int, allowed: int, ancillary: list[tuple[int, int, bytes]]) -> Any:
        """With the moment at which the last of these bytes was through, if the kernel's is not later."""
        if not count:
            return ancillary
        through = self._pace.took(self, count, short=count < allowed)
        if ancillary:
            through = max(through, stamp_of(ancillary) - self.late)
        seconds = int(through)
        return [(0, 0, _TIME.pack(seconds, int((through - seconds) * 1e9)))]

    def stamp(self) -> float:
        """When the kernel received the first of the bytes that wait, seconds since 1970; 0 when it does not say."""
        try:
            return stamp_of(self._sock.recvmsg(1, STAMP_ROOM, socket.MSG_PEEK)[1])
        except OSError:
            return 0.0

    def queued(self) -> int:
        """Bytes that wait in the kernel."""
        fcntl.ioctl(self.fd, termios.FIONREAD, _COUNT)
        return int.from_bytes(_COUNT, sys.byteorder)

    def close(self) -> None:
        """What is under way still arrives, unless there is an outage."""
        outbox, self._outbox = self._outbox, deque()
        try:
            if outbox and self._pace.is_open:
                self._sock.send(b"".join(data for data, _ in outbox))
        except OSError:
            pass
        finally:
            self._pace.forget(self)
            self.fd = -1
            self._sock.close()
