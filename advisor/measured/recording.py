"""A run folded second by second, straight from its lines: what `measure` reads, and all that is kept of the windows.

Half an hour in ten regions is a file of a hundred megabytes. Its windows are read as plain JSON (`loadtests.plain`),
held until no more of their second are due, added up, and let go. The sums are exactly those of the models
(`loadtests.results.add`): windows of one key first, then in order of region and cohort, so that not even the last
bit of a float depends on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from typing import Any, Final, TypeAlias

from advisor.measured.seconds import (
    PLAYERS_READ,
    SEGMENTS_READ,
    SHARES,
    STARTUP_SECONDS,
    Fold,
    Heard,
    Percentiles,
    Second,
    Sums,
    by_second,
)
from advisor.measured.traffic import COSTING, Kinds, RegionTraffic
from loadtests.flow import planned
from loadtests.plain import NOTHING, SKETCHES, Data, PlainReader, percentiles, sketch_of
from loadtests.results import Bottleneck, Footer, Generator, Header, Note, Players, Target, add
from loadtests.run import LineReader, Run
from loadtests.scenario import Scenario
from loadtests.session import RequestKind
from loadtests.shapes import Phase, PhaseName
from loadtests.sketch import Sketch

PATIENCE: Final = 2
"""Seconds that windows are held for later ones of the same second. A journal writes second by second; a file that
turns out to need more is read once more, with as many as it needs."""

BATCH: Final = 64
AT_ONCE: Final = 16
"""Windows that are read at once and seconds that are folded at once: with more, calls of numpy cost no less."""

Key: TypeAlias = tuple[str, str]
"""Region and cohort."""
Rungs: TypeAlias = list[tuple[int, dict[int, float]]]
"""Second by second, seconds played by bit rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One run, second by second: ``whole`` over all regions, and each region of the scenario by its code."""

    header: Header
    whole: tuple[Second, ...]
    regions: dict[str, tuple[Second, ...]]
    seconds: int
    """How many were recorded."""
    spoiled: tuple[tuple[int, str, Bottleneck], ...]
    """Seconds in which a worker was the limit: when, which, and what ran out."""
    worst_cpu: float
    """Busiest second of any generator, as a share of one core."""
    notes: tuple[Note, ...]
    footer: Footer | None
    traffic: dict[str, RegionTraffic] = field(default_factory=dict)
    """Each kind of request, by region."""
    rungs: dict[str, Rungs] = field(default_factory=dict)
    """Seconds played at each bit rate, by region."""
    targets: tuple[Target, ...] = ()
    """What servers said of themselves."""
    cut: str = ""
    """What is wrong with the end of the file, empty when nothing is."""


@dataclass(slots=True)
class Found:
    """What the lines of a run, or of a stretch of it, came to so far."""

    seconds: dict[str, list[Second]] = field(default_factory=dict)
    """By region; over all under ``""``."""
    kinds: Kinds = field(default_factory=Kinds)
    rungs: dict[str, Rungs] = field(default_factory=dict)
    spoiled: list[tuple[int, str, Bottleneck]] = field(default_factory=list)
    worst_cpu: float = 0.0
    until: int = 0
    """The second behind the last one."""
    late: int = 0
    """The longest that a window came after one of a later second."""

    def add(self, code: str, second: Second, rungs: dict[int, float]) -> None:
        """The next second of a region, or of the whole (``""``), and what was played at each bit rate."""
        self.seconds.setdefault(code, []).append(second)
        if code and rungs:
            self.rungs.setdefault(code, []).append((second.at, rungs))

    def extend(self, other: Found) -> None:
        """With those of the lines behind."""
        for code, seconds in other.seconds.items():
            self.seconds.setdefault(code, []).extend(seconds)
        for region, kinds in other.kinds.regions.items():
            for kind, traffic in kinds.items():
                self.kinds.of(region, kind).extend(traffic, 0)
        for code, rungs in other.rungs.items():
            self.rungs.setdefault(code, []).extend(rungs)
        self.spoiled += other.spoiled
        self.worst_cpu = max(self.worst_cpu, other.worst_cpu)
        self.until, self.late = max(self.until, other.until), max(self.late, other.late)

    def recording(self, header: Header, lines: Run | LineReader) -> Recording:
        """With all other lines."""
        return Recording(
            header=header,
            whole=tuple(self.seconds.get("", ())),
            regions={code: tuple(self.seconds.get(code, ())) for code in header.scenario.regions},
            seconds=self.until,
            spoiled=tuple(self.spoiled),
            worst_cpu=self.worst_cpu,
            notes=tuple(lines.notes),
            footer=lines.footer,
            traffic=self.kinds.regions,
            rungs=self.rungs,
            targets=tuple(lines.targets),
            cut=lines.cut,
        )


def folds_of(scenario: Scenario) -> dict[str, Fold]:
    """What turns windows into seconds, over all (``""``) and by region."""
    return {code: Fold(scenario.budgets, planned(scenario, code)) for code in ("", *scenario.regions)}


def phase_at(phases: Sequence[Phase], at: int) -> PhaseName | None:
    """The phase that a second lies in; None outside of all."""
    return next((phase.name for phase in phases if phase.start <= at < phase.end), None)


@dataclass(slots=True)
class Recorder(PlainReader):
    """Folds the lines of a run, or of a stretch of it, into a `Recording`."""

    patience: int = PATIENCE
    """Seconds; a window that is later than that is not taken, and `Found.late` tells."""
    since: int = 0
    """Seconds before this one only lend their start-ups: they belong to the stretch before."""
    found: Found = field(default_factory=Found)
    _folds: dict[str, Fold] = field(default_factory=dict)
    _open: dict[int, dict[Key, Adding]] = field(default_factory=dict)
    _startups: deque[dict[str, list[Data]]] = field(default_factory=lambda: deque(maxlen=STARTUP_SECONDS))

    def __post_init__(self) -> None:
        self.window = self._keep

    def take_generator(self, line: Generator) -> None:
        """Only what it says of its second is kept."""
        if (reason := line.bottleneck()) is not None:
            self.found.spoiled.append((line.at, line.worker, reason))
        self.found.worst_cpu = max(self.found.worst_cpu, line.cpu)

    def _keep(self, window: Data) -> None:
        at, found = window["at"], self.found
        if at >= found.until:
            found.until = at + 1
            if len(self._open) > self.patience + AT_ONCE:
                self._fold(until=at - self.patience)
        elif (late := found.until - 1 - at) > found.late:
            found.late = late
        key = (window["region"], window["cohort"])
        self._open.setdefault(at, {}).setdefault(key, Adding()).add(window)

    def _fold(self, until: float) -> None:
        """Every open second before ``until``."""
        assert self.header is not None  # no window is read before it
        folds = self._folds = self._folds or folds_of(self.header.scenario)
        due = sorted(at for at in self._open if at < until)
        phases = {at: phase_at(self.header.phases, at) for at in due}
        cells = ((phase, at, self._open.pop(at)) for at, phase in phases.items())
        whole = [self._whole(at, phase, known) for phase, at, known in cells if phase and self._takes()]
        for one, heard in zip(whole, heard_in(whole), strict=True):
            for code, fold in folds.items() if one.at >= self.since else ():
                sums = one.sums[code]
                second = fold.second(one.at, one.phase, sums.sums(), heard[code])
                self.found.add(code, second, sums.players.get("rungs", {}))

    def _takes(self) -> bool:
        """Whether windows came early enough: if not, all is read once more, and nothing counts."""
        return self.found.late <= self.patience

    def _whole(self, at: int, phase: PhaseName, cells: Mapping[Key, Adding]) -> Whole:
        """A second of which no more windows are due; its kinds are told."""
        for key in sorted(cells) if phase in COSTING and at >= self.since else ():
            for kind, requests, age in cells[key].by_kind():
                self.found.kinds.of(key[0], kind).add(at, requests, age)
        sums = sums_of(cells, self._folds)
        self._startups.append({code: one.sketches.get("startup", []) for code, one in sums.items()})
        return Whole(at, phase, sums, tuple(self._startups))

    def folded(self) -> Found:
        """All lines are read."""
        self.settle()
        if self._open:
            self._fold(until=self.found.until)
        return self.found

    def recording(self) -> Recording:
        """All lines are read; RunError as for a `Run`."""
        header = self.close()
        return self.folded().recording(header, self)


@dataclass(slots=True)
class Adding:
    """Sums under way: plain numbers, and the sketches that are still to be merged."""

    requests: dict[str, Any] = field(default_factory=dict)
    segments: dict[str, Any] = field(default_factory=dict)
    players: dict[str, Any] = field(default_factory=dict)
    sketches: dict[str, list[Data]] = field(default_factory=dict)
    kinds: dict[RequestKind, dict[str, Any]] = field(default_factory=dict)
    """Each kind of request on its own."""
    ages: dict[RequestKind, list[Data]] = field(default_factory=dict)

    def add(self, window: Data) -> None:
        """One more window of the same second, region and cohort; of its sketches only those that `Fold` reads."""
        for kind, one in window.get("requests", NOTHING).items():
            _add(self.requests, one)
            self.kinds[kind] = _both(self.kinds.get(kind), one)
            if (age := one.get("cache_age")) is not None:
                self.ages.setdefault(kind, []).append(age)
            if kind == "segment":
                self.segments = self.kinds[kind]
                self._keep(one, SEGMENTS_READ)
        if players := window.get("players"):
            self.players = _both(self.players, players)
            self._keep(players, PLAYERS_READ)

    def merge(self, other: Adding) -> Adding:
        """Another region or cohort of the same second, into sums that began empty: what `add` took stays as it is."""
        _add(self.requests, other.requests)
        _add(self.segments, other.segments)
        _add(self.players, other.players)
        for name, parts in other.sketches.items():
            self.sketches.setdefault(name, []).extend(parts)
        return self

    def by_kind(self) -> Iterator[tuple[RequestKind, Data, Sketch | None]]:
        """Each kind's sums, and the ages of caches."""
        for kind, sums in self.kinds.items():
            yield kind, sums, sketch_of(self.ages[kind]) if kind in self.ages else None

    def _keep(self, part: Data, names: Iterable[str]) -> None:
        for name in names:
            if (sketch := part.get(name)) is not None and sketch["count"]:
                self.sketches.setdefault(name, []).append(sketch)

    def sums(self) -> Sums:
        """Without the sketches."""
        return Sums(self.requests, self.segments, self.players)


