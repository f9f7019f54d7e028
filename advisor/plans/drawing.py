"""From an interval to the values that Monte Carlo tries: the same on every machine, spread evenly.

An `Interval` becomes a two-piece log-normal: its median is the middle, and its ends are the quantiles that its coverage
says. Left and right of the middle it has a spread of its own, so skewed estimates stay skewed (Fechner's two-piece
normal, here of the logarithm: rates and durations are positive, and their errors multiply).

Standard normal scores are drawn as a Latin hypercube (McKay, Beckman, Conover, Technometrics 21, 1979) with antithetic
pairs: every value is tried with its opposite, so that symmetric doubts leave the median where it is. Scores depend on a
name only, never on the figures: two plans that differ in one figure are compared draw by draw.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np

from advisor.blocks import Floats, seed_of
from advisor.interval import Interval

DRAWS: Final = 10_000
"""Draws per plan: the 95 % quantile of a count is then known to a fifth of a percentage point (binomial)."""
LEAST_COVERAGE: Final = 0.5
"""Sums of many intervals promise little (Bonferroni); less than half is taken as half (assumed)."""
SMALLEST: Final = 1e-3
"""An end of zero has no logarithm: it is taken as a thousandth of the figure above it (assumed)."""


@lru_cache(maxsize=4)
def _scores(half: int) -> Floats:
    """The positive standard normal scores of ``2 * half`` equal slices of probability, at their middles."""
    normal = NormalDist()
    return np.array([normal.inv_cdf(0.5 + (rank + 0.5) / (2 * half)) for rank in range(half)])


@lru_cache(maxsize=256)
def scores(name: str, count: int = DRAWS) -> Floats:
    """Standard normal scores for the quantity called ``name``; ``count`` is even, and the last is minus the first."""
    half = count // 2
    rng = np.random.default_rng(seed_of(name))
    some = rng.permutation(_scores(half)) * rng.choice([-1.0, 1.0], half)
    both = np.concatenate([some, -some[::-1]])
    both.flags.writeable = False  # it is remembered, and handed out again
    return both


def spreads(interval: Interval) -> tuple[float, float]:
    """Sigma of the logarithm below and above the middle; zero for an exact figure."""
    if interval.low == interval.high:
        return 0.0, 0.0
    low, mid, high = positive(interval)
    coverage = min(max(interval.coverage, LEAST_COVERAGE), 0.999)
    z = NormalDist().inv_cdf((1.0 + coverage) / 2)
    return math.log(mid / low) / z, math.log(high / mid) / z


def positive(interval: Interval) -> tuple[float, float, float]:
    """The ends and the middle, above zero where the high end is."""
    mid = max(interval.mid, SMALLEST * interval.high)
    return max(interval.low, SMALLEST * mid), mid, interval.high


def drawn(interval: Interval, with_scores: Floats) -> Floats:
    """What the quantity may be, in its own unit, one value per score."""
    below, above = spreads(interval)
    middle = positive(interval)[1] if interval.high > 0 else 0.0
    if not below and not above:
        return np.full(len(with_scores), interval.mid)
    values: Floats = middle * np.exp(np.where(with_scores < 0, below, above) * with_scores)
    return values
