"""One figure of one run over some seconds, and what it would have been had other blocks of them come up.

Moving-block bootstrap (Künsch 1989; `advisor.blocks`): whole blocks of consecutive seconds are drawn with replacement,
and each resample is a sum of blocks, so ratios and quantiles come from resampled sums and sketches, never from means.
Blocks are longer here than in `advisor.blocks`: a jam near the limit lasts, and seconds in one jam are one event. Few
long blocks and Student's t keep their word for such series, many short ones do not: Schmeiser, "Batch size effects in
the analysis of simulation output", Operations Research 30 (1982), advises 10 to 30 whatever the length of the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from advisor.blocks import COVERAGE, RESAMPLES, Z90, seed_of, stretches
from advisor.compare.measures import Measure, Peak, Quantile, Rate, Ratio
from advisor.foreign import Count, Floats, Ints, Series, Timing, Unfolded
from advisor.interval import Interval
from loadtests.sketch import RELATIVE_ERROR, middle_of

SHORTEST: Final = 10
"""Seconds in a block at least (docs/compare.md has the false alarms that were measured with 5, 10 and 15)."""
BLOCKS: Final = 12
"""Blocks in a run that is long enough for longer ones."""
LEAST_BLOCKS: Final = 3
"""With fewer, their spread says nothing (two give one degree of freedom)."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A figure as one run shows it."""

    mid: float
    seconds: int
    resampled: Floats | None = None
    """None when it has no interval: an extreme, or too few seconds."""
    free: float = 1.0
    """Degrees of freedom: blocks that fit side by side, less one."""
    blur: float = 0.0
    """How far it may be off because a sketch knows a value to a share of itself only."""

    @property
    def interval(self) -> Interval | None:
        """90 %, as everywhere in the advisor."""
        if self.resampled is None:
            return None
        half = half_width(self.resampled, self.free) + self.blur
        low = max(0.0, self.mid - half)
        return Interval(low=low, mid=self.mid, high=self.mid + half, coverage=COVERAGE, samples=self.seconds)


def deviation(resampled: Floats, free: float) -> float:
    """Standard deviation, with the degree of freedom that means of blocks lose."""
    return float(np.std(resampled)) * math.sqrt((free + 1) / free)


def half_width(resampled: Floats, free: float) -> float:
    """Of an interval of `COVERAGE`."""
    return student(Z90, free) * deviation(resampled, free)


def normal(student_t: float, free: float) -> float:
    """The normal deviate as far out as Student's t (Wallace, Annals of Mathematical Statistics 30, 1959)."""
    return (8 * free + 1) / (8 * free + 3) * math.sqrt(free * math.log1p(student_t**2 / free))


def student(deviate: float, free: float) -> float:
    """Student's t as far out as a normal deviate: `normal` turned round."""
    return math.sqrt(free * math.expm1((deviate * (8 * free + 3) / (8 * free + 1)) ** 2 / free))


