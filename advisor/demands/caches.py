"""What caches did in the rehearsal, by the responses' own headers: hit ratios with their intervals, ages, lifetimes.

Seconds are those in which budgets held, as for what a viewer costs (`advisor.demands.demand`). Hits and misses come in
waves (a new segment is missed once, then hit by all), so the interval is a moving-block bootstrap of the ratio of sums,
and never narrower than Wilson's for independent requests (E. B. Wilson, "Probable Inference, the Law of Succession, and
Statistical Inference", JASA 22, 1927): it stays open where nothing missed, and a bootstrap knows no doubt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import NonNegativeFloat, NonNegativeInt

from advisor.blocks import COVERAGE, Z90, block_means, draws, interval, seed_of
from advisor.interval import Interval
from advisor.measured.measure import LOADED, Measurement
from advisor.measured.seconds import Percentiles
from advisor.measured.traffic import Row
from loadtests.cached import CacheState, seconds_of
from loadtests.region import Frozen
from loadtests.session import RequestKind

LEAST_TOLD: Final = 50
"""Fewest responses that said how a cache did, for a hit ratio: with fewer Wilson's interval is wider than 10 points on
each side at one miss in five (assumed)."""
MOST_LIFETIMES: Final = 8
"""Lifetimes shown per kind, the commonest first."""


class KindEvidence(Frozen):
    """One kind of request of one region."""

    requests: NonNegativeInt
    """In the seconds in which budgets held."""
    bits: NonNegativeFloat
    told: NonNegativeInt
    """Of these, how many had headers that said how a cache did."""
    hit: Interval | None = None
    """Share that never reached the origin, 0 to 1; None where fewer than `LEAST_TOLD` responses said so."""
    bypassed: NonNegativeFloat = 0.0
    """Share that no cache may keep."""
    states: dict[CacheState, NonNegativeInt]
    """What the cache nearest to the viewer said, in baseline, ramp and peak."""
    age: Percentiles | None = None
    """Seconds that responses had spent in caches."""
    lifetimes: dict[str, NonNegativeInt]
    """As Cache-Control said, the commonest first."""


class CacheEvidence(Frozen):
    """What the headers of one region's responses said."""

    vendors: dict[str, NonNegativeInt]
    """Responses by whose headers they had: files of ``loadtests/caches``."""
    kinds: dict[RequestKind, KindEvidence]

    @property
    def is_seen(self) -> bool:
        """Whether any kind has a hit ratio."""
        return any(kind.hit for kind in self.kinds.values())

    @property
    def hits(self) -> dict[RequestKind, Interval]:
        """Hit ratio by kind, where it is known."""
        return {kind: one.hit for kind, one in self.kinds.items() if one.hit}


def evidence(measurement: Measurement, region: str) -> CacheEvidence:
    """What caches did for one region's viewers while budgets held."""
    healthy = {second.at for second in measurement.whole(LOADED) if not second.broken}
    held = {second.at for second in measurement.region(region, LOADED)} & healthy
    vendors: dict[str, int] = {}
    kinds: dict[RequestKind, KindEvidence] = {}
    for kind, traffic in measurement.traffic.get(region, {}).items():
        rows = [row for row in traffic.rows if row.at in held]
        told = sum(row.told for row in rows)
        kinds[kind] = KindEvidence(
            requests=sum(row.requests for row in rows),
            bits=sum(row.bits for row in rows),
            told=told,
            hit=hit_ratio(rows, seed_of(f"{measurement.seed} {region} {kind} hits")),
            bypassed=sum(row.bypassed for row in rows) / told if told else 0.0,
            states=dict(traffic.states),
            age=Percentiles.of(traffic.age),
            lifetimes=dict(traffic.lifetimes.most_common(MOST_LIFETIMES)),
        )
        for vendor, count in traffic.vendors.items():
            vendors[vendor] = vendors.get(vendor, 0) + count
    return CacheEvidence(vendors=vendors, kinds=kinds)


def kept_for(lifetimes: Mapping[str, int]) -> tuple[str, float] | None:
    """The commonest lifetime that says how long, as Cache-Control said it and in seconds; None where none does."""
    for lifetime in sorted(lifetimes, key=lambda one: -lifetimes[one]):
        if (seconds := seconds_of(lifetime)) is not None:
            return lifetime, seconds
    return None


def hit_ratio(rows: Sequence[Row], seed: int) -> Interval | None:
    """Share of requests that the origin never saw, with its interval; None where too few said so."""
    told, spared = sum(row.told for row in rows), sum(row.spared for row in rows)
    if told < LEAST_TOLD:
        return None
    low, high = wilson(spared, told)
    middle = spared / told
    times = [row.at for row in rows]
    asked = block_means(times, [float(row.told) for row in rows])
    kept = block_means(times, [float(row.spared) for row in rows])
    if len(asked):
        drawn = draws(len(asked), len(rows), seed)
        sums = asked[drawn].sum(axis=1)
        resampled = kept[drawn].sum(axis=1)[sums > 0] / sums[sums > 0]
        if len(resampled):
            blocked = interval(middle, resampled, len(rows))
            low, high = min(low, blocked.low), max(high, blocked.high)
    low, high = max(0.0, min(low, middle)), min(1.0, max(high, middle))
    return Interval(low=low, mid=middle, high=high, coverage=COVERAGE, samples=told)


def wilson(good: int, of: int) -> tuple[float, float]:
    """Wilson's score interval for a share, at `COVERAGE`."""
    share, z = good / of, Z90
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return centre - half, centre + half
