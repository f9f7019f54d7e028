"""Whether a scenario has what a budget is about: its regions, cohorts and phases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from loadtests.budgets.budget import EACH, Budget, BudgetError
from loadtests.budgets.page import HINT, Placed
from loadtests.errors import InputError
from loadtests.shapes import Phase


class Audience(Protocol):
    """What a scenario says of a region."""

    @property
    def cohorts(self) -> Mapping[str, Any]:
        """By name."""


JUDGED: Final = ("ramp", "peak")
"""The phases that a budget judges when it names none."""


def seconds_of(budget: Budget, phases: Sequence[Phase]) -> frozenset[int]:
    """The whole seconds that a budget judges; a scenario without ramp and peak is judged from its warm-up on."""
    wanted = budget.phases or JUDGED
    if not budget.phases and not any(phase.name in JUDGED for phase in phases):
        wanted = tuple(phase.name for phase in phases if phase.name != "warm_up")
    chosen = (phase for phase in phases if phase.name in wanted)
    return frozenset(at for phase in chosen for at in range(_up(phase.start), _up(phase.end)))


def _up(at: float) -> int:
    return -int(-at // 1)


def check_scope(budget: Budget, cohorts: Mapping[str, Collection[str]], phases: Sequence[Phase]) -> None:
    """BudgetError when the budget is about a region, cohort or phase that is not there; ``cohorts`` by region."""
    if budget.region not in ("", EACH, *cohorts):
        raise BudgetError("in", f"no region {budget.region!r} in this scenario (it has {', '.join(cohorts)})")
    regions = cohorts if budget.region in ("", EACH) else (budget.region,)
    known = sorted({name for region in regions for name in cohorts[region]})
    if budget.cohort not in ("", EACH, *known):
        where = f" in {budget.region}" if budget.region not in ("", EACH) else ""
        raise BudgetError("cohort", f"no cohort {budget.cohort!r}{where} (known: {', '.join(known)})")
    present = [phase.name for phase in phases]
    if missing := [name for name in budget.phases if name not in present]:
        raise BudgetError("during", f"this scenario has no phase {missing[0]} (it has {', '.join(present)})")
    seconds = len(seconds_of(budget, phases))
    if not seconds:
        raise BudgetError("during", f"{'+'.join(budget.phases) or 'the run'} is empty: it holds no whole second")
    if seconds < (span := max(budget.lasting, budget.over)):
        word = "for" if budget.lasting else "over"
        raise BudgetError(word, f"{span:g} s is longer than the {seconds} s that are judged: it could never be broken")


def check_page(budgets: Sequence[Placed], regions: Mapping[str, Audience], phases: Sequence[Phase]) -> None:
    """InputError, with file and line, when one of them is about what the scenario has not."""
    cohorts = {code: tuple(audience.cohorts) for code, audience in regions.items()}
    for budget, place in budgets:
        try:
            check_scope(budget, cohorts, phases)
        except BudgetError as error:
            raise InputError(f"{place}: {error}", hint=HINT) from error
