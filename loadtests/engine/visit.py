"""One viewer's stay as the loop sees it: lanes to resume, connections to reuse, and where it reports to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from loadtests import lanes
from loadtests.engine.request import Origin
from loadtests.recorder import CohortTally
from loadtests.session import Viewer

if TYPE_CHECKING:
    from loadtests.engine.channel import Tls
    from loadtests.engine.connection import Connection
    from loadtests.engine.exchange import Exchange
    from loadtests.engine.pace import Pace


class Link(Protocol):
    """A connection as loop and visit see it: `Connection` speaks HTTP/1.1, `Http2` HTTP/2."""

    def send(self, exchange: Exchange, /) -> None:
        """Send what has been asked for already."""

    def expire(self, now: float, /) -> float:
        """Fail the requests whose time is up; when to look again."""

    def cancel(self) -> None:
        """Cut off what is under way, and close."""

    def disown(self) -> None:
        """The viewer has left: read to its end what is under way, then close."""


class Visit(lanes.Visit):
    """The lanes and connections of one viewer."""

    __slots__ = (
        "http1",
        "idle",
        "lost",
        "opened",
        "pace",
        "shared",
        "tls_sessions",
    )

    def __init__(self, viewer: Viewer, tally: CohortTally, pace: Pace | None = None) -> None:
        super().__init__(viewer, tally)
        self.pace = pace
        """Keeps its connections to its last mile; None where they are as fast as they can."""
        self.idle: list[Connection] = []
        self.opened: list[Link] = []
        self.shared: dict[Origin, Link] = {}
        """Connections that take any number of requests at a time."""
        self.http1: frozenset[Origin] = frozenset()
        """Where HTTP/2 was offered and HTTP/1.1 chosen."""
        self.tls_sessions: dict[Origin, Any] = {}
        self.lost = 0
        """Connections that ended and were not yet replaced."""

    def take(self, origin: Origin) -> Link | None:
        """The shared connection to ``origin``, or an idle one, the most recently used first."""
        if self.shared and (shared := self.shared.get(origin)) is not None:
            return shared
        if self.idle and self.idle[-1].origin == origin:
            return self.idle.pop()
        for connection in reversed(self.idle):
            if connection.origin == origin:
                self.idle.remove(connection)
                return connection
        return None

    def keep_session(self, origin: Origin, channel: Tls) -> None:
        """The next connection to ``origin`` resumes this one's TLS session; once the viewer has left there is none."""
        if not self.over and (session := channel.session) is not None:
            self.tls_sessions[origin] = session

    def note_connected(self) -> None:
        """A connection was opened: a reconnect, if an earlier one had ended."""
        if self.lost:
            self.lost -= 1
            self.tally.reconnects += 1

    def unshare(self, origin: Origin, link: Link) -> None:
        """A connection takes no further requests."""
        if self.shared.get(origin) is link:
            del self.shared[origin]

    def forget(self, connection: Link) -> None:
        """A connection is closed."""
        if connection in self.idle:
            self.idle.remove(connection)
        if connection in self.opened:
            self.opened.remove(connection)
