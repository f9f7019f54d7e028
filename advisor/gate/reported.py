"""Figures that a tool worked out itself, with the ends that can still be told.

A percentile that is only reported has no interval of its own, but its neighbours bracket it. The share of n samples
below a percentile lies in Wilson's interval (p95 of 10,000: 94.6 to 95.4 %), so the percentile lies between the
reported percentiles next outside that interval (p90 and p98): Woodruff's argument (JASA 47, 1952) with coarser, hence
wider, ends. Tools count ranks differently, by less than one sample, and round: both are allowed for. Nothing is known
of how requests depend on one another, so they are taken as independent, and a remark says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from advisor.foreign import Percentiles, Point
from advisor.gate.estimate import Estimate, Floats, student, wilson
from advisor.gate.sentences import say
from advisor.gate.series import Invalid, Mask, Series, Told, Unknown
from loadtests.budgets import Budget


class Share(NamedTuple):
    """A part of a whole, counted over the whole file."""

    part: float
    whole: float


class Rate(NamedTuple):
    """A count over the whole file, and the seconds that it took."""

    total: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Reports(Told):
    """What a tool reports of one metric, and how to have samples of it recorded."""

    figure: Percentiles | Share | Rate
    remedy: str
    """Sentence of `advisor.gate.sentences`."""

    def series(self, budget: Budget, seconds: int) -> Series:
        """A series without any second's own value."""
        figure = self.figure
        if not isinstance(figure, Percentiles):
            return Reported(figure, 0.0, self.remedy, seconds)
        share = {"min": 0.0, "max": 1.0}.get(budget.stat, budget.percentile)
        if share is None:
            return Unknown(Invalid(say("mean_reported"), say(self.remedy)), seconds)
        if _at(figure.points, share) is None:
            known = ", ".join(f"p{point.share * 100:g}" for point in figure.points if 0 < point.share < 1)
            why = say("not_reported", stat=budget.stat, known=known or "–")
            return Unknown(Invalid(why, say(figure.remedy)), seconds)
        return Reported(figure, share, self.remedy, seconds)


@dataclass(frozen=True, slots=True)
class Reported(Series):
    """One reported figure; it has no seconds to be taken from."""

    figure: Percentiles | Share | Rate
    share: float
    """Of the percentile; 0 is the smallest sample and 1 the largest."""
    remedy: str
    seconds: int

    def estimate(self, sure: float) -> Estimate:
        """With the ends that can be told."""
        normal = student(sure, math.inf)
        match self.figure:
            case Percentiles() as figure:
                return bracketed(figure, self.share, normal)
            case Share(part, whole) if whole:
                share = min(part / whole, 1.0)
                low, high = wilson(share, whole, normal)
                return Estimate(share, low, high, round(whole), (high - low) / 2 / normal, math.inf)
            case Rate(total, seconds) if seconds:
                error = math.sqrt(max(total, 1.0)) / seconds  # Poisson's
                value = total / seconds
                return Estimate(value, value - normal * error, value + normal * error, round(total), error, math.inf)
            case _:
                return Estimate(math.nan, -math.inf, math.inf, 0, math.inf, 1.0)

    def by_second(self) -> Floats:
        """None has a value of its own."""
        return np.full(self.seconds, np.nan)

    def score(self, limit: float) -> tuple[Floats, Floats]:  # noqa: ARG002 - nothing to order
        """Nothing in any second."""
        return np.zeros(self.seconds), np.zeros(self.seconds)

    def take(self, rows: slice | Mask) -> Self:  # noqa: ARG002 - it covers the whole file
        """The same."""
        return replace(self)


def bracketed(figure: Percentiles, share: float, normal: float) -> Estimate:
    """A reported percentile between its neighbours; ``normal`` is the deviate of the confidence on each side."""
    point = _at(figure.points, share)
    if point is None or not figure.samples:
        return Estimate(math.nan, -math.inf, math.inf, 0, math.inf, 1.0)
    if share in (0.0, 1.0):
        return Estimate(point.value, point.low, point.high, figure.samples, 0.0, math.inf)
    low, high = wilson(share, figure.samples, normal)
    rank = 1 / figure.samples
    below = [one.low for one in figure.points if one.share + rank <= low]
    above = [one.high for one in figure.points if one.share == 1 or one.share - rank >= high]
    ends = (below[-1] if below else 0.0), (above[0] if above else math.inf)
    return Estimate(point.value, min(ends[0], point.low), max(ends[1], point.high), figure.samples, math.inf, math.inf)


def _at(points: Sequence[Point], share: float) -> Point | None:
    return next((point for point in points if math.isclose(point.share, share, abs_tol=1e-9)), None)
