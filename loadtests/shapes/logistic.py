"""Viral growth: each viewer brings others, until there is nobody left to bring."""

from __future__ import annotations

import math
from typing import Final, Self

from pydantic import Field, model_validator

from loadtests.shapes import Growth
from loadtests.units import Duration

TEN_TO_NINETY: Final = 2 * math.log(9)
"""r times the seconds from 10 % to 90 % of a logistic curve: 2 · ln 9 = 4.394."""
CUT: Final = 0.005
"""The curve has no ends: it is taken from 0.5 % to 99.5 % and stretched to touch baseline and peak (1 % of height)."""
REACH: Final = math.log(1 / CUT - 1)


class Logistic(Growth):
    r"""N(t) = baseline + (peak - baseline) / (1 + e^(-r (t - t0))); steepest at the middle: (peak - baseline) · r / 4.

    Say how steep it is as ``rise`` or as ``rate``, not both. Hotstar's last leg to 25.3 M viewers (2019, 1.1 M a
    minute) is r = 0.43 a minute, a rise of about ten minutes.

    ::

        peak      |                 .--------.
                  |               .'          \\
        baseline  |    .--------.'             '--
                  |  .'
                  +---------------------------------
                  warm_up  quiet  rise  hold  fall
    """

    rise: Duration | None = Field(default=None, ge=1)
    """From 10 % to 90 % of the growth; the whole ramp takes 2.4 times as long."""
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """r, per minute."""

    @model_validator(mode="after")
    def _steep_once(self) -> Self:
        if (self.rise is None) == (self.rate is None):
            raise ValueError("say how steep it is: either 'rise: 10m' (10 % to 90 %) or 'rate: 0.44' (r per minute)")
        return self

    @property
    def per_second(self) -> float:
        """r, per second."""
        if self.rise is not None:
            return TEN_TO_NINETY / self.rise
        return (self.rate or 1.0) / 60.0

    @property
    def growth(self) -> float:
        """What lies between the cuts: 2 · ln 199 / r."""
        return 2 * REACH / self.per_second

    def grown(self, after: float) -> float:
        """The curve between its cuts."""
        raw = 1.0 / (1.0 + math.exp(REACH - self.per_second * after))
        return min(1.0, max(0.0, (raw - CUT) / (1.0 - 2 * CUT)))
