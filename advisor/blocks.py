"""Seconds of a run depend on their neighbours, so they are averaged and resampled in blocks.

Moving-block bootstrap: Künsch, "The jackknife and the bootstrap for general stationary observations", Annals of
Statistics 17 (1989). A block of `BLOCK` seconds spans more than one segment, so requests that start in one second
and are counted in the next, and playlists polled in step with new segments, even out inside it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.interval import Interval

Floats: TypeAlias = NDArray[np.float64]

BLOCK: Final = 5
"""Seconds in a block: more than two 2-second segments (assumed; docs/reading-a-report.md)."""
COVERAGE: Final = 0.90
Z90: Final = 1.645
"""Normal quantile of a two-sided 90 % interval."""
RESAMPLES: Final = 999
"""Resamples per interval: Davison and Hinkley (1997) advise about a thousand for percentile ends."""


def seed_of(text: str) -> int:
    """The same text gives the same seed on every machine."""
    return zlib.crc32(text.encode())


def stretches(times: Sequence[int]) -> list[range]:
    """Index ranges of ``times`` in which each second follows the one before."""
    keyed = groupby(range(len(times)), key=lambda index: times[index] - index)
    groups = [list(group) for _, group in keyed]
    return [range(group[0], group[-1] + 1) for group in groups]


def block_means(times: Sequence[int], values: Sequence[float]) -> Floats:
    """Means over every `BLOCK` consecutive seconds; blocks never bridge a gap. Empty when nothing is that long."""
    series = np.asarray(values, dtype=np.float64)
    kernel = np.full(BLOCK, 1.0 / BLOCK)
    parts = [
        np.convolve(series[run.start : run.stop], kernel, "valid") for run in stretches(times) if len(run) >= BLOCK
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def draws(blocks: int, seconds: int, seed: int) -> NDArray[np.int64]:
    """Which blocks each resample takes: as many as fill ``seconds`` once."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, blocks, size=(RESAMPLES, max(2, -(-seconds // BLOCK))))


def interval(middle: float, resampled: Floats, samples: int, least: float = 0.0) -> Interval:
    """Percentile interval around ``middle``, at least ``least`` of it wide on each side.

    Moving blocks see the ends of a series less often than its middle, which shifts every resample; the shift is
    taken out by centring them on ``middle`` (Lahiri, "Resampling Methods for Dependent Data", 2003, section 2.5).
    """
    tail = (1.0 - COVERAGE) / 2
    low, centre, high = (float(end) for end in np.quantile(resampled, [tail, 0.5, 1.0 - tail]))
    wider = small_sample(samples)
    low, high = middle + wider * (low - centre), middle + wider * (high - centre)
    low, high = min(low, middle * (1 - least)), max(high, middle * (1 + least))
    return Interval(low=max(low, 0.0), mid=middle, high=high, coverage=COVERAGE, samples=samples)


def small_sample(seconds: int) -> float:
    """How much too narrow a percentile interval from few blocks is: Student's t and the lost degree of freedom.

    The t quantile by its first Cornish-Fisher term, z + (z^3 + z) / (4 n).
    """
    free = max(1.0, seconds / BLOCK - 1.0)
    student = Z90 + (Z90**3 + Z90) / (4 * free)
    return student / Z90 * math.sqrt((free + 1.0) / free)


def level(
    times: Sequence[int],
    values: Sequence[float],
    seed: int,
    least: float = 0.0,
    centre: Callable[..., Floats] = np.median,
) -> Interval | None:
    """The median of the block means: a plateau that single odd seconds do not move; None without a whole block."""
    means = block_means(times, values)
    if not len(means):
        return None
    resampled = centre(means[draws(len(means), len(times), seed)], axis=1)
    return interval(float(np.median(means)), resampled, len(times), least)
