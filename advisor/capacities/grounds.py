"""The grounds of a capacity: its load steps as they were seen, the breach that shows it, the explanation that won."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from advisor.blocks import BLOCK
from advisor.capacities.evidence import Limiting, Step
from advisor.capacities.explanations import Explained, compete, held_out
from advisor.measured.levels import Level, levels
from advisor.measured.measure import APART, Measurement
from advisor.measured.seconds import Second, limit
from advisor.models import Evidence, Model
from loadtests.scenario import Budgets


def grounded(
    model: Model, measurement: Measurement, evidence: Evidence, overload: Sequence[Second], *, competing: bool = True
) -> tuple[Evidence, tuple[Explained, ...]]:
    """The evidence with its grounds, and the explanations that the top load steps do not tell apart, if any compete."""
    found = levels(measurement)
    contest, close = compete(found, model.rate, model.is_broken) if competing and found else (None, ())
    out = held_out(found) if contest else 0
    grounds = {
        "steps": tuple(_step(model, level, is_out=index >= len(found) - out) for index, level in enumerate(found)),
        "limiting": limiting(measurement.scenario.budgets, overload, found),
        "contest": contest,
    }
    return evidence.model_copy(update=grounds), close


def _step(model: Model, level: Level, *, is_out: bool) -> Step:
    means = level.means(model.rate)
    return Step(
        viewers=level.viewers,
        rate=float(np.mean(means)),
        low=min(means),
        high=max(means),
        broken=sum(model.is_broken(second) for second in level.seconds) / len(level.seconds),
        seconds=len(level.seconds),
        span=(level.span[0] % APART, level.span[1] % APART),
        is_held_out=is_out,
    )


def limiting(budgets: Budgets, overload: Sequence[Second], found: tuple[Level, ...] = ()) -> Limiting | None:
    """The start of the breach: the budget broken most often in its first `BLOCK` seconds, then by most."""
    first = [second for second in overload[:BLOCK] if second.broken]
    if not first:
        return None
    counts = Counter(budget for second in first for budget in second.broken)
    worst = {
        budget: max(one.value_of(budget) for one in first) / max(limit(budgets, budget), 1e-9) for budget in counts
    }
    budget = max(counts, key=lambda name: (counts[name], worst[name], name))
    over = [second for second in first if budget in second.broken]
    times = {second.at for second in first}
    return Limiting(
        budget=budget,
        value=float(np.median([second.value_of(budget) for second in over])),
        limit=limit(budgets, budget),
        samples=sum(second.samples_of(budget) for second in over),
        span=(first[0].at % APART, first[-1].at % APART),
        viewers=float(np.mean([second.offered for second in first])),
        step=next((n for n, level in enumerate(found) if times & {second.at for second in level.seconds}), None),
    )
