"""The search for the breaking point on the command line: runs one after the other, each judged before the next."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import yaml
from pydantic import ValidationError

from advisor.gate import judge, read_judgeable
from advisor.gate.reports import write_reports
from advisor.gate.verdict import Gate
from advisor.search import Attempt, Bounds, Found, Outcome, next_level, outcome_of
from loadtests.budgets import Placed
from loadtests.errors import CannotMeasure, InputError
from loadtests.flow import planned
from loadtests.region import Frozen
from loadtests.scenario import Scenario, read_scenario
from loadtests.surge import read_surge
from loadtests.wiring.options import must_be_claimed
from surgecast.gating import budgets_for
from surgecast.locust_run import LoadOptions, new_run_folder, run_locust, tell_ending
from surgecast.staged import staged

FILE: Final = "search.json"
AROUND: Final = 15.0
"""Seconds of a run beside its surge: the start, the look at the target, the last reports (generous)."""
REST: Final = 5.0
"""Seconds between two runs, for the target to forget the last one."""
EXIT_CODES: Final = {"found": 0, "unbroken": 0, "nothing_holds": 99, "generator": 3, "unfinished": 3}
WORDS: Final = {
    "found": "The breaking point lies between {held:,} viewers, which held {confirmed} times, and {broke:,}.",
    "unbroken": "Nothing broke: {held:,} viewers held {confirmed} times, and more were not asked for.",
    "nothing_holds": "Not even {broke:,} viewers held.",
    "generator": "INVALID: the load generator was the limit. {held:,} viewers held so far.",
    "unfinished": "INVALID: not found within the runs and the time allowed. {held:,} viewers held so far.",
}


class Tried(Frozen):
    """One run of the search."""

    level: int
    """Viewers at the peak."""
    run: str
    """Its folder, below that of the search."""
    outcome: Outcome
    state: str
    """Of the gate."""
    why: tuple[str, ...]
    """Budgets that were not kept, with the reason."""


class Search(Frozen):
    """What `search.json` holds."""

    schema_version: int = 1
    scenario: str
    started_at: datetime
    bounds: Bounds
    tried: tuple[Tried, ...]
    found: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What a search is told beside its scenario; ``within`` in seconds."""

    levels: str = ""
    resolution: float = 0.1
    runs: int = 12
    within: float = 7200.0
    budgets: str = ""
    out: Path | None = None
    processes: int = 0
    own: bool = False


def search_breaking_point(source: str, options: SearchOptions) -> int:
    """Run, judge and choose the next level until the answer is known; the exit code."""
    plan = read_scenario(source)
    if options.own:
        plan = plan.model_copy(
            update={"target": plan.target.model_copy(update={"owner": "claimed on the command line"})}
        )
    must_be_claimed(plan)
    budgets = budgets_for(plan, options.budgets, needed=True)
    peak = peak_of(plan)
    bounds = bounds_of(options, peak)
    folder = _new_folder(plan, options.out)
    began = datetime.now(UTC)
    with staged(plan) as door:
        climb = _Climb(plan, peak, budgets, LoadOptions(out=folder, processes=options.processes, control=door))
        tried, found = follow(climb.run, bounds, _time_left(plan, options.within))
    result = Search(scenario=plan.name, started_at=began, bounds=bounds, tried=tried, found=found)
    (folder / FILE).write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    click.echo(told(result))
    click.echo(str(folder / FILE))
    return EXIT_CODES[found.state]


def follow(
    run: Callable[[int, int], Tried], bounds: Bounds, time_left: Callable[[], bool]
) -> tuple[tuple[Tried, ...], Found]:
    """Ask for level after level; ``run`` gets the level and the number of the run."""
    tried: list[Tried] = []
    while True:
        history = [Attempt(one.level, one.outcome) for one in tried]
        level = next_level(history, bounds)
        if isinstance(level, Found):
            return tuple(tried), level
        if not time_left():
            ended = next_level(history, bounds.model_copy(update={"runs": 0}))
            assert isinstance(ended, Found)
            return tuple(tried), ended
        tried.append(run(level, len(tried) + 1))


