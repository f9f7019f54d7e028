"""An estimate as it is known: a middle, two ends, how often such ends hold the truth, and on how many samples."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, FiniteFloat, NonNegativeInt, model_validator

from loadtests.region import Frozen


class Interval(Frozen):
    """``low <= mid <= high``, never NaN. Ends are conservative: arithmetic never makes an interval surer."""

    low: FiniteFloat
    mid: FiniteFloat
    high: FiniteFloat
    coverage: float = Field(ge=0, le=1)
    """Share of such intervals that hold the true value; 1 for an exact figure."""
    samples: NonNegativeInt
    """Observations behind it; 0 for an exact figure."""

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if not self.low <= self.mid <= self.high:
            raise ValueError(f"expected low <= mid <= high, found {self.low}, {self.mid}, {self.high}")
        return self

    @classmethod
    def exact(cls, value: float) -> Self:
        """A figure that is given, not estimated."""
        return cls(low=value, mid=value, high=value, coverage=1.0, samples=0)

    @property
    def spread(self) -> float:
        """Half of the width as a share of the middle; 0 for an exact figure."""
        return (self.high - self.low) / (2 * self.mid) if self.mid else 0.0

    def scale(self, factor: float) -> Interval:
        """Times an exact factor of zero or more."""
        if not factor >= 0 or math.isinf(factor):
            raise ValueError(f"expected a finite factor of zero or more, found {factor}")
        return self._with(self.low * factor, self.mid * factor, self.high * factor)

    def over(self, other: Interval) -> Interval:
        """Divided by a positive interval: the low end by its high end, the high end by its low end."""
        if other.low <= 0 or self.low < 0:
            raise ValueError("only an interval of zero or more can be divided, by one above zero")
        ends = (self.low / other.high, self.mid / other.mid, self.high / other.low)
        return self._joined(other, *ends)

    def plus(self, other: Interval) -> Interval:
        """The sum, end by end, which holds at least as often as its least sure part.

        As if all parts erred together (what a run tells of two regions hangs on the same seconds), so it is exact where
        they do, and too wide where they do not: spreads add up to no more than their sum, whatever the correlation.
        That errors are about normal is assumed.
        """
        ends = {"low": self.low + other.low, "mid": self.mid + other.mid, "high": self.high + other.high}
        return Interval(**ends, coverage=min(self.coverage, other.coverage), samples=self._fewest(other))

    def times(self, other: Interval) -> Interval:
        """The product of two intervals of zero or more, end by end."""
        return self._joined(other, self.low * other.low, self.mid * other.mid, self.high * other.high)

    def _with(self, low: float, mid: float, high: float) -> Interval:
        return Interval(low=low, mid=mid, high=high, coverage=self.coverage, samples=self.samples)

    def _joined(self, other: Interval, low: float, mid: float, high: float) -> Interval:
        """Bonferroni: both hold at once at least as often as one minus the sum of their misses."""
        coverage = max(0.0, round(self.coverage + other.coverage - 1.0, 9))
        return Interval(low=low, mid=mid, high=high, coverage=coverage, samples=self._fewest(other))

    def _fewest(self, other: Interval) -> int:
        return min((one.samples for one in (self, other) if one.samples), default=0)
