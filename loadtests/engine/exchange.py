"""One request under way: what has come of it so far, how it is counted, what the viewer is told in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtests.cached import NOTHING
from loadtests.engine.gzipped import TooLargeError, unpack
from loadtests.engine.head import Head
from loadtests.recorder import CohortTally
from loadtests.session import ErrorKind, Failed, Get, Got

if TYPE_CHECKING:
    from loadtests.engine.visit import Visit
    from loadtests.lanes import Lane


class Exchange:
    """``lane`` is who hears of the outcome; None once that viewer has left."""

    __slots__ = (
        "_tally",
        "_told",
        "body",
        "first_at",
        "get",
        "head",
        "lane",
        "received",
        "remaining",
        "request",
        "sent_again",
        "sent_at",
        "size",
        "started",
    )
    head: Head

    def __init__(self, lane: Lane[Visit], get: Get, request: bytes, now: float) -> None:
        self.lane: Lane[Visit] | None = lane
        self._tally: CohortTally = lane.visit.tally
        self.get, self.request, self.started = get, request, now
        self.sent_at = now
        """Over HTTP/2 when its stream was opened, for it may have waited for that."""
        self.sent_again = False
        self.first_at = -1.0
        self.received = 0
        """Bytes of head, framing and body."""
        self.size = 0
        """Of those the bytes of the body."""
        self.remaining = 0
        """Bytes of the body still to come, where its length is known."""
        self._told = 0
        self.body: bytes | bytearray = b""

    def keep(self, piece: bytes) -> None:
        """Add to a body that is read."""
        if not self.body:
            self.body = piece
            return
        if isinstance(self.body, bytes):
            self.body = bytearray(self.body)
        self.body += piece

    def tell(self) -> None:
        """Count body bytes in the second in which they came, not in the one in which the last of them came."""
        self._tally.body(self.get.kind, self.size - self._told)
        self._told = self.size

    def responded(self, now: float) -> None:
        """Count a whole response."""
        kind, head, size = self.get.kind, self.head, self.size
        self._tally.responded(
            kind,
            head.status,
            size=size,
            head=self.received - size,
            ttfb=self.first_at - self.started,
            total=now - self.started,
            told=self._told,
        )
        if head.cached is not NOTHING:
            self._tally.cached(kind, head.cached)

    def failed(self, reason: ErrorKind) -> None:
        """Count a failure."""
        self.tell()
        self._tally.request_failed(self.get.kind, reason, head=self.received - self.size)

    def cancelled(self) -> None:
        """Count a request that was cut off: neither good nor bad."""
        self.tell()
        self._tally.request_cancelled(self.get.kind, head=self.received - self.size)

    def reply(self, now: float) -> Got | Failed:
        """What the viewer is told of a whole response; a body that cannot be unpacked is no use to anybody.

        The body is not kept: an idle connection holds its last exchange.
        """
        get, head, body = self.get, self.head, bytes(self.body)
        self.body = b""
        if head.gzip and body:
            try:
                body = unpack(body, get.limit)
            except ValueError as error:
                reason: ErrorKind = "too_large" if isinstance(error, TooLargeError) else "protocol"
                self._tally.media_error(get.kind, reason)
                return Failed(now, self.started, get.url, reason, str(error))
        return Got._make((now, self.started, get.url, head.status, self.size, body, head.location, self.first_at))

    @property
    def due(self) -> float:
        """The first moment at which `overdue` may have something to say."""
        patience = self.get.timeout if self.first_at >= 0 else min(self.get.timeout, self.get.first_byte_timeout)
        return self.started + patience

    def overdue(self, now: float) -> str:
        """Which of the viewer's times is up, if any."""
        waited = now - self.started
        if waited > self.get.timeout:
            return f"not whole after {self.get.timeout:g} s"
        if self.first_at < 0 and waited > self.get.first_byte_timeout:
            return f"no first byte after {self.get.first_byte_timeout:g} s"
        return ""
