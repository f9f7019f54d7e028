"""From `Outcomes` to a `Comparison`: the same seconds of every run, measure by measure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

import numpy as np

from advisor.compare import caution, difference
from advisor.compare.comparison import Change, Comparison, Row, RunCard, Shown, SpanName, Table, Verdict
from advisor.compare.measures import MEASURES, Measure, Peak, Quantile, Rate, Ratio
from advisor.compare.resample import Draws, Figure, Sampler
from advisor.foreign import Ints, Outcomes, Series, Timing, Unfolded
from advisor.measured.measure import JUDGED
from loadtests.errors import CannotMeasure, InputError

MOST_RUNS: Final = 6
"""As many as there are line styles."""
PHASES: Final[Mapping[SpanName, frozenset[str]]] = {
    "judged": JUDGED,
    "baseline": frozenset({"baseline"}),
    "ramp": frozenset({"ramp"}),
    "peak": frozenset({"peak"}),
    "recovery": frozenset({"recovery"}),
}


def compare(runs: Sequence[Outcomes]) -> Comparison:
    """The first run is the base; CannotMeasure (exit 3) when no second of some run is left to compare."""
    if not 2 <= len(runs) <= MOST_RUNS:
        raise InputError(f"found {len(runs)} runs, expected 2 to {MOST_RUNS}", hint="the first is the base")
    letters = dict(zip(ascii_uppercase, runs, strict=False))
    paired = all(run.phases and run.phases == runs[0].phases for run in runs)
    spans: tuple[SpanName, ...] = tuple(PHASES) if all(run.phases for run in runs) else ("all",)
    cuts = {span: _cut(runs, span, paired=paired) for span in spans}
    first = cuts[spans[0]]
    for (letter, run), seconds in zip(letters.items(), first, strict=True):
        if run.seconds and not len(seconds.left):
            raise CannotMeasure(f"run {letter} ({run.name}): no second is left to compare", hint=_NOTHING)
    compared = {letter: len(seconds.left) for letter, seconds in zip(letters, first, strict=True)}
    cut = {letter: seconds.cut for letter, seconds in zip(letters, first, strict=True)}
    return Comparison(
        runs=tuple(_card(letter, run, cut[letter]) for letter, run in letters.items()),
        paired=paired,
        names={code: names for run in runs for code, names in run.places.items()},
        warnings=tuple(caution.warnings(letters, compared, cut)),
        remarks=caution.remarks(runs),
        tables=tuple(_tables(runs, cuts, paired=paired)),
    )


_NOTHING = "let the rehearsal run to its end, on generators that are not the limit"


def _card(letter: str, run: Outcomes, cut: int) -> RunCard:
    return RunCard(
        letter=letter,
        name=run.name,
        tool=run.tool,
        started_at=run.started_at,
        seconds=run.seconds,
        cut=cut,
        unfinished=run.unfinished,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The seconds of one run that are compared, and how many of its own a generator spoiled."""

    left: Ints
    cut: int


def _cut(runs: Sequence[Outcomes], span: SpanName, *, paired: bool) -> list[Cut]:
    """Runs on one schedule give the same seconds, so that one cut second is cut from all."""
    wanted = [_seconds(run, span) for run in runs]
    valid = [seconds - run.invalid.keys() for seconds, run in zip(wanted, runs, strict=True)]
    left = [set[int].intersection(*valid)] * len(runs) if paired else valid
    return [
        Cut(np.array(sorted(own), dtype=np.int64), len(seconds & run.invalid.keys()))
        for own, seconds, run in zip(left, wanted, runs, strict=True)
    ]


def _seconds(run: Outcomes, span: SpanName) -> set[int]:
    if span == "all":
        start = max((phase.end for phase in run.phases if phase.name == "warm_up"), default=0)
        return set(range(math.ceil(start), run.seconds))
    phases = [phase for phase in run.phases if phase.name in PHASES[span]]
    whole = (range(math.ceil(phase.start), min(math.ceil(phase.end), run.seconds)) for phase in phases)
    return {at for seconds in whole for at in seconds}


