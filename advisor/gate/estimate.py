"""How sure a figure is. Seconds of a run depend on their neighbours, and so do the intervals here.

* The spread of a sum over seconds is the moving-block bootstrap's (Künsch, Annals of Statistics 17, 1989), in closed
  form: it is the variance of overlapping block means (Meketon and Schmeiser, Winter Simulation Conference 1984), so
  nothing is drawn and the same run gives the same verdict on every machine. Blocks of the square root of the seconds
  (Flegal and Jones, Annals of Statistics 38, 2010), never under five; Student's t with n/l - 1 degrees (1.5 times as
  many would do for the blocks alone, not with the lugsail). What such blocks miss where neighbours are much alike is
  put back by the lugsail (Vats and Flegal, Biometrika 109, 2022): twice the variance less that of blocks a third as
  long.
* A share (and so a percentile: the share above it) has Wilson's interval at its effective sample size (Korn and
  Graubard, Survey Methodology 24, 1998; Franco et al., J. Survey Statistics and Methodology 7, 2019).
* A percentile's ends are those of its share, read off the distribution (Woodruff, JASA 47, 1952), and it needs the
  samples that make one of them likely to lie beyond it (Wilks, Annals of Mathematical Statistics 12, 1941).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.blocks import BLOCK
from loadtests.sketch import GAMMA

Floats: TypeAlias = NDArray[np.float64]

SURE: Final = 0.95
"""Confidence on each side: both ends together are the 90 % interval that the advice uses as well."""


class Estimate(NamedTuple):
    """A figure with the ends between which the truth surely lies; infinite where the data set no end."""

    value: float
    low: float
    high: float
    samples: int
    error: float
    """Standard error."""
    freedom: float
    """Degrees of freedom behind it; infinite for an exact figure."""

    @classmethod
    def exact(cls, value: float, samples: int) -> Estimate:
        """A figure that is counted, not estimated."""
        return cls(value, value, value, samples, 0.0, math.inf)


def student(sure: float, freedom: float) -> float:
    """Student's t quantile (Abramowitz and Stegun 26.7.5), for three degrees of freedom and more."""
    z, v = NormalDist().inv_cdf(sure), max(freedom, 3.0)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / v ** (power + 1) for power, term in enumerate(terms))


