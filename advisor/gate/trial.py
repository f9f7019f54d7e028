"""A budget's day in court: its judged seconds, which of them count, and what they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, sqrt
from typing import Final, NamedTuple

import numpy as np

from advisor.gate.estimate import SURE, Estimate, Floats
from advisor.gate.ledger import Ledger, Pairs
from advisor.gate.sentences import say
from advisor.gate.series import Mask, Scope, Series, series, wanted_cells
from advisor.gate.verdict import Worst
from advisor.measure import INVALID_LIMIT
from advisor.texts import Message
from loadtests.budgets import EACH, Budget, seconds_of
from loadtests.scenario import Scenario

REACHED: Final = 0.90
"""Share of the planned viewers that must be present (assumed); beyond it, twice the arrivals' own chance is allowed."""
TRACE: Final = 60
"""Points of a small chart."""


class Invalid(NamedTuple):
    """Why something cannot be judged, and what to do about it."""

    reason: Message
    remedy: Message


@dataclass(frozen=True, slots=True)
class Trial:
    """One budget in one scope of one run. ``times`` are the planned seconds, ``valid`` those that count."""

    ledger: Ledger
    budget: Budget
    scope: Scope
    times: tuple[int, ...]
    valid: Mask
    series: Series

    @classmethod
    def of(cls, ledger: Ledger, budget: Budget, scope: Scope) -> Trial:
        """Look up its seconds."""
        times = tuple(sorted(seconds_of(budget, ledger.header.phases)))
        spoiled = set() if budget.what.subject == "generator" else spoiled_seconds(ledger)
        valid = np.array([at < ledger.seconds and at not in spoiled for at in times], dtype=np.bool_)
        return cls(ledger, budget, scope, times, valid, series(ledger, budget, scope, times))

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


def spoiled_seconds(ledger: Ledger) -> set[int]:
    """Seconds that measured a generator."""
    return {one.at for one in ledger.generators if one.bottleneck() is not None}


def unusable(trial: Trial, *, live: bool = False) -> Invalid | None:
    """What keeps any verdict from being told; ``live`` runs have no end yet."""
    if not live and (why := unfinished(trial.ledger)):
        return Invalid(say("incomplete", ending=why), say("do_repeat"))
    recorded = sum(at < trial.ledger.seconds for at in trial.times)
    share = 1 - int(trial.valid.sum()) / recorded if recorded else 0.0
    if share > INVALID_LIMIT:
        return Invalid(_saturated(trial, share), say("do_generator"))
    return None


def unfinished(ledger: Ledger) -> str:
    """Why a run is not whole; empty for one that is, or that a broken budget ended."""
    if ledger.damage:
        return ledger.damage
    if len(ledger.footers) < len(ledger.headers):
        return "killed, it has no footer"
    bad = (one for one in ledger.footers if not one.complete and one.ending != "aborted")
    return next((f"{one.ending}, {one.workers_heard} of {one.workers_expected} workers heard" for one in bad), "")


def was_aborted(ledger: Ledger) -> bool:
    """Whether a broken budget ended it."""
    return any(footer.ending == "aborted" for footer in ledger.footers)


def _saturated(trial: Trial, share: float) -> Message:
    judged = set(trial.times)
    first = next(found for one in trial.ledger.generators if one.at in judged and (found := one.bottleneck()))
    return say("saturated", share=f"{share:.0%}", limit=f"{INVALID_LIMIT:.0%}", found=str(first))


def short_load(trial: Trial) -> Invalid | None:
    """Whether fewer viewers were present than planned."""
    scenario, column = trial.ledger.header.scenario, trial.ledger.columns["viewers"]
    assert isinstance(column, Pairs)
    chosen = np.isin(np.frombuffer(column.cells, dtype=np.uint16), wanted_cells(trial.ledger, trial.scope))
    chosen &= np.isin(np.frombuffer(column.at, dtype=np.int32), np.array(trial.times, dtype=np.int32))
    present = float(np.frombuffer(column.parts, dtype=np.float64)[chosen].sum()) / len(trial.times)
    wanted = sum(map(trial.ledger.planned, trial.times)) / len(trial.times)
    planned = wanted * _share(scenario, trial.scope)
    if isnan(planned) or present >= REACHED * planned - 2 * sqrt(planned):
        return None
    return Invalid(say("short_load", found=f"{present:.0f}", planned=f"{planned:.0f}"), say("do_load"))


def _share(scenario: Scenario, scope: Scope) -> float:
    """The scope's part of all viewers."""
    regions = [audience for code, audience in scenario.regions.items() if scope.region in ("", code)]
    if not scope.cohort:
        return sum(audience.share for audience in regions)
    return sum(
        audience.share * audience.cohorts[scope.cohort].share
        for audience in regions
        if scope.cohort in audience.cohorts
    )
