"""What a simulated viewer may ask for, and what it is told: the border between a visit and the network.

A `Session` is a generator, one *lane* of a visit. It yields an instruction and is sent back what happened:

    ============================== =======================================
    it yields                      and is sent
    ============================== =======================================
    ``Get(url, kind)``             `Got` or `Failed`
    ``WaitUntil(at)``              the time it was woken, in run seconds
    ``WaitFor(signal, until)``     the time it was woken (signal or time)
    ``Spawn(lane)``                None; the lane starts beside this one
    ============================== =======================================

It owns no socket, no clock and no Locust, so the same code lives in the engine, in a unit test and in virtual
time. A visit ends when its first lane returns; the driver then closes the lanes it spawned. All times are
seconds since the start of the run.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

RequestKind: TypeAlias = Literal["master", "playlist", "init", "key", "segment", "home"]

ErrorKind: TypeAlias = Literal[
    "dns",
    "connect",
    "tls",
    "timeout",
    "reset",
    "http_4xx",
    "http_5xx",
    "redirect",
    "too_large",
    "protocol",
    "stale",
    "unclaimed_host",
]

LadderStep: TypeAlias = Literal["lowest", "middle", "highest", "auto"]
"""Which variant of a master playlist a viewer plays, by its place in the ladder sorted by bandwidth; ``auto`` leaves
the choice to the player, segment by segment."""


class Patience(NamedTuple):
    """How long one viewer puts up with it: seconds without a picture, before the first frame and in all stalls."""

    startup: float = math.inf
    stalls: float = math.inf


PATIENT: Final = Patience()
"""Leaves only when the time is up."""


class Viewer(NamedTuple):
    """One simulated person, decided before the run by the seed: who, where, when, for how long."""

    number: int
    region: str
    cohort: str
    rendition: LadderStep
    url: str
    join_at: float
    leave_at: float
    epoch: float
    """UTC time of run second zero, seconds since 1970: wall clock = epoch + run seconds."""
    seed: int = 0
    """Decides what is random within the visit, such as jitter of retries or the last mile's ups and downs."""
    patience: Patience = PATIENT
    home: str = ""
    """The page this viewer asks for on leaving while the event goes on; empty for none."""
    over_at: float = math.inf
    """When the event is over: whoever leaves then goes nowhere."""


class Signal:
    """Something another lane of the same visit waits for. The driver gives `fire` its meaning by the waiters."""

    __slots__ = ("waiters",)

    def __init__(self) -> None:
        self.waiters: list[object] = []
        """Lanes parked on this signal; only the driver looks inside."""


class Get(NamedTuple):
    """Fetch ``url``. The body is kept only when ``read`` is set, and never more than ``limit`` bytes of it."""

    url: str
    kind: RequestKind
    read: bool = False
    limit: int = 64 * 2**20
    timeout: float = 20.0
    """Seconds from the start of the request until it counts as failed."""
    first_byte_timeout: float = 10.0


class WaitUntil(NamedTuple):
    """Sleep until an absolute time; in the past means now."""

    at: float


class WaitFor(NamedTuple):
    """Sleep until another lane fires ``signal``, or until an absolute time."""

    signal: Signal
    until: float = math.inf


class Fire(NamedTuple):
    """Wake every lane that waits for ``signal``; the lane that fires goes on at once."""

    signal: Signal


class Spawn(NamedTuple):
    """Start another lane of the same visit."""

    lane: Session


class Got(NamedTuple):
    """An HTTP response, whatever its status."""

    at: float
    """When its last byte was there."""
    started: float
    """When it was asked for."""
    url: str
    status: int
    size: int
    """Body bytes."""
    body: bytes = b""
    location: str = ""
    """The Location header as sent, for a redirect."""
    first_at: float = 0.0
    """When its first byte was there; before ``started`` where that is not known."""


class Failed(NamedTuple):
    """No usable response."""

    at: float
    started: float
    url: str
    reason: ErrorKind
    detail: str = ""


Instruction: TypeAlias = Get | WaitUntil | WaitFor | Fire | Spawn
Reply: TypeAlias = Got | Failed | float | None
Session: TypeAlias = Generator[Instruction, Reply, None]


class Tally(Protocol):
    """Where a visit reports what its viewer lived through; adds up, does nothing else.

    Times are run seconds, bit rates bits per second. `started`, `stalled`, `resumed`, `switched` and `left`
    move the viewer between the levels *waiting to start*, *playing* and *stalled*, which are integrated over
    time, so each must be reported when it happens.
    """

    def joined(self, at: float) -> None:
        """The viewer pressed play."""

    def started(self, at: float, startup: float, bitrate: float) -> None:
        """The first frame is shown, ``startup`` seconds after `joined`; now playing."""

    def stalled(self, at: float, bitrate: float) -> None:
        """The buffer ran dry while playing ``bitrate``; now stalled."""

    def resumed(self, at: float, bitrate: float) -> None:
        """Playing again after a stall."""

    def switched(self, at: float, before: float, after: float) -> None:
        """A playing viewer changed its variant."""

    def live_latency(self, seconds: float) -> None:
        """How far the playhead is behind the live moment."""

    def media_error(self, kind: RequestKind, reason: ErrorKind) -> None:
        """A response arrived but was of no use: not a playlist, stale."""

    def retried(self, kind: RequestKind) -> None:
        """What failed is asked for again, now."""

    def skipped(self, segments: int) -> None:
        """Segments left the live window before they were fetched."""

    def gave_up(self, reason: str) -> None:
        """The player stopped trying; ``reason`` is one snake_case word pair such as ``playlist_failed``."""

    def abandoned(self, reason: str) -> None:
        """The viewer has had enough and leaves: ``slow_start`` or ``stalls``."""

    def left(self, at: float, state: Literal["waiting", "playing", "stalled"], bitrate: float) -> None:
        """The visit is over, in that state (``bitrate`` is 0 unless playing)."""