def block_length(seconds: int) -> int:
    """Seconds in a block; at least four blocks."""
    return max(1, min(max(BLOCK, math.isqrt(seconds)), seconds // 4))


def variance_of_sum(residuals: Floats) -> tuple[float, float]:
    """Of residuals that add up to nought, second by second: the variance of their sum, and its degrees of freedom."""
    n = len(residuals)
    length = block_length(n)
    if n <= length:
        return float(np.square(residuals).sum()), 1.0
    long, short = (_by_blocks(residuals, size) for size in (length, max(1, length // 3)))
    return n * max(long, 2 * long - short), n / length - 1


def _by_blocks(residuals: Floats, length: int) -> float:
    """Variance of the mean times the seconds, from the sums of overlapping blocks."""
    n = len(residuals)
    sums = np.concatenate([[0.0], np.cumsum(residuals)])
    blocks = sums[length:] - sums[:-length]
    return float(np.square(blocks).sum()) * n / (length * (n - length) * (n - length + 1))


def mean_of(parts: Floats, wholes: Floats, *, counts: bool = False, sure: float = SURE) -> Estimate:
    """A ratio of sums; ``counts`` are no surer than Poisson's."""
    whole = float(wholes.sum())
    if not whole:
        return Estimate(math.nan, -math.inf, math.inf, 0, math.inf, 1.0)
    value = float(parts.sum()) / whole
    variance, freedom = variance_of_sum(parts - value * wholes)
    least = max(float(parts.sum()), 1.0) if counts else 0.0
    error = math.sqrt(max(variance, least)) / whole
    half = student(sure, freedom) * error
    return Estimate(value, value - half, value + half, round(whole), error, freedom)


def share_of(parts: Floats, wholes: Floats, *, sure: float = SURE) -> Estimate:
    """A share of a whole, between 0 and 1."""
    whole = float(wholes.sum())
    if not whole:
        return Estimate(math.nan, 0.0, 1.0, 0, math.inf, 1.0)
    share = min(float(parts.sum()) / whole, 1.0)
    variance, freedom = variance_of_sum(parts - share * wholes)
    even = share * (1 - share) * whole
    effective = whole / max(1.0, variance / even if even else 1.0)
    t = student(sure, freedom)
    low, high = wilson(share, effective, t)
    return Estimate(share, low, high, round(whole), (high - low) / 2 / t, freedom)


def wilson(share: float, samples: float, t: float) -> tuple[float, float]:
    """Wilson's score interval."""
    shrink = 1 + t * t / samples
    middle = (share + t * t / (2 * samples)) / shrink
    half = t / shrink * math.sqrt(share * (1 - share) / samples + t * t / (4 * samples * samples))
    return (max(middle - half, 0.0) if share > 0 else 0.0), (min(middle + half, 1.0) if share < 1 else 1.0)


def least_samples(percentile: float, sure: float = SURE) -> int:
    """Fewest samples of which one surely lies on the far side of a percentile: 59 for p95, 299 for p99."""
    return math.ceil(math.log(1 - sure) / math.log(max(percentile, 1 - percentile)))


class Spread(NamedTuple):
    """Samples second by second, in the bins of `loadtests.sketch`."""

    table: NDArray[np.int32]
    """Seconds by bins."""
    first: int
    """Index of the first bin."""

    def values(self) -> Floats:
        """What stands for each bin."""
        return np.asarray(
            2.0 * GAMMA ** (self.first + np.arange(self.table.shape[1], dtype=np.float64)) / (GAMMA + 1.0)
        )

    def quantile(self, share: float) -> float:
        """Of all samples together, in proportion between the edges of its bin; NaN when there is none.

        Middles of bins are a grid of 2 %, on which an interval could shrink to a point.
        """
        counts = self.table.sum(axis=0, dtype=np.int64)
        if not (samples := int(counts.sum())):
            return math.nan
        rank, reached = share * (samples - 1), counts.cumsum()
        at = int(np.searchsorted(reached, rank, side="right"))
        into = (rank - (reached[at] - counts[at]) + 0.5) / counts[at]
        return float(self.values()[at] * GAMMA ** (min(into, 1.0) - 0.5))

    def by_second(self, share: float) -> Floats:
        """Of each second; NaN in seconds with too few samples to have one, unless all have too few."""
        found = _quantiles(self.table, self.values(), share)
        enough = self.counts() * min(share, 1 - share) >= 1 - 1e-9
        return np.where(enough, found, np.nan) if enough.any() else found

    def above(self, limit: float) -> Floats:
        """Samples of each second above a limit."""
        return np.asarray(self.table[:, self.values() > limit].sum(axis=1), dtype=np.float64)

    def counts(self) -> Floats:
        """Samples of each second."""
        return np.asarray(self.table.sum(axis=1), dtype=np.float64)


def _quantiles(table: NDArray[np.int32], values: Floats, share: float) -> Floats:
    """Of each row, as the middle of its bin."""
    counts = table.sum(axis=1)
    if not table.shape[1]:
        return np.full(len(table), np.nan)
    reached = table.cumsum(axis=1) > (share * (counts - 1))[:, None]
    return np.where(counts > 0, values[reached.argmax(axis=1)], np.nan)


def percentile_of(spread: Spread, percentile: float, *, sure: float = SURE) -> Estimate:
    """A percentile of all samples, with the ends that its share has."""
    value, wholes = spread.quantile(percentile), spread.counts()
    samples = int(wholes.sum())
    if samples < 1:
        return Estimate(math.nan, 0.0, math.inf, 0, math.inf, 1.0)
    below = wholes - spread.above(value)
    reached = float(below.sum()) / samples  # a bin may hold many samples: not exactly the percentile
    variance, freedom = variance_of_sum(below - reached * wholes)
    effective = samples / max(1.0, variance / max(percentile * (1 - percentile) * samples, 1e-9))
    t = student(sure, freedom)
    low, high = wilson(percentile, effective, t)
    ends = spread.quantile(low), spread.quantile(high)
    return Estimate(value, min(ends[0], value), max(ends[1], value), samples, (ends[1] - ends[0]) / 2 / t, freedom)
