"""Finds what was carried when a resource's own sign came: the method of models whose limit shows in no rate.

Connections that fail and start-ups that are late are signs of their own. What counts is whether the sign came by itself
(then this resource ran out) or with a breach of something else (then it is a consequence).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np

from advisor.blocks import BLOCK, COVERAGE, Z90, level, seed_of
from advisor.capacities.grounds import grounded
from advisor.capacities.plateau import (
    LEAST_SPREAD,
    capacity_of,
    evidence_of,
    first_lasting,
    held_blocks,
    overload_seconds,
)
from advisor.interval import Interval
from advisor.measured.measure import APART, JUDGED, LOADED, Measurement
from advisor.measured.seconds import Second
from advisor.models import Capacity, Evidence, Excuse, Model
from advisor.texts import say

SAME: Final = 0.9
"""Share of the viewers at a breach that must have been served well at another time, if joins are to blame (assumed)."""

Test: TypeAlias = Callable[[Model, Measurement, Sequence[Second]], Interval | None]
"""Of the seconds with the sign: what was carried then, or None where the sign is a consequence of something else."""


def fit(model: Model, measurement: Measurement, test: Test) -> Capacity | Excuse:
    """The limit that the sign shows, else what was carried without it, else why neither can be said."""
    name = type(model).plugin_name()
    signs = overload_seconds(measurement.whole(JUDGED), model.is_broken)
    held = held_blocks(measurement.whole(LOADED), model.is_broken)
    if signs and (found := test(model, measurement, signs)):
        seen = evidence_of(model, signs, signs, held).model_copy(update={"basis": "sign"})
        return capacity_of(model, measurement, found, _grounded(model, measurement, seen, signs), saturated=True)
    best = max(held, key=lambda block: float(np.mean([model.rate(one) for one in block])), default=[])
    carried = float(np.mean([model.rate(one) for one in best])) if best else 0.0
    if carried <= 0:
        return Excuse(about=name, reason=say(f"excuse_no_{name}"), remedy=say("remedy_lower_baseline"))
    seen = evidence_of(model, signs, best, held)
    exact = Interval(low=carried, mid=carried, high=carried, coverage=1.0, samples=len(best))
    return capacity_of(model, measurement, exact, _grounded(model, measurement, seen, []), saturated=False)


def _grounded(model: Model, measurement: Measurement, seen: Evidence, signs: Sequence[Second]) -> Evidence:
    """Steps and breach; no explanations, for what was carried is no rate that could stand still."""
    return grounded(model, measurement, seen, signs, competing=False)[0]


def before_others(model: Model, measurement: Measurement, signs: Sequence[Second]) -> Interval | None:
    """What was carried when the sign came, from the block before it to the block after; None after another breach."""
    ends: list[tuple[float, float, float]] = []
    judged = measurement.whole(JUDGED)
    for run in sorted({second.at // APART for second in signs}):
        seconds = [second for second in judged if second.at // APART == run]
        first = next(second.at for second in signs if second.at // APART == run)
        if (start := first_lasting(seconds)) is not None and seconds[start].at < first - BLOCK:
            return None
        before = [model.rate(second) for second in seconds if first - BLOCK <= second.at < first]
        after = [model.rate(second) for second in seconds if first <= second.at < first + BLOCK]
        ends.append((min([*before, after[0]]), after[0], max([*before, *after])))
    low, mid, high = (float(end) for end in np.array(ends).T @ np.full(len(ends), 1.0 / len(ends)))
    low, high = min(low, *(one[0] for one in ends)), max(high, *(one[2] for one in ends))
    return _spread(low, mid, high, len(signs))


def steady_otherwise(model: Model, measurement: Measurement, signs: Sequence[Second]) -> Interval | None:
    """The rate while the sign lasted, if about as many viewers lacked nothing at another time; else None."""
    crowd = SAME * float(np.median([second.viewers for second in signs]))
    well = held_blocks(measurement.whole(LOADED))
    if not any(min(second.viewers for second in block) >= crowd for block in well):
        return None
    times, rates = [second.at for second in signs], [model.rate(second) for second in signs]
    found = level(times, rates, seed_of(f"{measurement.seed} {model.unit}"))
    if found is None or found.mid <= 0:
        return None
    chance = Z90 * math.sqrt(found.mid * len(signs)) / len(signs)  # arrivals are counted: the root of their number
    low, high = min(found.low, found.mid - chance), max(found.high, found.mid + chance)
    return _spread(low, found.mid, high, len(signs))


def _spread(low: float, mid: float, high: float, samples: int) -> Interval | None:
    if mid <= 0:
        return None
    low, high = min(low, mid * (1 - LEAST_SPREAD)), max(high, mid * (1 + LEAST_SPREAD))
    return Interval(low=max(0.0, low), mid=mid, high=high, coverage=COVERAGE, samples=samples)
