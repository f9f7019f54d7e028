"""A run folded second by second, straight from its lines: what `measure` reads, and all that is kept of the windows.

Half an hour in ten regions is a file of a hundred megabytes. Its windows are read as plain JSON (`loadtests.plain`),
held until no more of their second are due, added up, and let go. The sums are exactly those of the models
(`loadtests.results.add`): windows of one key first, then in order of region and cohort, so that not even the last
bit of a float depends on the way.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, TypeAlias

from advisor.seconds import (
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
from advisor.traffic import COSTING, Kinds, RegionTraffic
from loadtests.flow import planned
from loadtests.plain import NOTHING, SKETCHES, Data, PlainReader, percentiles, sketch_of
from loadtests.results import Bottleneck, Footer, Generator, Header, Note, Players, Target, add
from loadtests.run import Run, open_run
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
class Series:
    """Folds the seconds of a run, all regions at once."""

    header: Header
    folds: dict[str, Fold] = field(init=False)
    seconds: dict[str, list[Second]] = field(init=False)
    kinds: Kinds = field(default_factory=Kinds)
    rungs: dict[str, Rungs] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scenario = self.header.scenario
        codes = ("", *scenario.regions)
        self.folds = {code: Fold(scenario.budgets, planned(scenario, code)) for code in codes}
        self.seconds = {code: [] for code in codes}

    def add(self, code: str, second: Second, rungs: dict[int, float]) -> None:
        """The next second of a region, or of the whole (``""``), and what was played at each bit rate."""
        self.seconds[code].append(second)
        if code and rungs:
            self.rungs.setdefault(code, []).append((second.at, rungs))

    def parts(self) -> dict[str, Any]:
        """The fields of a `Recording`."""
        whole, *regions = ((code, tuple(part)) for code, part in self.seconds.items())
        told = {"traffic": self.kinds.regions, "rungs": self.rungs}
        return {"header": self.header, "whole": whole[1], "regions": dict(regions), **told}


def phase_at(phases: Sequence[Phase], at: int) -> PhaseName | None:
    """The phase that a second lies in; None outside of all."""
    return next((phase.name for phase in phases if phase.start <= at < phase.end), None)


@dataclass(slots=True)
class Recorder(PlainReader):
    """Folds the lines of a run into a `Recording`."""

    patience: int = PATIENCE
    late: int = 0
    """The longest that a window came after one of a later second; more than ``patience``, and it was not taken."""
    seconds: int = 0
    _series: Series | None = None
    _open: dict[int, dict[Key, Adding]] = field(default_factory=dict)
    _startups: deque[dict[str, list[Data]]] = field(default_factory=lambda: deque(maxlen=STARTUP_SECONDS))
    _spoiled: list[tuple[int, str, Bottleneck]] = field(default_factory=list)
    _worst_cpu: float = 0.0

    def __post_init__(self) -> None:
        self.window = self._keep

    def take_generator(self, line: Generator) -> None:
        """Only what it says of its second is kept."""
        if (reason := line.bottleneck()) is not None:
            self._spoiled.append((line.at, line.worker, reason))
        self._worst_cpu = max(self._worst_cpu, line.cpu)

    def _keep(self, window: Data) -> None:
        at: int = window["at"]
        if at >= self.seconds:
            self.seconds = at + 1
            if len(self._open) > self.patience + AT_ONCE:
                self._fold(until=at - self.patience)
        elif (late := self.seconds - 1 - at) > self.late:
            self.late = late
        key = (window["region"], window["cohort"])
        self._open.setdefault(at, {}).setdefault(key, Adding()).add(window)

    def _fold(self, until: float) -> None:
        """Every open second before ``until``."""
        assert self.header is not None  # no window is read before it
        series = self._series = self._series or Series(self.header)
        due = sorted(at for at in self._open if at < until)
        whole = [one for at in due if (one := self._whole(at, self._open.pop(at), series)) is not None]
        for one, heard in zip(whole, heard_in(whole), strict=True):
            for code, fold in series.folds.items():
                sums = one.sums[code]
                second = fold.second(one.at, one.phase, sums.sums(), heard[code])
                series.add(code, second, sums.players.get("rungs", {}))

    def _whole(self, at: int, cells: Mapping[Key, Adding], series: Series) -> Whole | None:
        """A second of which no more windows are due, its kinds told; None where the run has no phase."""
        if self.late > self.patience or (phase := phase_at(series.header.phases, at)) is None:
            return None
        for key in sorted(cells) if phase in COSTING else ():
            for kind, requests, age in cells[key].by_kind():
                series.kinds.of(key[0], kind).add(at, requests, age)
        sums = sums_of(cells, series.folds)
        self._startups.append({code: one.sketches.get("startup", []) for code, one in sums.items()})
        return Whole(at, phase, sums, tuple(self._startups))

    def recording(self) -> Recording:
        """All lines are read; RunError as for a `Run`."""
        header = self.close()
        self._fold(until=self.seconds)
        return Recording(
            **(self._series or Series(header)).parts(),
            seconds=self.seconds,
            spoiled=tuple(self._spoiled),
            worst_cpu=self._worst_cpu,
            notes=tuple(self.notes),
            targets=tuple(self.targets),
            footer=self.footer,
            cut=self.cut,
        )


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
    series = Series(run.header)
    for at, windows in by_second(run.windows):
        if (phase := phase_at(run.header.phases, at)) is not None:
            for window in windows if phase in COSTING else ():
                for kind, requests in window.requests.items():
                    series.kinds.of(window.region, kind).add(at, vars(requests), requests.cache_age)
            for code, fold in series.folds.items():
                part = [one for one in windows if code in ("", one.region)]
                played = reduce(add, (one.players for one in part), Players())
                series.add(code, fold.add(at, phase, part), played.rungs)
    spoiled = ((one.at, one.worker, one.bottleneck()) for one in run.generators)
    return Recording(
        **series.parts(),
        seconds=run.seconds,
        spoiled=tuple((at, worker, reason) for at, worker, reason in spoiled if reason is not None),
        worst_cpu=max((one.cpu for one in run.generators), default=0.0),
        notes=run.notes,
        targets=run.targets,
        footer=run.footer,
        cut=run.cut,
    )


def read_recording(place: str | Path) -> Recording:
    """Fold a run from a folder, a file, or ``-`` for standard input; RunError names the line and what is wrong."""
    with open_run(place) as (name, lines), _again(lines) as file:
        recorder = _read(name, file, PATIENCE)
        if recorder.late > recorder.patience:
            file.seek(0)
            recorder = _read(name, file, recorder.late)
        return recorder.recording()


def _read(name: str, lines: IO[bytes], patience: int) -> Recorder:
    recorder = Recorder(name, patience=patience, batch=BATCH)
    for line in lines:
        recorder.add(line)
    return recorder


@contextmanager
def _again(lines: IO[bytes]) -> Iterator[IO[bytes]]:
    """The lines in a file that can be read twice: what comes through a pipe is kept on disk for that long."""
    if lines.seekable():
        yield lines
        return
    with TemporaryFile() as file:
        shutil.copyfileobj(lines, file)
        file.seek(0)
        yield file
