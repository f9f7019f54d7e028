"""From runs to a `Measurement`: refuses what cannot carry an answer, cuts warm-up and invalid seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import Field, SkipValidation

from advisor.blocks import seed_of
from advisor.measured.quality import choosing, lost_seconds, lower, marked
from advisor.measured.recording import Recording, Rungs, recorded
from advisor.measured.recovery import Recovery, recoveries
from advisor.measured.seconds import Second
from advisor.measured.servers import Server, servers_of
from advisor.measured.traffic import RegionTraffic, pooled
from advisor.texts import Message, say
from loadtests.errors import CannotMeasure, InputError, RunError
from loadtests.region import Frozen, Region
from loadtests.results import Bottleneck, Note, SeenStream, gaps_of
from loadtests.run import Run
from loadtests.scenario import Scenario
from loadtests.shapes import Phase

INVALID_LIMIT: Final = 0.10
"""Share of the judged seconds that may be cut because a generator was the limit (assumed): with more, the seconds
that are left are no longer the surge but the pauses in it."""
FEWEST_CALM: Final = 8
"""Undisturbed seconds of ramp and peak that a plateau or a peak needs; with fewer, faults are not left out."""
JUDGED: Final = frozenset({"ramp", "peak"})
"""The phases that budgets judge."""
EVENT: Final = frozenset({"baseline", "ramp", "peak", "recovery"})
"""The event itself: all but the warm-up."""
LOADED: Final = frozenset({"baseline", "ramp", "peak"})
"""The phases that show what a viewer costs: after the peak, viewers still drain what the overload left."""


class Invalid(Frozen):
    """A second that measured the generator instead of the target."""

    at: int
    worker: str
    reason: Bottleneck
    region: str = ""
    """The only one it is invalid for; empty for all."""


class RunFacts(Frozen):
    """What a reader must know of one run before believing it."""

    run_id: str
    started_at: datetime
    software: dict[str, str]
    seconds: int
    workers: int
    nodes: int
    """Nodes behind the target in this run."""
    ending: str
    complete: bool
    phases: tuple[Phase, ...]
    invalid: tuple[Invalid, ...]
    notes: tuple[Note, ...]
    worst_cpu: float
    """Busiest second of any generator, as a share of one core."""


class RunSeries(Frozen):
    """One run second by second: ``whole`` over all regions, and each region by its code."""

    facts: RunFacts
    whole: tuple[Second, ...]
    regions: dict[str, tuple[Second, ...]]
    faults: tuple[Recovery, ...] = ()
    """What went wrong on purpose, and whether the target came back."""
    only_disturbed: bool = False
    """Whether faults leave too little of ramp and peak, so that their seconds count like any other."""
    servers: tuple[Server, ...] = ()
    """What the nodes under test said of themselves."""

    def valid(self, code: str, phases: frozenset[str]) -> tuple[Second, ...]:
        """The seconds of a region, or of the whole, in some phases that no generator spoiled."""
        seconds = self.regions.get(code, ()) if code else self.whole
        cut = {invalid.at for invalid in self.facts.invalid if not code or invalid.region in ("", code)}
        return tuple(second for second in seconds if second.phase in phases and second.at not in cut)

    def calm(self, code: str, phases: frozenset[str]) -> tuple[Second, ...]:
        """The valid ones that no fault disturbed: they show what the target carries when nothing is wrong with it."""
        valid = self.valid(code, phases)
        if self.only_disturbed or not self.faults:
            return valid
        return tuple(one for one in valid if not self._disturbed(one.at))

    def _disturbed(self, at: int) -> bool:
        return any(one.begins < at + 1 and at < (one.over or math.inf) for one in self.faults)


class Measurement(Frozen):
    """What the runs show, after the cuts."""

    scenario: Scenario
    places: dict[str, Region]
    runs: tuple[RunSeries, ...]
    warnings: tuple[Message, ...]
    traffic: SkipValidation[dict[str, RegionTraffic]] = Field(default_factory=dict)
    """Kinds of request by region, and what caches said of them."""
    rungs: SkipValidation[dict[str, Rungs]] = Field(default_factory=dict)
    """Seconds played at each bit rate, second by second, by region."""
    streams: dict[str, SeenStream] = Field(default_factory=dict)
    """What the preflight saw, by region."""

    @property
    def nodes(self) -> int:
        """Nodes that served the target while it was measured: the most, where runs differ."""
        return self.scenario.target.nodes

    @property
    def counts(self) -> tuple[int, ...]:
        """The node counts that were rehearsed, rising."""
        return tuple(sorted({run.facts.nodes for run in self.runs}))

    def of_nodes(self, nodes: int) -> Measurement:
        """The runs with so many nodes, alone: limits of different node counts are never pooled."""
        if self.counts == (nodes,):
            return self
        runs = tuple(run for run in self.runs if run.facts.nodes == nodes)
        return self.model_copy(update={"scenario": with_nodes(self.scenario, nodes), "runs": runs})

    @property
    def seed(self) -> str:
        """What makes random resampling the same every time."""
        return " ".join(run.facts.run_id for run in self.runs)

    def whole(self, phases: frozenset[str]) -> tuple[Second, ...]:
        """Valid calm seconds over all regions and runs; runs are set apart so that no block bridges two of them."""
        return tuple(apart(run, second) for run, second in self._each("", phases))

    def region(self, code: str, phases: frozenset[str]) -> tuple[Second, ...]:
        """Valid calm seconds of one region over all runs."""
        return tuple(apart(run, second) for run, second in self._each(code, phases))

    def _each(self, code: str, phases: frozenset[str]) -> Iterator[tuple[int, Second]]:
        for number, run in enumerate(self.runs):
            for second in run.calm(code, phases):
                yield number, second


def with_nodes(scenario: Scenario, nodes: int) -> Scenario:
    """The scenario against so many nodes."""
    return scenario.model_copy(update={"target": scenario.target.model_copy(update={"nodes": nodes})})


APART: Final = 1_000_000
"""Seconds between the clocks of two pooled runs: no run lasts eleven days."""


def apart(run: int, second: Second) -> Second:
    """The second on a clock of its own per run."""
    return second.model_copy(update={"at": second.at + run * APART}) if run else second


def measure(given: Sequence[Recording | Run], *, accept_unfinished: bool = False) -> Measurement:
    """What the runs show; CannotMeasure (exit 3) when they cannot carry an answer, InputError (2) when unreadable."""
    runs = [recorded(run) if isinstance(run, Run) else run for run in given]
    if not runs:
        raise InputError("no run given", hint="name a run folder, such as runs/20261205T123000Z-viral-goal")
    scenario = _same_scenario(runs)
    warnings: list[Message] = list(_simulated(runs))
    for run in runs:
        warnings += _unfinished(run, accept=accept_unfinished)
    series = tuple(_with_quality(_series(run), run.header.scenario) for run in runs)
    for one in series:
        warnings += _generator_bound(one)
        warnings += [say("warn_only_disturbed", run=one.facts.run_id)] if one.only_disturbed else []
    places = runs[0].header.regions
    return Measurement(scenario=scenario, places=places, runs=series, warnings=tuple(warnings), **_details(runs))


def _details(runs: Sequence[Recording]) -> dict[str, Any]:
    """Kinds of request and bit rates, runs apart as in `apart`, and the streams as the preflights saw them."""
    seen = {region: stream for run in runs for region, stream in run.header.streams.items()}
    rungs: dict[str, Rungs] = {}
    for number, run in enumerate(runs):
        for region, played in run.rungs.items():
            rungs.setdefault(region, []).extend((at + number * APART, one) for at, one in played)
    kinds = pooled((number * APART, run.traffic) for number, run in enumerate(runs))
    return {"traffic": kinds, "rungs": rungs, "streams": seen}


def _same_scenario(runs: Sequence[Recording]) -> Scenario:
    """Runs may differ in shape, seed and node count, but must load the same target with the same viewers.

    The answer is that of the run with most nodes, the first of them.
    """
    first = runs[0].header
    for run in runs[1:]:
        for field in ("target", "stream", "player", "regions", "budgets", "launch"):
            if _event(run.header.scenario)[field] != _event(first.scenario)[field]:
                raise InputError(
                    f"runs {first.run_id} and {run.header.run_id} differ in scenario.{field}",
                    hint="one advice needs one event: advise on each run alone, or repeat the runs with one scenario; "
                    "only shape, seed and target.nodes may differ",
                )
    return max((run.header.scenario for run in runs), key=lambda one: one.target.nodes)


def _event(scenario: Scenario) -> dict[str, object]:
    """What must be alike. Nodes may differ, and with them the addresses that they are reached at."""
    target = scenario.target.model_copy(update={"nodes": 1, "resolve": ()})
    return dict(scenario) | {"target": target}


def _simulated(runs: Sequence[Recording]) -> Iterator[Message]:
    """A calculation is no measurement: every reader is told, and the two are not pooled."""
    first, told = runs[0].header, runs[0].header.simulated
    for run in runs[1:]:
        if (run.header.simulated is None) != (told is None):
            raise InputError(
                f"runs {first.run_id} and {run.header.run_id}: one was measured, the other simulated",
                hint="advise on each alone; `surgecast simulate --against RUN` says how far the model is off",
            )
    if told is not None:
        nodes = ", ".join(f"{count}" if code == "*" else f"{code} {count}" for code, count in told.nodes.items())
        yield say("warn_simulated", weight=f"{told.weight:,}", nodes=nodes)


_KILLED = "the run was killed while it wrote; use --accept-unfinished to read it anyway"


def _unfinished(run: Recording, *, accept: bool) -> list[Message]:
    if run.cut and not accept:
        raise RunError(f"run {run.header.run_id}: {run.cut}", hint=_KILLED)
    if run.footer and run.footer.complete and not run.cut:
        return []
    warning = _why_unfinished(run)
    if not accept:
        raise CannotMeasure(
            warning.text,
            hint="repeat the rehearsal, or use --accept-unfinished and read the warning in the report",
        )
    return [warning]


def _why_unfinished(run: Recording) -> Message:
    run_id, footer = run.header.run_id, run.footer
    if run.cut or footer is None:
        return say("unfinished_cut", run=run_id)
    heard, expected = str(footer.workers_heard), str(footer.workers_expected)
    return say("unfinished_ending", run=run_id, ending=footer.ending, heard=heard, expected=expected)


def _series(run: Recording) -> RunSeries:
    facts = _facts(run)
    invalid = frozenset(one.at for one in facts.invalid)
    faults = recoveries(run.whole, run.notes, invalid, run.header.scenario.budgets)
    servers = servers_of(run.targets)
    found = RunSeries(facts=facts, whole=run.whole, regions=run.regions, faults=faults, servers=servers)
    few = len(found.calm("", JUDGED)) < FEWEST_CALM
    return found.model_copy(update={"only_disturbed": bool(faults) and few})


def _with_quality(found: RunSeries, scenario: Scenario) -> RunSeries:
    """The seconds in which players had to choose less are broken too."""
    allowed, regions = scenario.budgets.quality_loss, dict(found.regions)
    if not (chosen := choosing(scenario)):
        return found
    lost = lost_seconds(found.calm("", LOADED), allowed, seed_of(found.facts.run_id))
    for code in chosen & regions.keys() if lost else ():
        regions[code] = marked(regions[code], lower(found.calm(code, LOADED), lost, allowed))
    return found.model_copy(update={"whole": marked(found.whole, lost), "regions": regions}) if lost else found


def _facts(run: Recording) -> RunFacts:
    invalid = [Invalid(at=at, worker=worker, reason=reason) for at, worker, reason in run.spoiled]
    invalid += [
        Invalid(at=at, worker=gap.worker, reason=gap.bottleneck, region=region)
        for gap in gaps_of(run.notes, run.footer)
        for region in gap.regions
        for at in range(gap.since, min(gap.until, run.seconds))
    ]
    return RunFacts(
        run_id=run.header.run_id,
        started_at=run.header.started_at,
        software=run.header.software,
        seconds=run.seconds,
        workers=run.header.workers,
        nodes=run.header.scenario.target.nodes,
        ending=run.footer.ending if run.footer else "no footer",
        complete=bool(run.footer and run.footer.complete),
        phases=run.header.phases,
        invalid=tuple(invalid),
        notes=run.notes,
        worst_cpu=run.worst_cpu,
    )


def _generator_bound(series: RunSeries) -> list[Message]:
    """Refuse a run that measured the generator; else say which seconds were cut."""
    judged = [second for second in series.whole if second.phase in JUDGED]
    left = series.valid("", JUDGED)
    run_id, invalid = series.facts.run_id, series.facts.invalid
    if not judged:
        raise CannotMeasure(
            f"run {run_id} holds no second of its ramp or peak", hint="let the rehearsal run to its end"
        )
    share = 1.0 - len(left) / len(judged)
    if share > INVALID_LIMIT:
        raise CannotMeasure(
            f"run {run_id} measured the load generator, not the target, in {share:.0%} of its ramp and peak "
            f"(limit {INVALID_LIMIT:.0%}): {invalid[0].reason}",
            hint="use more generator processes or fewer viewers, and stop other work on the generator's machine",
        )
    if not invalid:
        return []
    cut = len({one.at for one in invalid})
    first = invalid[0].reason
    return [
        say(
            f"warn_invalid_{first.kind}",
            run=run_id,
            seconds=str(cut),
            share=f"{share:.0%}",
            found=first.found,
            limit=first.limit,
        )
    ]
