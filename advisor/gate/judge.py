"""From a run and its budgets to verdicts: PASS is surely kept, FAIL surely broken, INVALID could not be told.

Reasons for INVALID are looked for in this order: the run is not whole, the generator was the limit, too few samples.
Then comes FAIL. A budget that would pass is INVALID still when the run ended early, when viewers were missing, or
when the limit lies between the ends of what was measured. Missing viewers excuse no failure: a target that breaks
under less load than planned breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite, isnan
from typing import Final

import numpy as np

from advisor.blocks import BLOCK
from advisor.gate.against import Change, change
from advisor.gate.estimate import SURE, Estimate, Floats, least_samples
from advisor.gate.evidence import Evidence, Judgeable
from advisor.gate.fit import check, check_alike
from advisor.gate.reported import Reported
from advisor.gate.sentences import say
from advisor.gate.series import Extreme, Invalid, Scope
from advisor.gate.trial import Trial, scopes, short_load, unusable
from advisor.gate.verdict import EXIT_CODES, UNKNOWN_START, Compared, Gate, Judged, State, show, together
from advisor.texts import Message
from loadtests.budgets import Baseline, Budget, Place, Placed

SAMPLES_OF_A_MEAN: Final = 20
"""Fewest samples behind a mean or a share (assumed); behind a rate or a level, a block of seconds."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the trial came to, and the figure that it came from."""

    state: State
    reason: Message
    remedy: Message | None
    figure: Estimate
    limit: float | None
    compared: Compared | None = None

    @classmethod
    def invalid(cls, why: Invalid, figure: Estimate, limit: float | None) -> Finding:
        """Not to be told."""
        return cls("INVALID", why.reason, why.remedy, figure, limit)


def judge(run: Judgeable, budgets: Sequence[Placed], baselines: Sequence[Judgeable] = ()) -> Gate:
    """The verdict; InputError when a budget is about what such a run never has, or a baseline is of another kind."""
    evidence, earlier = run.evidence(), [one.evidence() for one in baselines]
    check(evidence, budgets)
    for one in earlier:
        check_alike(evidence, one)
    judged = tuple(
        _judged(trial, finding(trial, earlier), placed.place)
        for placed in budgets
        for trial in trials(evidence, placed.budget)
    )
    state = together({one.state for one in judged})
    return Gate(
        state=state,
        exit_code=EXIT_CODES[state],
        scenario=evidence.name,
        tool=evidence.tool,
        runs=evidence.runs,
        started_at=evidence.started_at or UNKNOWN_START,
        seconds=evidence.seconds,
        ending=evidence.ending,
        baselines=tuple(one.runs[0] for one in earlier),
        remarks=evidence.remarks,
        judged=judged,
    )


def trials(evidence: Evidence, budget: Budget) -> list[Trial]:
    """One for each region and cohort that the budget judges on its own."""
    whose = scopes(evidence.plan.scenario, budget) if evidence.plan else (Scope(),)
    return [Trial.of(evidence, budget, scope) for scope in whose]


def finding(trial: Trial, baselines: Sequence[Evidence] = (), *, live: bool = False) -> Finding:
    """Judge one trial."""
    figure, limit = trial.estimate(), trial.budget.limit
    fixed = None if isinstance(limit, Baseline) else limit
    if why := unusable(trial, live=live) or _too_few(trial, figure):
        return Finding.invalid(why, figure, fixed)
    if isinstance(limit, Baseline):
        found = _against(trial, figure, limit, baselines)
    elif trial.budget.lasting:
        found = _lasting(trial, figure, limit)
    else:
        found = _fixed(trial, limit)
    if found.state == "FAIL" and trial.budget.what.subject == "generator":
        reason = say("generator_broken", why=found.reason.key, **found.reason.values)
        return replace(found, state="INVALID", reason=reason, remedy=say("do_generator"))
    if found.state == "PASS" and trial.evidence.aborted:
        return Finding.invalid(Invalid(say("aborted"), say("do_repeat")), found.figure, found.limit)
    if found.state == "PASS" and not live and (short := short_load(trial)):
        return Finding.invalid(short, found.figure, found.limit)
    return found


def _too_few(trial: Trial, figure: Estimate) -> Invalid | None:
    budget = trial.budget
    if isnan(figure.value) or not figure.samples:
        return Invalid(say("nothing", metric=budget.metric), say("do_longer", times="2"))
    needed, seconds = _needed(trial), int(trial.valid.sum())
    if figure.samples < needed:
        stat = budget.stat or budget.what.kind
        return Invalid(say("few", found=str(figure.samples), stat=stat, needed=str(needed)), say("do_samples"))
    if seconds < BLOCK and not isinstance(trial.series, Extreme | Reported):
        return Invalid(say("few_seconds", found=str(seconds), needed=str(BLOCK)), say("do_samples"))
    return None