class Draws:
    """Which blocks of some seconds each resample takes; the same seed and seconds give the same draws."""

    def __init__(self, seconds: Ints, seed: str) -> None:
        self.seconds = seconds
        self._block = max(SHORTEST, len(seconds) // BLOCKS)
        runs = [run for run in stretches(seconds.tolist()) if len(run) >= self._block]
        starts = [np.arange(run.start, run.stop - self._block + 1) for run in runs]
        self._starts = np.concatenate(starts) if starts else np.empty(0, dtype=np.int64)
        self._seed = seed

    @property
    def enough(self) -> bool:
        """Whether there is anything to resample."""
        return len(self.seconds) >= LEAST_BLOCKS * self._block and len(self._starts) > 0

    @property
    def free(self) -> float:
        """Degrees of freedom."""
        return max(1.0, len(self.seconds) / self._block - 1.0)

    @property
    def drawn(self) -> int:
        """Seconds in a resample: whole blocks, as many as fill the seconds once."""
        return -(-len(self.seconds) // self._block) * self._block

    @cached_property
    def _taken(self) -> Ints:
        """Which blocks each resample takes, a row for each place in it."""
        rng = np.random.default_rng(seed_of(self._seed))
        return rng.integers(0, len(self._starts), size=(RESAMPLES, self.drawn // self._block)).T

    def sums(self, values: Floats) -> Floats:
        """Per resample, the sums of what ``values`` has a row a second of."""
        running = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        blocks = running[self._starts + self._block] - running[self._starts]
        drawn: Floats = np.zeros((RESAMPLES, values.shape[1]))
        for taken in self._taken:
            drawn += blocks[taken]
        return drawn


class Sampler:
    """The figures of one part of a run over some seconds; sketches are added up once for all their quantiles."""

    def __init__(self, series: Series, draws: Draws, unfolded: dict[Timing, Unfolded] | None = None) -> None:
        """``unfolded`` keeps tables for the samplers of other seconds of the same series."""
        self._series = series
        self._draws = draws
        self._unfolded = {} if unfolded is None else unfolded
        self._histograms: dict[Timing, tuple[Floats, Floats, Floats | None]] = {}

    def figure(self, measure: Measure) -> Figure | None:
        """None when nothing was recorded that could say it, or nothing happened."""
        match measure.figure:
            case Rate(count):
                return self._rate(count)
            case Ratio(part, whole):
                return self._ratio(part, whole)
            case Quantile(timing, share):
                return self._quantile(timing, share)
            case Peak(count):
                known = self._of(count)
                return None if known is None or not len(known) else Figure(float(known.max()), len(known))

    def _of(self, count: Count) -> Floats | None:
        known = self._series.counts.get(count)
        return None if known is None else known[self._draws.seconds]

    def _rate(self, count: Count) -> Figure | None:
        known = self._of(count)
        if known is None or not len(known):
            return None
        resampled = self._draws.sums(known[:, None])[:, 0] / self._draws.drawn if self._draws.enough else None
        return Figure(float(known.mean()), len(known), resampled, self._draws.free)

    def _ratio(self, part: Count, whole: tuple[Count, ...]) -> Figure | None:
        columns = [self._of(count) for count in (part, *whole)]
        known = [column for column in columns if column is not None]
        if len(known) < len(columns) or not (below := sum(float(column.sum()) for column in known[1:])):
            return None
        table = np.column_stack([known[0], np.sum(known[1:], axis=0)])
        return Figure(float(table[:, 0].sum()) / below, len(table), self._ratios(table), self._draws.free)

    def _ratios(self, table: Floats) -> Floats | None:
        if not self._draws.enough:
            return None
        above, below = self._draws.sums(table).T
        return _spread(above[below > 0] / below[below > 0])

    def _quantile(self, timing: Timing, share: float) -> Figure | None:
        if timing not in self._series.timings:
            return None
        values, total, resampled = self._histogram(timing)
        if not len(values):
            return None
        mid = float(quantiles(values, total[None, :], share)[0])
        drawn = None if resampled is None else _spread(quantiles(values, resampled, share))
        return Figure(mid, len(self._draws.seconds), drawn, self._draws.free, RELATIVE_ERROR * mid)

    def _histogram(self, timing: Timing) -> tuple[Floats, Floats, Floats | None]:
        if timing not in self._histograms:
            if timing not in self._unfolded:
                self._unfolded[timing] = self._series.timings[timing].unfolded()
            bins, table = self._unfolded[timing].histogram(self._draws.seconds)
            values = np.array([middle_of(index) for index in bins.tolist()])
            drawn = self._draws.sums(table) if self._draws.enough and len(bins) else None
            resampled = None if drawn is None else drawn[drawn.sum(axis=1) >= 1]
            self._histograms[timing] = (values, table.sum(axis=0), resampled)
        return self._histograms[timing]


def _spread(resampled: Floats) -> Floats | None:
    """The resamples, if each has a value: one without shows that the figure rests on too few blocks."""
    return resampled if len(resampled) == RESAMPLES else None


def quantiles(values: Floats, counts: Floats, share: float) -> Floats:
    """Of each row of counts, as `Sketch.quantile` has it."""
    running = np.cumsum(counts, axis=1)
    rank = share * (running[:, -1:] - 1)
    found: Floats = values[(running > rank + 1e-6).argmax(axis=1)]
    return found