def _add(sums: dict[str, Any], part: Data) -> None:
    """Numbers and counts by name; sketches are left out."""
    for name, value in part.items():
        if type(value) is not dict:
            sums[name] = sums.get(name, 0) + value
        elif name not in SKETCHES:
            counts = sums.setdefault(name, {})
            for one, count in value.items():
                counts[one] = counts.get(one, 0) + count


def _both(one: dict[str, Any] | None, other: dict[str, Any]) -> dict[str, Any]:
    """The sums of two; a single one as it is, sketches and all."""
    if not one:
        return other
    sums: dict[str, Any] = {}
    _add(sums, one)
    _add(sums, other)
    return sums


def sums_of(cells: Mapping[Key, Adding], codes: Iterable[str]) -> dict[str, Adding]:
    """The sums of one second by region, and over all (``""``)."""
    parts: dict[str, list[Adding]] = {code: [] for code in codes}
    whole = Adding()
    for key in sorted(cells):
        whole.merge(cells[key])
        if key[0] and key[0] in parts:
            parts[key[0]].append(cells[key])
    regions = {
        code: part[0] if len(part) == 1 else reduce(Adding.merge, part, Adding()) for code, part in parts.items()
    }
    return {code: one if code else whole for code, one in regions.items()}


@dataclass(frozen=True, slots=True)
class Whole:
    """The sums of one second, by region, and the start-ups of the seconds over which those are judged."""

    at: int
    phase: PhaseName
    sums: dict[str, Adding]
    startups: tuple[Mapping[str, list[Data]], ...]

    def groups(self) -> Iterator[list[Data]]:
        """The sketches that are heard, in the order of `HEARD` for each region."""
        for code, one in self.sums.items():
            yield [sketch for before in self.startups for sketch in before[code]]
            yield from (one.sketches.get(name, []) for name in HEARD[1:])