def _needed(trial: Trial) -> int:
    if (percentile := trial.budget.percentile) is not None:
        return least_samples(percentile)
    if trial.budget.stat in ("min", "max"):
        return 1
    return SAMPLES_OF_A_MEAN if trial.budget.what.kind in ("spread", "share") else BLOCK


# -- a fixed limit ------------------------------------------------------------------------------------------------


def _fixed(trial: Trial, limit: float) -> Finding:
    figure = _figure(trial, limit)
    measured = told_figure(figure, trial.budget.what.unit)
    if surely_broken(figure, limit, trial.budget.sign):
        return Finding("FAIL", say("broken", measured=measured), None, figure, limit)
    if surely_kept(figure, limit, trial.budget.sign):
        return Finding("PASS", say("kept", measured=measured), None, figure, limit)
    remedy = say(trial.series.remedy) if isinstance(trial.series, Reported) else _longer(figure, limit)
    return Finding("INVALID", say("close", measured=measured), remedy, figure, limit)


def _figure(trial: Trial, limit: float) -> Estimate:
    """Of all seconds, or of the worst window; where nothing at all is allowed, counting tells."""
    figure = worst_window(trial, limit) if trial.budget.over else trial.estimate()
    return Estimate.exact(figure.value, figure.samples) if limit == 0 else figure


def surely_broken(figure: Estimate, limit: float, sign: str) -> bool:
    """Whether both ends are on the wrong side."""
    slack = 1e-9 * abs(limit)
    return figure.low > limit + slack if sign == "<" else figure.high < limit - slack


def surely_kept(figure: Estimate, limit: float, sign: str) -> bool:
    """Whether both ends are on the right side; the limit itself is kept."""
    slack = 1e-9 * abs(limit)  # of adding up
    return figure.high <= limit + slack if sign == "<" else figure.low >= limit - slack


def _longer(figure: Estimate, limit: float) -> Message:
    """Intervals shrink with the root of the samples."""
    gap, half = abs(limit - figure.value), (figure.high - figure.low) / 2
    times = min((half / gap) ** 2, 100.0) if gap and isfinite(half) else 100.0
    return say("do_longer", times=f"{max(times, 2.0):.0f}")


def worst_window(trial: Trial, limit: float) -> Estimate:
    """Of the worst sliding window; its ends are wider, for it was chosen as the worst of many (Bonferroni)."""
    length = int(trial.budget.over)
    parts, wholes = (_sliding(np.where(trial.valid, column, 0.0), length) for column in trial.series.score(limit))
    times = np.array(trial.times)
    whole = (times[length - 1 :] - times[: len(times) - length + 1] == length - 1) & (wholes > 0)
    if not whole.any():
        return trial.estimate()
    ratio = np.where(whole, parts / np.where(wholes > 0, wholes, 1.0), np.nan)
    start = int(np.nanargmax(ratio) if trial.budget.sign == "<" else np.nanargmin(ratio))
    rows = np.zeros(len(times), dtype=np.bool_)
    rows[start : start + length] = True
    return trial.series.take(rows & trial.valid).estimate(1 - (1 - SURE) / max(1.0, len(times) / length))


def _sliding(values: Floats, length: int) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(sums[length:] - sums[:-length])


# -- without pause ------------------------------------------------------------------------------------------------


def _lasting(trial: Trial, figure: Estimate, limit: float) -> Finding:
    span = f"{trial.budget.lasting:.0f}"
    values = trial.by_second()
    if np.isnan(values[trial.valid]).mean() > 0.5:
        seconds = int(trial.valid.sum())
        needed = str(seconds * round(1 / (1 - (trial.budget.percentile or 0.95))))
        few = say("few", found=str(figure.samples), stat=trial.budget.stat or "value of each second", needed=needed)
        return Finding.invalid(Invalid(few, say("do_samples")), figure, limit)
    start, length = longest(trial, values, limit)
    if length < trial.budget.lasting:
        return Finding("PASS", say("kept_for", span=span), None, figure, limit)
    rows = np.array([start <= at < start + length for at in trial.times]) & trial.valid
    reason = say("broken_for", span=str(length), at=str(start))
    return Finding("FAIL", reason, None, trial.series.take(rows).estimate(SURE), limit)


