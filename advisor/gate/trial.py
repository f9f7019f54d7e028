"""A budget's day in court: its judged seconds, which of them count, and what they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan, sqrt
from typing import Final

import numpy as np

from advisor.gate.estimate import SURE, Estimate, Floats
from advisor.gate.evidence import Evidence, Pairs
from advisor.gate.rows import series, wanted_cells
from advisor.gate.sentences import say
from advisor.gate.series import Invalid, Mask, Scope, Series, Unknown
from advisor.gate.verdict import Worst
from advisor.measured.measure import INVALID_LIMIT
from advisor.texts import Message
from loadtests.budgets import EACH, Budget, seconds_of
from loadtests.results import Bottleneck
from loadtests.scenario import Scenario

REACHED: Final = 0.90
"""Share of the planned viewers that must be present (assumed); beyond it, twice the arrivals' own chance is allowed."""
TRACE: Final = 60
"""Points of a small chart."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One budget in one scope of one run. ``times`` are the planned seconds, ``valid`` those that count."""

    evidence: Evidence
    budget: Budget
    scope: Scope
    times: tuple[int, ...]
    valid: Mask
    series: Series
    spoiled: Mapping[int, Bottleneck]
    """Seconds that do not, and why."""

    @classmethod
    def of(cls, evidence: Evidence, budget: Budget, scope: Scope) -> Trial:
        """Look up its seconds; without phases, all there are."""
        plan = evidence.plan
        times = tuple(sorted(seconds_of(budget, plan.phases))) if plan else tuple(range(evidence.seconds))
        spoiled = {} if budget.what.subject == "generator" else evidence.spoiled_in(scope.region)
        valid = np.array([at < evidence.seconds and at not in spoiled for at in times], dtype=np.bool_)
        return cls(evidence, budget, scope, times, valid, series(evidence, budget, scope, times), spoiled)

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases that it judges; empty when there are none."""
        phases = self.evidence.plan.phases if self.evidence.plan else ()
        return tuple(phase.name for phase in phases if any(phase.start <= at < phase.end for at in self.times))

    @property
    def measured(self) -> Series:
        """The seconds that count."""
        return self.series.take(self.valid)

    def estimate(self, sure: float = SURE) -> Estimate:
        """Of the seconds that count."""
        return self.measured.estimate(sure)

    def side(self, value: float) -> float:
        """The value with its sign turned so that more is worse."""
        return value if self.budget.sign == "<" else -value

    def by_second(self) -> Floats:
        """Each planned second's value; NaN where there is none, or the second does not count."""
        return np.where(self.valid, self.series.by_second(), np.nan)

    def worst(self) -> Worst | None:
        """The second furthest on the wrong side."""
        worse = self.by_second() * (1.0 if self.budget.sign == "<" else -1.0)
        if np.isnan(worse).all():
            return None
        row = int(np.nanargmax(worse))
        return Worst(at=self.times[row], value=float(self.side(float(worse[row]))))

    def trace(self) -> tuple[float | None, ...]:
        """The worst value of each stretch."""
        values = self.by_second()
        step = -(-len(values) // TRACE) or 1
        return tuple(self._worst_of(values[start : start + step]) for start in range(0, len(values), step))

    def _worst_of(self, values: Floats) -> float | None:
        known = values[~np.isnan(values)]
        if not len(known):
            return None
        return float(f"{(known.max() if self.budget.sign == '<' else known.min()):.6g}")


def scopes(scenario: Scenario, budget: Budget) -> Iterator[Scope]:
    """Whose viewers a budget judges, one after the other."""
    regions = scenario.regions if budget.region == EACH else (budget.region,)
    for region in regions:
        inside = (region,) if region else tuple(scenario.regions)
        cohorts = sorted({name for code in inside for name in scenario.regions[code].cohorts})
        for cohort in cohorts if budget.cohort == EACH else (budget.cohort,):
            if not cohort or cohort in cohorts:
                yield Scope(region, cohort)


def unusable(trial: Trial, *, live: bool = False) -> Invalid | None:
    """What keeps any verdict from being told; ``live`` runs have no end yet."""
    if not live and trial.evidence.unfinished:
        return Invalid(say("incomplete", ending=trial.evidence.unfinished), say("do_repeat"))
    recorded = sum(at < trial.evidence.seconds for at in trial.times)
    share = 1 - int(trial.valid.sum()) / recorded if recorded else 0.0
    if share > INVALID_LIMIT:
        return Invalid(_saturated(trial, share), say("do_generator"))
    return trial.series.why if isinstance(trial.series, Unknown) else None


def _saturated(trial: Trial, share: float) -> Message:
    judged = set(trial.times)
    first = next(found for at, found in trial.spoiled.items() if at in judged)
    shares = {"share": f"{share:.0%}", "limit": f"{INVALID_LIMIT:.0%}"}
    return say(f"saturated_{first.kind}", **shares, found=first.found, most=first.limit)


def short_load(trial: Trial) -> Invalid | None:
    """Whether fewer viewers were present than planned; nothing is said where no plan is known."""
    plan, column = trial.evidence.plan, trial.evidence.columns.get("viewers")
    if plan is None or not isinstance(column, Pairs):
        return None
    chosen = np.isin(np.frombuffer(column.cells, dtype=np.uint16), wanted_cells(trial.evidence, trial.scope))
    chosen &= np.isin(np.frombuffer(column.at, dtype=np.int32), np.array(trial.times, dtype=np.int32))
    present = float(np.frombuffer(column.parts, dtype=np.float64)[chosen].sum()) / len(trial.times)
    parts = _parts(plan.scenario, trial.scope)
    planned = sum(part * plan.viewers(at, code) for code, part in parts.items() for at in trial.times) / len(
        trial.times
    )
    if isnan(planned) or present >= REACHED * planned - 2 * sqrt(planned):
        return None
    return Invalid(say("short_load", found=f"{present:.0f}", planned=f"{planned:.0f}"), say("do_load"))


def _parts(scenario: Scenario, scope: Scope) -> dict[str, float]:
    """The scope's part of the viewers of each region; one for all regions when it takes all of them whole."""
    if not scope.region and not scope.cohort:
        return {"": 1.0}
    regions = {code: audience for code, audience in scenario.regions.items() if scope.region in ("", code)}
    if not scope.cohort:
        return dict.fromkeys(regions, 1.0)
    return {
        code: audience.cohorts[scope.cohort].share
        for code, audience in regions.items()
        if scope.cohort in audience.cohorts
    }