def _tables(runs: Sequence[Outcomes], cuts: Mapping[SpanName, Sequence[Cut]], *, paired: bool) -> Iterator[Table]:
    """Part by part, so that the sketches of a part are unfolded once for all tables."""
    rows: dict[SpanName, list[Row]] = {span: [] for span in cuts}
    draws = {
        span: [Draws(cut.left, span if paired else f"{span} {index}") for index, cut in enumerate(found)]
        for span, found in cuts.items()
    }
    for code in dict.fromkeys(code for run in runs for code in run.series):
        unfolded: list[dict[Timing, Unfolded]] = [{} for _ in runs]
        for span, drawn in draws.items():
            samplers = [
                Sampler(run.series.get(code, Series()), own, tables)
                for run, own, tables in zip(runs, drawn, unfolded, strict=True)
            ]
            rows[span] += _rows(runs, code, samplers)
    for span, found in cuts.items():
        yield _table(span, found, rows[span])


def _table(span: SpanName, cuts: Sequence[Cut], rows: Sequence[Row]) -> Table:
    chances = [change.chance for row in rows for change in row.changes if change.chance is not None]
    adjusted = iter(difference.holm(chances))
    return Table(
        span=span,
        seconds=tuple(len(cut.left) for cut in cuts),
        tested=len(chances),
        rows=tuple(_judged(row, adjusted) for row in rows),
    )


def _rows(runs: Sequence[Outcomes], code: str, samplers: Sequence[Sampler]) -> Iterator[Row]:
    """The rows of a part; a measure that no run can say has none."""
    parts = [run.series.get(code, Series()) for run in runs]
    for measure in MEASURES:
        figures = [sampler.figure(measure) for sampler in samplers]
        shown = [
            _shown(run, code, measure, series, figure) for run, series, figure in zip(runs, parts, figures, strict=True)
        ]
        if any(one.value is not None for one in shown):
            changes = [
                _change(shown[0], other, figures[0], figure)
                for other, figure in zip(shown[1:], figures[1:], strict=True)
            ]
            yield Row(
                part=code,
                measure=measure.name,
                unit=measure.unit,
                better=measure.better,
                shown=tuple(shown),
                changes=tuple(changes),
            )


def _shown(run: Outcomes, code: str, measure: Measure, series: Series, figure: Figure | None) -> Shown:
    if figure is not None:
        interval = figure.interval
        return Shown(basis="estimated" if interval else "exact", value=figure.mid, interval=interval)
    if not code and measure.name in run.reported:
        return Shown(basis="reported", value=run.reported[measure.name])
    return Shown(basis="empty" if _recorded(measure, series) else "silent")


def _recorded(measure: Measure, series: Series) -> bool:
    match measure.figure:
        case Quantile(timing):
            return timing in series.timings
        case Ratio(part, whole):
            return {part, *whole} <= series.counts.keys()
        case Rate(count) | Peak(count):
            return count in series.counts


def _change(base: Shown, other: Shown, before: Figure | None, after: Figure | None) -> Change:
    """Not yet judged: whether it is real depends on the whole table."""
    if base.value is None or other.value is None:
        return Change(verdict="untested")
    size = difference.size(base.value, other.value)
    relative = size / base.value if base.value else None
    if before is None or after is None or (interval := difference.interval(before, after)) is None:
        return Change(verdict="untested", difference=size, relative=relative)
    chance = difference.chance(before, after)
    return Change(verdict="unclear", difference=size, interval=interval, relative=relative, chance=chance)


def _judged(row: Row, adjusted: Iterator[float]) -> Row:
    changes = []
    for change in row.changes:
        if change.chance is None or change.difference is None:
            changes.append(change)
            continue
        level = next(adjusted)
        verdict = _verdict(row, change.difference) if level < difference.ALARM else "unclear"
        changes.append(change.model_copy(update={"adjusted": level, "verdict": verdict}))
    return row.model_copy(update={"changes": tuple(changes)})


def _verdict(row: Row, size: float) -> Verdict:
    if row.better == "neither":
        return "higher" if size > 0 else "lower"
    return "better" if (size > 0) == (row.better == "more") else "worse"