def longest(trial: Trial, values: Floats, limit: float) -> tuple[int, int]:
    """First second and length of the longest stretch that is broken.

    Seconds without a value neither break nor mend it; seconds that do not count, and seconds not judged, end it.
    """
    best, since, before = (0, 0), None, -2
    for at, value, counts in zip(trial.times, values, trial.valid, strict=True):
        broken = trial.side(float(value)) > trial.side(limit)
        if not counts or at != before + 1 or (not broken and not isnan(value)):
            since = None
        before = at
        if broken:
            since = at if since is None else since
            best = max(best, (since, at - since + 1), key=lambda stretch: stretch[1])
    return best


# -- a baseline ---------------------------------------------------------------------------------------------------


def _against(trial: Trial, figure: Estimate, limit: Baseline, baselines: Sequence[Evidence]) -> Finding:
    if not baselines:
        return Finding.invalid(Invalid(say("no_baseline"), say("do_baseline")), figure, None)
    if isinstance(trial.series, Reported):
        return Finding.invalid(Invalid(say("no_noise"), say(trial.series.remedy)), figure, None)
    figures = []
    for evidence in baselines:
        earlier = Trial.of(evidence, trial.budget, trial.scope)
        found = earlier.estimate()
        aborted = Invalid(say("aborted"), say("do_repeat")) if evidence.aborted else None
        if why := unusable(earlier) or aborted or _too_few(earlier, found) or short_load(earlier):
            bad = say("bad_baseline", run=evidence.runs[0], why=why.reason.key, **why.reason.values)
            return Finding.invalid(Invalid(bad, why.remedy), figure, None)
        figures.append(found)
    return _changed(trial, figure, change(figure, figures, limit, trial.budget.sign), len(baselines))


def _changed(trial: Trial, figure: Estimate, found: Change, runs: int) -> Finding:
    words = {name: _relative(getattr(found, field), found.baseline, trial.budget) for name, field in _WORDS.items()}
    words["change"] = ("+" if (found.worse > 0) == (trial.budget.sign == "<") else "-") + words["change"].lstrip("-")
    compared = Compared(value=found.baseline, runs=runs, allowed=found.allowed, worse=found.worse, noise=found.noise)
    limit = found.baseline + trial.side(found.allowed)

    def came_to(state: State, key: str, remedy: str = "") -> Finding:
        return Finding(state, say(key, **words), say(remedy) if remedy else None, figure, limit, compared)

    if found.is_much:
        return (
            came_to("FAIL", "broken_baseline")
            if found.is_sure
            else came_to("INVALID", "close_baseline", "do_more_baselines")
        )
    if found.is_blind:
        return came_to("INVALID", "noisy_baseline", "do_more_baselines")
    return came_to("PASS", "kept_baseline")


_WORDS: Final = {"change": "worse", "allowed": "allowed", "noise": "noise"}


def _relative(value: float, baseline: float, budget: Budget) -> str:
    """A change as people read it: of a share in percentage points, of anything else as a part of the baseline."""
    if budget.what.unit == "%":
        return f"{value * 100:.3g}pp"
    return f"{value / abs(baseline):.1%}" if baseline else show(value, budget.what.unit)


# -- the record ---------------------------------------------------------------------------------------------------


def told_figure(figure: Estimate, unit: str) -> str:
    """A figure with its ends."""
    value = show(figure.value, unit)
    if figure.low == figure.high:
        return value
    return f"{value} ({show(_finite(figure.low), unit)} to {show(_finite(figure.high), unit)})"


def _finite(value: float) -> float | None:
    """Rounded so that the order in which equal sums were added up does not show."""
    return float(f"{value:.9g}") if isfinite(value) else None


def _judged(trial: Trial, found: Finding, place: Place) -> Judged:
    budget, figure = trial.budget, found.figure
    return Judged(
        budget=budget.text,
        file=place.file,
        line=place.line,
        metric=budget.metric,
        stat=budget.stat,
        sign=budget.sign,
        region=trial.scope.region,
        cohort=trial.scope.cohort,
        phases=trial.phases,
        state=found.state,
        limit=None if found.limit is None else _finite(found.limit),
        value=_finite(figure.value),
        low=_finite(figure.low),
        high=_finite(figure.high),
        samples=figure.samples,
        seconds=int(trial.valid.sum()),
        worst=trial.worst(),
        compared=found.compared,
        reason=found.reason,
        remedy=found.remedy,
        trace=trial.trace(),
    )
