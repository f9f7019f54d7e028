"""News that spreads: some hear of it from outside, the others from those who watch already (Bass, 1969)."""

from __future__ import annotations

import math
from typing import Final

from pydantic import Field

from loadtests.shapes import Growth

DONE: Final = 0.99
"""The curve has no end: it is taken up to 99 % and stretched to touch the peak."""


class Bass(Growth):
    r"""F(t) = (1 - e^(-(p+q)t)) / (1 + (q/p) e^(-(p+q)t)), of all that will come.

    Joins are quickest at t* = ln(q/p) / (p+q), at (peak - baseline) · (p+q)² / 4q; with q below p, at once.

    ::

        peak      |                 .--------.
                  |              .-'          \\
        baseline  |    .------.-'              '--
                  |  .'
                  +---------------------------------
                  warm_up  quiet  grow  hold  fall
    """

    p: float = Field(gt=0, le=600, allow_inf_nan=False)
    """Push from outside: share of those still missing that comes by itself, per minute."""
    q: float = Field(ge=0, le=600, allow_inf_nan=False)
    """Word of mouth, per minute, when everybody is there."""

    @property
    def per_second(self) -> float:
        """P + q, per second."""
        return (self.p + self.q) / 60.0

    @property
    def growth(self) -> float:
        """Until 99 % have come: ln((1 + 0.99 q/p) / 0.01) / (p + q)."""
        return math.log((1 + DONE * self.q / self.p) / (1 - DONE)) / self.per_second

    def grown(self, after: float) -> float:
        """F, of what has come at the end."""
        left = math.exp(-self.per_second * after)
        return min(1.0, (1 - left) / (1 + self.q / self.p * left) / DONE)