def heard_in(seconds: Sequence[Whole]) -> Iterator[dict[str, Heard]]:
    """What the sketches of each second say, by region."""
    groups = [group for one in seconds for group in one.groups()]
    found, parts = iter(percentiles(groups, SHARES)), iter(groups)
    for one in seconds:
        yield {code: _heard(list(islice(parts, len(HEARD))), list(islice(found, len(HEARD)))) for code in one.sums}


def _heard(groups: Sequence[list[Data]], found: Sequence[list[float] | None]) -> Heard:
    """Of one region: its sketches and their quantiles."""
    startup, ttfb, total, latency, delay = found
    return Heard(
        ttfb=_percentiles(ttfb),
        total=_percentiles(total),
        timed=sum(sketch["count"] for sketch in groups[2]),
        startup_p95=startup[1] if startup else None,
        started=sum(sketch["count"] for sketch in groups[0]),
        live_latency=latency[0] if latency else None,
        message_delay=delay[1] if delay else None,
    )


HEARD: Final = ("startup", "ttfb", "total", "live_latency", "message_delay")
"""Start-ups are judged over several seconds, all others second by second."""


def _percentiles(found: Sequence[float] | None) -> Percentiles | None:
    return Percentiles(p50=found[0], p95=found[1], p99=found[2]) if found else None


def recorded(run: Run) -> Recording:
    """A run that is in memory already."""
    found, folds = Found(until=run.seconds), folds_of(run.header.scenario)
    for at, windows in by_second(run.windows):
        if (phase := phase_at(run.header.phases, at)) is not None:
            for window in windows if phase in COSTING else ():
                for kind, requests in window.requests.items():
                    found.kinds.of(window.region, kind).add(at, vars(requests), requests.cache_age)
            for code, fold in folds.items():
                part = [one for one in windows if code in ("", one.region)]
                played = reduce(add, (one.players for one in part), Players())
                found.add(code, fold.add(at, phase, part), played.rungs)
    spoiled = ((one.at, one.worker, one.bottleneck()) for one in run.generators)
    found.spoiled = [(at, worker, reason) for at, worker, reason in spoiled if reason is not None]
    found.worst_cpu = max((one.cpu for one in run.generators), default=0.0)
    return found.recording(run.header, run)
