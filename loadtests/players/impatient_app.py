"""An impatient app: no player that exists, but the retry loop that many apps have written around one (assumed)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, NonNegativeInt

from loadtests.abr import Adaptation, Ladder, Load, Throughput, highest
from loadtests.players import Player
from loadtests.session import RequestKind
from loadtests.units import Bitrate, Duration


class ImpatientApp(Player):
    """Gives up soon on a request and asks again at once, for ever: the worst a target may meet.

    Every figure is assumed. No growing delay, no jitter, no end, and a 4xx is no answer to it.
    """

    leaves_gaps: ClassVar[bool] = True
    """Where it does give up on a segment, it goes on with the next."""

    live_edge: float = Field(default=3.0, gt=0, le=100)
    """As RFC 8216 §6.3.3 asks."""
    buffer_goal: Duration = Field(default=30.0, gt=0, le=600)
    """As hls.js."""
    first_byte: Duration = Field(default=4.0, gt=0)
    """Without a first byte for so long, a request counts as failed."""
    whole: Duration = Field(default=8.0, gt=0)
    """Not whole after so long, it does too."""
    again_after: Duration = Field(default=0.5, ge=0)
    """Before each retry, whatever the failure."""
    retries: NonNegativeInt | None = None
    """Before it gives up; none: never."""
    longest_retry_delay: Duration = Field(default=8.0, ge=0)
    """Where decorrelated jitter ends."""

    default_estimate: Bitrate = Field(default=1e6, gt=0)
    """Until something was measured."""
    safety_factor: float = Field(default=0.8, gt=0, le=1)
    """The highest rendition below this part of the measured throughput is played."""

    def first_byte_timeout(self, kind: RequestKind) -> float:  # noqa: ARG002
        """Seconds without a first byte before a request of this kind counts as failed."""
        return self.first_byte

    def timeout(self, kind: RequestKind) -> float:  # noqa: ARG002
        """Seconds a whole request of this kind may take."""
        return self.whole

    def retry_delay(self, kind: RequestKind, attempt: int, *, timed_out: bool) -> float | None:  # noqa: ARG002
        """Seconds to wait before retry number ``attempt`` (from 0), or None to give up."""
        return self.again_after if self.retries is None or attempt < self.retries else None

    def adaptation(self) -> Adaptation:
        """One viewer's choice of renditions, at its beginning."""
        return Choice(self)


class Choice(Adaptation):
    """A part of the measured throughput, averaged as dash.js does (3 and 8 s)."""

    def __init__(self, rules: ImpatientApp) -> None:
        self._rules = rules
        self._throughput = Throughput(3.0, 8.0)

    def start(self, ladder: Ladder, first: float) -> int:  # noqa: ARG002
        """On the default estimate."""
        return highest(ladder, self._rules.default_estimate)

    def next(self, ladder: Ladder, level: int, load: Load) -> int:  # noqa: ARG002
        """The highest that fits."""
        seconds = max(load.came - load.asked, 0.001)
        self._throughput.sample(seconds, 8 * load.size / seconds)
        return highest(ladder, self._throughput.value * self._rules.safety_factor)
