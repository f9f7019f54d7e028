"""Players: how a client decides, one file each: live edge, buffer, time-outs, retries, giving up."""

from __future__ import annotations

from abc import abstractmethod

from loadtests.plugins import Plugin
from loadtests.session import RequestKind


class Player(Plugin):
    """A player's rules as data. Defaults come from its source code, named in each plugin."""

    live_edge: float
    """Start this many target durations behind the end of the playlist."""
    buffer_goal: float
    """Stop fetching ahead when this many seconds are buffered."""

    @abstractmethod
    def first_byte_timeout(self, kind: RequestKind) -> float:
        """Seconds without a first byte before a request of this kind counts as failed."""

    @abstractmethod
    def timeout(self, kind: RequestKind) -> float:
        """Seconds a whole request of this kind may take."""

    @abstractmethod
    def retry_delay(self, kind: RequestKind, attempt: int, *, timed_out: bool) -> float | None:
        """Seconds to wait before retry number ``attempt`` (from 0), or None to give up."""
