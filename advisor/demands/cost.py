"""What watching costs and what joining costs, told apart, and what both ask for in the worst seconds of a surge.

A joiner fetches playlists and a whole buffer at once, so a ramp costs more per viewer than a plateau. A join is
counted as so many seconds of watching. How many is read from counts (segments for bandwidth, requests for requests):
counts do not wander with the bit rate, as bytes do. In unhindered seconds (`advisor.demands.unhindered`), over all
regions,

    count = a * viewers + b * joins        a, b >= 0, weights 1 / viewers

is fitted by least squares over blocks (the spread of a sum over viewers grows with them), and ``b / a`` is a join in
seconds of watching. Each region then has its own rate per viewer: what was delivered over viewers + joins * b / a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from advisor.blocks import Floats, block_means, draws, interval
from advisor.interval import Interval

MOST_SECONDS: Final = 30.0
"""No join counts for more: a player starts three target durations behind live (RFC 8216, 6.3.3), and these are 10 s
at most in common use (assumed)."""


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds: how many viewers were there, how many came, and what was delivered to them."""

    times: Sequence[int]
    viewers: Sequence[float]
    joins: Sequence[float]
    rates: Sequence[float]

    @property
    def blocks(self) -> tuple[Floats, Floats, Floats]:
        """Block means of viewers, joins and rates."""
        return (
            block_means(self.times, self.viewers),
            block_means(self.times, self.joins),
            block_means(self.times, self.rates),
        )


@dataclass(frozen=True, slots=True)
class Joining:
    """A join in seconds of watching: the estimate, and one value per resample."""

    seconds: float
    resampled: Floats


@dataclass(frozen=True, slots=True)
class Cost:
    """Per viewer-second, per join, and in the worst block of a surge."""

    viewer: Interval
    join: Interval
    worst: Interval


def joining(healthy: Load, seed: int) -> Joining:
    """What a join counts for, from the counts of all regions together."""
    viewers, joins, counts = healthy.blocks
    if not len(viewers) or float(viewers.min()) <= 0:
        return Joining(0.0, np.zeros(1))
    drawn = draws(len(viewers), len(healthy.times), seed)
    (middle,) = seconds_of(viewers[None], joins[None], counts[None])
    return Joining(float(middle), seconds_of(viewers[drawn], joins[drawn], counts[drawn]))


def seconds_of(viewers: Floats, joins: Floats, counts: Floats) -> Floats:
    """``b / a`` of every row, between 0 and `MOST_SECONDS`; 0 where joins explain nothing."""
    v, j, c = viewers.sum(axis=1), joins.sum(axis=1), counts.sum(axis=1)
    jj, cj = (joins**2 / viewers).sum(axis=1), (counts * joins / viewers).sum(axis=1)
    determinant = v * jj - j * j
    known = determinant > 1e-9 * v * np.maximum(jj, 1e-12)
    b = np.maximum(np.where(known, (v * cj - j * c) / np.where(known, determinant, 1.0), 0.0), 0.0)
    a = (c - b * j) / v
    return np.minimum(np.where(a > 0, b / np.where(a > 0, a, 1.0), np.where(b > 0, MOST_SECONDS, 0.0)), MOST_SECONDS)


def cost(healthy: Load, surge: Load, join: Joining, seed: int) -> Cost | None:
    """What the healthy seconds of a region cost, applied to its surge; None when too little was seen."""
    viewers, joins, rates = healthy.blocks
    if not len(viewers) or float(viewers.min()) <= 0 or not float(rates.sum()):
        return None
    drawn = draws(len(viewers), len(healthy.times), seed)
    many = np.resize(join.resampled, len(drawn))
    a = float(rates.sum() / (viewers + join.seconds * joins).sum())
    many_a = rates[drawn].sum(axis=1) / (viewers[drawn].sum(axis=1) + many * joins[drawn].sum(axis=1))
    then, came = _foremost(*surge.blocks[:2])
    worst = a * float(np.max(then + join.seconds * came))
    many_worst = many_a * np.max(then + many[:, None] * came, axis=1)
    samples = len(healthy.times)
    return Cost(
        viewer=interval(a, many_a, samples),
        join=interval(a * join.seconds, many_a * many, samples),
        worst=interval(worst, many_worst, samples),
    )


def _foremost(viewers: Floats, joins: Floats) -> tuple[Floats, Floats]:
    """The blocks that may be the worst, whatever a join counts for: none has more viewers and more joins than they."""
    order = np.lexsort((joins, viewers))[::-1]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(joins[order])[:-1]])
    kept = order[joins[order] > before]
    return viewers[kept], joins[kept]