def peak_of(plan: Scenario) -> float:
    """The most viewers that the surge wants at once, in all regions together."""
    wanted = planned(plan)
    return max(wanted(float(second)) for second in range(math.ceil(plan.surge.duration)))


def scaled(plan: Scenario, peak: float, level: int, number: int) -> Scenario:
    """The scenario with ``level`` viewers at its peak, and other people in every run."""
    surge = read_surge({"shape": "scale", "of": plan.surge, "viewers_by": level / peak})
    return plan.model_copy(update={"surge": surge, "seed": plan.seed + number - 1})


def bounds_of(options: SearchOptions, peak: float) -> Bounds:
    """From ``FIRST..MOST``, or from a quarter of the scenario's own peak to four times that."""
    text = options.levels or f"{max(1, round(peak / 4))}..{round(4 * peak)}"
    first, dots, most = text.partition("..")
    try:
        if dots and int(first) <= int(most):
            limits = {"resolution": options.resolution, "runs": options.runs, "least": min(10, int(first))}
            return Bounds.model_validate({"first": int(first), "top": int(most), **limits})
    except (ValueError, ValidationError):
        pass
    raise InputError(f"--levels: expected FIRST..MOST viewers, found {text!r}", hint="for example --levels 500..8000")


def _new_folder(plan: Scenario, out: Path | None) -> Path:
    folder = out or new_run_folder(plan).with_name(f"{new_run_folder(plan).name}-search")
    if (folder / FILE).exists():
        raise InputError(f"{folder}: there is a search here already", hint="give another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}", hint="give another --out") from error
    return folder


def _time_left(plan: Scenario, within: float) -> Callable[[], bool]:
    ends = time.monotonic() + within
    return lambda: time.monotonic() + plan.surge.duration + AROUND <= ends


class _Climb:
    """Makes the runs."""

    def __init__(self, plan: Scenario, peak: float, budgets: Sequence[Placed], options: LoadOptions) -> None:
        assert options.out is not None
        self._plan, self._peak, self._budgets = plan, peak, budgets
        self._folder, self._options = options.out, options

    def run(self, level: int, number: int) -> Tried:
        """One whole run in a folder of its own, and what the gate says of it."""
        if number > 1:
            time.sleep(REST)
        name = f"{number:02d}-{level}"
        place = self._folder / f"{name}.yaml"
        plan = scaled(self._plan, self._peak, level, number)
        place.write_text(yaml.safe_dump(plan.model_dump(mode="json"), allow_unicode=True), encoding="utf-8")
        click.echo(f"Run {number}: {level:,} viewers ...", err=True)
        run = run_locust(plan, str(place), replace(self._options, out=self._folder / name))
        footer = tell_ending(run)
        if footer.ending in ("interrupted", "stopped"):
            raise CannotMeasure(f"the search was ended in run {number}", hint=f"its runs are in {self._folder}")
        gate = judge(read_judgeable([str(run)], frozenset(one.budget.metric for one in self._budgets)), self._budgets)
        write_reports(gate, run, "en")
        tried = Tried(level=level, run=name, outcome=outcome_of(gate), state=gate.state, why=_why(gate))
        click.echo(f"Run {number}: {level:,} viewers: {tried.outcome}", err=True)
        return tried


def _why(gate: Gate) -> tuple[str, ...]:
    return tuple(f"{one.budget} ({one.scope}): {one.reason.text}" for one in gate.judged if one.state != "PASS")


def told(search: Search) -> str:
    """The table and its answer."""
    rows = [f"{'run':>4}  {'viewers':>9}  {'outcome':<9}  why"]
    rows += [
        f"{number:>4}  {one.level:>9,}  {one.outcome:<9}  {one.why[0] if one.why else ''}".rstrip()
        for number, one in enumerate(search.tried, 1)
    ]
    found = search.found
    values = {"held": found.held, "broke": found.broke or 0, "confirmed": found.confirmed}
    return "\n".join([*rows, "", WORDS[found.state].format(**values)])
