"""Joins: the start-up path (DNS, TLS, tokens, master playlist, first segments) carries so many a second.

A ramp can break by joins alone, while those who watch already lack nothing: then start-up is late or fails, segments
are in time, and all is well again at the same number of viewers once fewer join. A full link is late for everybody.
"""

from __future__ import annotations

from typing import Final, Literal

from advisor.capacities import onset
from advisor.measured.measure import Measurement
from advisor.measured.seconds import JUDGED_SAMPLES, Second
from advisor.models import Capacity, Excuse, Model

WATCHING: Final = frozenset({"segment_p95", "stall_ratio", "quality_loss"})
"""What those miss who watch already."""


class Joins(Model):
    """First frames per second."""

    lost: float = 0.05
    """Share of the viewers who start or give up that leaves before the first frame, from which on joins fail (assumed:
    some leave early whatever the target does)."""

    @property
    def unit(self) -> Literal["joins/s"]:
        """Viewers who saw their first frame, per second."""
        return "joins/s"

    def rate(self, second: Second) -> float:
        """First frames."""
        return float(second.starts)

    def is_broken(self, second: Second) -> bool:
        """Whether start-up was late or failed, and nothing else was wrong."""
        if WATCHING & set(second.broken):
            return False
        ended = second.starts + second.unstarted
        return "startup_p95" in second.broken or (ended >= JUDGED_SAMPLES and second.unstarted > self.lost * ended)

    def fit(self, measurement: Measurement) -> Capacity | Excuse:
        """The first frames per second while start-up alone was broken, if as many viewers were well at another time."""
        return onset.fit(self, measurement, onset.steady_otherwise)
