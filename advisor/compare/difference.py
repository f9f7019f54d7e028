"""Which differences are real: an interval of each, and Holm's correction over all that are looked at together.

The difference of two resampled figures has a standard deviation; runs that follow the same schedule are resampled by
the same blocks, so that what the schedule does to both falls out (a paired comparison). Interval and p-value are of
one Student's t, hence they agree: the 90 % interval excludes zero exactly when p < 10 %.

Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979), holds for
figures that depend on each other in any way, as percentiles of one sketch and regions in a whole do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from advisor.blocks import COVERAGE
from advisor.compare.resample import Figure, deviation, half_width, normal
from advisor.interval import Interval

ALARM: Final = 0.05
"""Chance that any one difference of a table is called real when none is."""
ROUNDING: Final = 1e-9
"""Of a figure: a smaller difference is of its arithmetic."""


def interval(base: Figure, other: Figure) -> Interval | None:
    """Of ``other - base``: 90 %, and never narrower than the error of the sketches behind it; None without one."""
    if base.resampled is None or other.resampled is None:
        return None
    middle = size(base.mid, other.mid)
    half = half_width(other.resampled - base.resampled, min(base.free, other.free)) + base.blur + other.blur
    half = half if half > ROUNDING * max(abs(base.mid), abs(other.mid)) else 0.0
    samples = min(base.seconds, other.seconds)
    return Interval(low=middle - half, mid=middle, high=middle + half, coverage=COVERAGE, samples=samples)


def size(base: float, other: float) -> float:
    """``other - base``, and zero where that is only the rounding of both."""
    return other - base if abs(other - base) > ROUNDING * max(abs(base), abs(other)) else 0.0


def chance(base: Figure, other: Figure) -> float | None:
    """How often chance alone makes a difference this large (two-sided p-value); None without an interval."""
    if base.resampled is None or other.resampled is None:
        return None
    beyond = abs(size(base.mid, other.mid)) - base.blur - other.blur
    if beyond <= 0:
        return 1.0
    free = min(base.free, other.free)
    spread = deviation(other.resampled - base.resampled, free)
    return math.erfc(normal(beyond / spread, free) / math.sqrt(2)) if spread else 0.0


def holm(chances: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the same order: below `ALARM` means real, whatever else is looked at."""
    order = sorted(range(len(chances)), key=lambda index: chances[index])
    adjusted, least = [0.0] * len(chances), 0.0
    for place, index in enumerate(order):
        least = max(least, min(1.0, (len(chances) - place) * chances[index]))
        adjusted[index] = least
    return adjusted
