"""One viewer's stay as the loop sees it: lanes to resume, connections to reuse, and where it reports to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadtests.engine.request import Origin
from loadtests.recorder import CohortTally
from loadtests.session import Session, Signal, Viewer

if TYPE_CHECKING:
    from loadtests.engine.connection import Connection


class Lane:
    """A session generator and what it waits for."""

    __slots__ = ("parked", "session", "signal", "ticket", "timed", "visit")

    def __init__(self, visit: Visit, session: Session) -> None:
        self.visit, self.session = visit, session
        self.ticket = 0
        """Tells its newest timer from older ones."""
        self.parked = False
        """Whether it waits for a time or a signal, rather than for a response."""
        self.timed = False
        """Whether a timer of its newest ticket is set."""
        self.signal: Signal | None = None


class Visit:
    """The lanes and connections of one viewer; over when its first lane returns."""

    __slots__ = ("dismissed", "idle", "lanes", "lost", "opened", "over", "tally", "tls_sessions", "viewer")

    def __init__(self, viewer: Viewer, tally: CohortTally) -> None:
        self.viewer, self.tally = viewer, tally
        self.lanes: list[Lane] = []
        self.idle: list[Connection] = []
        self.opened: list[Connection] = []
        self.tls_sessions: dict[Origin, Any] = {}
        self.lost = 0
        """Connections that ended and were not yet replaced."""
        self.dismissed = False
        """Whether the first lane's next wait ends at once, because the run does."""
        self.over = False

    def take(self, origin: Origin) -> Connection | None:
        """An idle connection to ``origin``, the most recently used first."""
        for connection in reversed(self.idle):
            if connection.origin == origin:
                self.idle.remove(connection)
                return connection
        return None

    def note_connected(self) -> None:
        """A connection was opened: a reconnect, if an earlier one had ended."""
        if self.lost:
            self.lost -= 1
            self.tally.reconnects += 1

    def forget(self, connection: Connection) -> None:
        """A connection is closed."""
        if connection in self.idle:
            self.idle.remove(connection)
        if connection in self.opened:
            self.opened.remove(connection)
