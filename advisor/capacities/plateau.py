"""Finds where the delivered rate stops growing: the method that the capacity models share.

From the first lasting breach of a budget to the last broken second of ramp and peak, a target that ran out of a
resource delivers the same rate of it however many viewers there are. The median of the block means is its limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from advisor.blocks import BLOCK, block_means, level, seed_of
from advisor.capacities.explanations import Explained, at_loads
from advisor.capacities.grounds import grounded
from advisor.capacities.wander import half_width
from advisor.interval import Interval
from advisor.measured.measure import APART, JUDGED, LOADED, Measurement
from advisor.measured.seconds import Second
from advisor.models import Capacity, Evidence, Excuse, Model
from advisor.texts import say

LEAST_SECONDS: Final = 8
"""Fewest plateau seconds: two whole blocks less their overlap; with fewer a burst looks like a plateau (assumed)."""
LASTING: Final = 3
"""Broken seconds among `BLOCK` that make a breach last; fewer is a blink (assumed)."""
SETTLE: Final = 10
"""Seconds at the start of an overload in which queues still fill: responses under way are not yet counted as served.
Two blocks (seen on the embedded origin); left out when three blocks remain."""
FLAT: Final = 0.15
"""Most variation of the block means on a plateau. Twice what token buckets show; a rising rate shows far more."""
GROWTH: Final = 1.2
"""From this growth of viewers on, a plateau must show that the rate did not follow them."""
FOLLOWS: Final = 0.5
"""A rate that grows by more than this share of the viewers' growth is no plateau."""
LEAST_SPREAD: Final = 0.02
"""No plateau is known better than to 2 %: bodies of refusals and cut transfers are in the rate (assumed)."""
TOP: Final = 0.25
"""Share of the held blocks, those with most viewers, that speak for the highest held load."""
MODEL_SPREAD: Final = 0.25
"""An explanation that is further from the plateau that was seen than this did not fit it (assumed)."""


def fit(model: Model, measurement: Measurement) -> Capacity | Excuse:
    """The plateau when there is one, else what was held at the highest load, else why neither can be said."""
    name = type(model).plugin_name()
    loaded = measurement.whole(LOADED)
    held = held_blocks(loaded, model.is_broken)
    overload = overload_seconds(measurement.whole(JUDGED), model.is_broken)
    if overload and (found := _plateau(model, measurement, overload, held)):
        return found
    if held:
        return _at_least(model, measurement, overload, held)
    return Excuse(about=name, reason=say("excuse_never_held"), remedy=say("remedy_lower_baseline"))


def is_broken(second: Second) -> bool:
    """Whether any budget was broken."""
    return bool(second.broken)


