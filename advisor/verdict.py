"""Did the rehearsed surge hold, and if not, what broke first, where and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import Field

from advisor.capacities.plateau import first_lasting
from advisor.measured.measure import EVENT, JUDGED, Measurement, RunSeries
from advisor.measured.seconds import Budget, Second, limit
from loadtests.region import Frozen
from loadtests.scenario import Budgets


class Breach(Frozen):
    """The start of a lasting breach: at least three broken seconds within five."""

    run_id: str
    at: int
    region: str
    budget: Budget
    value: float
    """Seconds or a share, in the first broken second."""
    limit: float
    viewers: int


class RegionVerdict(Frozen):
    """One region in ramp and peak, over all runs."""

    region: str
    judged: int
    """Valid seconds."""
    held: int
    broken: dict[Budget, int]
    """Seconds in which each budget was broken."""
    first: Breach | None
    abandoned: dict[str, int] = Field(default_factory=dict)
    """Viewers who had had enough and left, by reason; from the first second to the last."""


class Verdict(Frozen):
    """The rehearsal as a whole."""

    state: Literal["held", "broke"]
    regions: tuple[RegionVerdict, ...]
    first: Breach | None
    """The earliest of all regions."""


def verdict(measurement: Measurement) -> Verdict:
    """Judge ramp and peak, second by second and region by region, with what faults did to them."""
    regions = tuple(_region(measurement, code) for code in measurement.scenario.regions)
    breaches = [region.first for region in regions if region.first]
    first = min(breaches, key=lambda breach: breach.at, default=None)
    return Verdict(state="broke" if first else "held", regions=regions, first=first)


def _region(measurement: Measurement, code: str) -> RegionVerdict:
    seconds = [one for run in measurement.runs for one in run.valid(code, JUDGED)]
    names: tuple[Budget, ...] = get_args(Budget)
    breaches = (_first(measurement.scenario.budgets, run, code) for run in measurement.runs)
    return RegionVerdict(
        region=code,
        judged=len(seconds),
        held=sum(not second.broken for second in seconds),
        broken={name: count for name in names if (count := sum(name in second.broken for second in seconds))},
        first=min((breach for breach in breaches if breach), key=lambda breach: breach.at, default=None),
        abandoned=dict(sum((Counter(second.abandoned) for second in measurement.region(code, EVENT)), Counter())),
    )


def _first(budgets: Budgets, run: RunSeries, code: str) -> Breach | None:
    seconds = run.valid(code, JUDGED)
    start = first_lasting(seconds)
    return None if start is None else _breach(budgets, run.facts.run_id, code, seconds[start:])


def _breach(budgets: Budgets, run_id: str, code: str, seconds: Sequence[Second]) -> Breach:
    second = seconds[0]
    budget = max(second.broken, key=lambda name: second.value_of(name) / max(limit(budgets, name), 1e-9))
    return Breach(
        run_id=run_id,
        at=second.at,
        region=code,
        budget=budget,
        value=second.value_of(budget),
        limit=limit(budgets, budget),
        viewers=second.viewers,
    )
