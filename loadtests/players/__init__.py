"""Players: how a client decides, one file each: live edge, buffer, bit rate, time-outs, retries, giving up."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from loadtests.abr import Adaptation
from loadtests.plugins import Plugin
from loadtests.retries import Jitter
from loadtests.session import RequestKind


class Player(Plugin):
    """A player's rules as data. Defaults come from its source code, named in each plugin."""

    live_edge: float
    """Start this many target durations behind the end of the playlist."""
    buffer_goal: float
    """Stop fetching ahead when this many seconds are buffered."""
    jitter: Jitter = "off"
    """How delays before retries are spread (`loadtests.retries`); the viewer's seed decides each of them."""
    longest_retry_delay: float
    """Where growing delays end, in seconds."""

    final_refusals: ClassVar[frozenset[RequestKind]] = frozenset()
    """Kinds of request for which a 4xx is the last word and no reason to ask again."""
    leaves_gaps: ClassVar[bool] = False
    """Whether a segment that cannot be had is passed over when newer ones are listed."""
    first_playlist_as_master: ClassVar[bool] = False
    """Whether the first playlist is retried and given up as the master playlist is, because loading ends with it."""

    @abstractmethod
    def first_byte_timeout(self, kind: RequestKind) -> float:
        """Seconds without a first byte before a request of this kind counts as failed."""

    @abstractmethod
    def timeout(self, kind: RequestKind) -> float:
        """Seconds a whole request of this kind may take."""

    @abstractmethod
    def retry_delay(self, kind: RequestKind, attempt: int, *, timed_out: bool) -> float | None:
        """Seconds to wait before retry number ``attempt`` (from 0) without jitter, or None to give up."""

    def steady_delay(self, kind: RequestKind, attempt: int, *, timed_out: bool) -> float:  # noqa: ARG002
        """The part of that delay that jitter leaves alone."""
        return 0.0

    @abstractmethod
    def adaptation(self) -> Adaptation:
        """One viewer's choice of renditions, at its beginning."""