def overload_seconds(judged: Sequence[Second], broken: Callable[[Second], bool] = is_broken) -> list[Second]:
    """From the first lasting breach to the last broken second, when most of that is broken."""
    found: list[Second] = []
    for run in {second.at // APART for second in judged}:
        seconds = [second for second in judged if second.at // APART == run]
        found += _overload_of(seconds, broken)
    return sorted(found, key=lambda second: second.at)


def settled(overload: list[Second]) -> list[Second]:
    """The overload without the seconds in which queues still filled, where enough is left."""
    return overload[SETTLE:] if len(overload) >= SETTLE + 3 * BLOCK else overload


def _overload_of(seconds: list[Second], broken: Callable[[Second], bool]) -> list[Second]:
    start = first_lasting(seconds, broken)
    if start is None:
        return []
    last = max(index for index, second in enumerate(seconds) if broken(second))
    part = seconds[start : last + 1]
    return part if 2 * sum(broken(second) for second in part) >= len(part) else []


def first_lasting(seconds: Sequence[Second], broken: Callable[[Second], bool] = is_broken) -> int | None:
    """Index of the first broken second that starts a breach of `LASTING` in `BLOCK`."""
    for index, second in enumerate(seconds):
        if broken(second) and sum(broken(one) for one in seconds[index : index + BLOCK]) >= LASTING:
            return index
    return None


def held_blocks(loaded: Sequence[Second], broken: Callable[[Second], bool] = is_broken) -> list[list[Second]]:
    """Every `BLOCK` consecutive seconds in which no budget was broken."""
    windows = (loaded[start : start + BLOCK] for start in range(len(loaded) - BLOCK + 1))
    return [list(w) for w in windows if w[-1].at - w[0].at == BLOCK - 1 and not any(map(broken, w))]


def _plateau(
    model: Model, measurement: Measurement, overload: list[Second], held: list[list[Second]]
) -> Capacity | None:
    seconds = settled(overload)
    times, rates = [second.at for second in seconds], [model.rate(second) for second in seconds]
    found = level(times, rates, _seed(model, measurement), LEAST_SPREAD)
    if found is None or found.low <= 0 or len(seconds) < LEAST_SECONDS:
        return None
    variation = variation_of(times, rates)
    if variation > FLAT or follows(seconds, rates):
        return None
    update = {"basis": "plateau", "plateau": found, "variation": variation}
    evidence, close = grounded(
        model, measurement, evidence_of(model, overload, seconds, held).model_copy(update=update), overload
    )
    found = _widened(found, close, seconds, half_width(rates))
    return capacity_of(model, measurement, found, evidence, saturated=True)


def _widened(found: Interval, close: Sequence[Explained], seconds: Sequence[Second], off: float) -> Interval:
    """The interval with how far a rate that wanders may be off, and with what the close explanations deliver."""
    top = at_loads(seconds)
    rates = [float(np.median(one.delivers(top))) for one in close if math.isfinite(one.limit)]
    known = [rate for rate in rates if abs(rate / found.mid - 1.0) <= MODEL_SPREAD]
    low, high = max(0.0, found.mid - off), found.mid + off
    return found.model_copy(update={"low": min([found.low, low, *known]), "high": max([found.high, high, *known])})


def _at_least(model: Model, measurement: Measurement, overload: list[Second], held: list[list[Second]]) -> Capacity:
    """The median rate of the held blocks with most viewers: carried, therefore not too much."""
    ranked = sorted(held, key=lambda block: -_mean_viewers(block))
    top = ranked[: max(1, round(TOP * len(ranked)))]
    seconds = sorted({second.at: second for block in top for second in block}.values(), key=lambda one: one.at)
    times, rates = [one.at for one in seconds], [model.rate(one) for one in seconds]
    found = level(times, rates, _seed(model, measurement)) or Interval.exact(float(np.mean(rates)))
    update = {"plateau": _level_over(model, measurement, overload), "variation": variation_of(times, rates)}
    seen = evidence_of(model, overload, seconds, held).model_copy(update=update)
    evidence, _ = grounded(model, measurement, seen, overload)
    return capacity_of(model, measurement, found, evidence, saturated=False)


def _level_over(model: Model, measurement: Measurement, overload: list[Second]) -> Interval | None:
    times, rates = [one.at for one in overload], [model.rate(one) for one in overload]
    return level(times, rates, _seed(model, measurement), LEAST_SPREAD)


def variation_of(times: Sequence[int], rates: Sequence[float]) -> float:
    """Standard deviation over mean of the block means; 0 when there is nothing to vary."""
    means = block_means(times, rates)
    middle = float(means.mean()) if len(means) else 0.0
    return float(means.std()) / middle if middle else 0.0


def follows(seconds: Sequence[Second], rates: Sequence[float]) -> bool:
    """Whether the rate still grew with the viewers, from the first third of the overload to the last."""
    third = max(1, len(seconds) // 3)
    viewers = _growth([float(second.viewers) for second in seconds], third)
    return viewers >= GROWTH and _growth(rates, third) - 1.0 > FOLLOWS * (viewers - 1.0)


def _growth(values: Sequence[float], third: int) -> float:
    start = float(np.mean(values[:third]))
    return float(np.mean(values[-third:])) / start if start else 1.0


def _mean_viewers(block: Sequence[Second]) -> float:
    return sum(second.viewers for second in block) / len(block)


def _seed(model: Model, measurement: Measurement) -> int:
    return seed_of(f"{measurement.seed} {model.unit}")


def capacity_of(
    model: Model, measurement: Measurement, whole: Interval, evidence: Evidence, *, saturated: bool
) -> Capacity:
    """A rate of the whole target as what one node carries."""
    return Capacity(
        model=type(model).plugin_name(),
        unit=model.unit,
        per_node=whole.scale(1.0 / measurement.nodes),
        saturated=saturated,
        evidence=evidence,
    )


def evidence_of(
    model: Model, overload: Sequence[Second], seconds: Sequence[Second], held: Sequence[Sequence[Second]]
) -> Evidence:
    """What was seen: the overload, the seconds that a rate is from, and the highest rate held."""
    viewers = [second.viewers for second in seconds]
    broken = sorted({budget for second in overload for budget in second.broken})
    return Evidence(
        basis="held",
        first_broken=overload[0].at % APART if overload else None,
        broken_budgets=tuple(broken),
        seconds=len(seconds),
        span=(seconds[0].at % APART, seconds[-1].at % APART),
        viewers=(min(viewers), max(viewers)),
        plateau=None,
        held=max((float(np.mean([model.rate(one) for one in block])) for block in held), default=0.0),
        variation=0.0,
    )
