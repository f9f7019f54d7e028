"""Whether budgets and baselines fit the run: what such a run can never say is bad input, not a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from advisor.gate.evidence import Evidence
from advisor.gate.sentences import plain
from advisor.gate.series import Told
from loadtests.budgets import EACH, Budget, Placed, check_page
from loadtests.errors import InputError

COMPARED: Final = ("stream", "player", "surge", "regions", "stay")
"""Fields of the scenario in which a baseline must be the same; another target is what baselines are for."""


def check(evidence: Evidence, budgets: Sequence[Placed]) -> None:
    """InputError, with the budget's file and line, for one that no run of this kind can be judged by."""
    if evidence.plan:
        check_page(budgets, evidence.plan.scenario.regions, evidence.plan.phases)
        return
    for budget, place in budgets:
        if why := _never(evidence, budget):
            held = ", ".join(sorted(evidence.columns))
            raise InputError(f"{place}: {budget.text}: {why}", hint=f"{plain(evidence.runs[0])} holds {held}")


def _never(evidence: Evidence, budget: Budget) -> str:
    """What a file of another tool can never say, the clause that asks for it, and what to do instead."""
    files = f"{evidence.tool} files"
    if budget.phases:
        return f"{files} have no phases: leave out 'during {'+'.join(budget.phases)}', all seconds are judged"
    for name, value in (("region", budget.region), ("cohort", budget.cohort)):
        if value:
            clause = f"per {name}" if value == EACH else f"in {value}" if name == "region" else f"cohort {value}"
            return f"{files} have no {name}s: leave out '{clause}', all requests are pooled"
    if budget.metric not in evidence.columns.keys() | evidence.recordable.keys():
        return f"{files} never hold {budget.metric}: leave this budget to runs of surgecast, or ask for another metric"
    if span := max(budget.lasting, budget.over):
        return _never_for(evidence, budget, "for" if budget.lasting else "over", span)
    return ""


def _never_for(evidence: Evidence, budget: Budget, word: str, span: float) -> str:
    clause = f"'{word} {span:g}s'"
    told = isinstance(evidence.columns.get(budget.metric), Told) or budget.metric in evidence.whole_only
    if told or not evidence.seconds:
        return f"this {evidence.tool} file has {budget.metric} as one figure, not second by second: leave out {clause}"
    if span > evidence.seconds:
        return f"{clause} is longer than the {evidence.seconds} s that were recorded: it could never be broken"
    return ""


def check_alike(evidence: Evidence, earlier: Evidence) -> None:
    """InputError when a baseline is not of the same scenario, or not of the same tool and kind of file."""
    ours, theirs = plain(evidence.runs[0]), plain(earlier.runs[0])
    kinds = _kind(evidence), _kind(earlier)
    if kinds[0] != kinds[1]:
        raise InputError(
            f"baseline {theirs} is {kinds[1]}, {ours} is {kinds[0]}",
            hint="a baseline is of the same tool and the same kind of file, or the tools would be compared",
        )
    if evidence.simulated != earlier.simulated:
        raise InputError(
            f"baseline {theirs} and {ours}: one was measured, the other simulated",
            hint="a baseline is of the same kind; `surgecast simulate --against RUN` says how far the model is off",
        )
    if evidence.plan is None or earlier.plan is None:
        return
    for field in COMPARED:
        if getattr(evidence.plan.scenario, field) != getattr(earlier.plan.scenario, field):
            raise InputError(
                f"baseline {theirs} differs from {ours} in scenario.{field}",
                hint="a baseline is a run of the same scenario; the target and the seed may differ",
            )


def _kind(evidence: Evidence) -> str:
    if evidence.plan:
        return f"a run of {evidence.tool}"
    if not evidence.seconds:
        return f"totals of {evidence.tool}"
    told = any(isinstance(column, Told) for column in evidence.columns.values())
    return f"seconds {'and reported percentiles ' if told else ''}of {evidence.tool}"
