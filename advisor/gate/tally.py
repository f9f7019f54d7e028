"""Folds the lines of a run once, keeping only the columns that some budgets need.

A run of half an hour in ten regions is some ten thousand windows. Reading each as a pydantic model costs ten times
the verdict, so windows are read as plain values (`loadtests.plain`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from advisor.foreign import LONGEST_RUN, Samples
from advisor.gate.evidence import Cell, Evidence, Pair, Pairs, Plan
from advisor.gate.sentences import say
from loadtests.budgets import METRICS
from loadtests.errors import InputError
from loadtests.flow import planned
from loadtests.plain import NOTHING, Data, PlainReader
from loadtests.results import Bottleneck, Footer, Gap, Generator, Header, Line, Note, gaps_of
from loadtests.run import open_run


@dataclass(slots=True)
class Tally:
    """One run, or several files that together are one run. ``add`` each line of a file, then ``close`` it."""

    needed: frozenset[str]
    """Names of the columns to keep (`PAIRS`, `SAMPLES`); when empty, those of the scenario's own budgets."""
    weighted: bool = False
    """Whether a simulated run's samples count by weight, as in sums, and not once each, as in a verdict."""
    headers: list[Header] = field(default_factory=list)
    footers: list[Footer] = field(default_factory=list)
    generators: list[Generator] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    columns: dict[str, Samples | Pairs] = field(default_factory=dict)
    cells: dict[Cell, int] = field(default_factory=dict)
    seconds: int = 0
    """How many were recorded."""
    damage: str = ""
    """What is wrong with the end of a file (killed while it was written)."""
    _planned: dict[tuple[int, str], float] = field(default_factory=dict)
    _wanted: dict[str, Callable[[float], float]] = field(default_factory=dict)
    _reader: _Reader = field(init=False)
    _weight: int = 1
    """Viewers that one sample stands for, in a simulated run: the sample is one all the same."""

    def __post_init__(self) -> None:
        self.open("a run")
        self._keep(self.needed)

    def _keep(self, needed: frozenset[str]) -> None:
        self.needed = needed
        for name in self.needed | {"viewers"}:
            if name in SAMPLES:
                self.columns[name] = Samples()
            elif name in PAIRS:
                self.columns[name] = Pairs()

    @property
    def header(self) -> Header:
        """Of the first file."""
        return self.headers[0]

    def planned(self, at: int, region: str = "") -> float:
        """Viewers that the scenario's shape wanted in a second, in one region or in all."""
        if (at, region) not in self._planned:
            if region not in self._wanted:
                self._wanted[region] = planned(self.header.scenario, region)
            self._planned[at, region] = self._wanted[region](at + 0.5)
        return self._planned[at, region]

    @property
    def unfinished(self) -> str:
        """Why the run is not whole; empty for one that is, or that a broken budget ended."""
        if self.damage:
            return self.damage
        if len(self.footers) < len(self.headers):
            return "killed, it has no footer"
        bad = (one for one in self.footers if not one.complete and one.ending != "aborted")
        return next((f"{one.ending}, {one.workers_heard} of {one.workers_expected} workers heard" for one in bad), "")

    def spoiled(self) -> dict[int, Bottleneck]:
        """Seconds that measured a generator, and the first reason of each."""
        found: dict[int, Bottleneck] = {}
        for one in self.generators:
            if one.at not in found and (reason := one.bottleneck()):
                found[one.at] = reason
        return found

    def gaps(self) -> tuple[Gap, ...]:
        """Stretches in which a lost worker's viewers were missing."""
        if len(self.footers) < len(self.headers):
            return gaps_of(self.notes, None)
        return tuple(gap for footer in self.footers for gap in footer.gaps)

    def evidence(self) -> Evidence:
        """The run as it is judged; it shares the columns, so it is true until the next line."""
        header = self.header
        return Evidence(
            name=header.scenario.name,
            tool="surgecast",
            runs=tuple(one.run_id for one in self.headers),
            started_at=header.started_at,
            seconds=self.seconds,
            columns=self.columns,
            cells=self.cells,
            ending=self.footers[-1].ending if self.footers else "no footer",
            unfinished=self.unfinished,
            aborted=any(footer.ending == "aborted" for footer in self.footers),
            plan=Plan(header.scenario, header.phases, self.planned),
            generators=self.generators,
            spoiled=self.spoiled(),
            simulated=header.simulated is not None,
            remarks=(
                (say("remark_simulated", weight=f"{header.simulated.weight:,}"),)
                if header.simulated is not None
                else ()
            ),
            gaps=self.gaps(),
        )

    def open(self, place: str) -> None:
        """A file follows."""
        self._reader = _Reader(place, window=self._window, told=self._take)
        self._reader.generators, self._reader.notes = self.generators, self.notes

    def add(self, text: str | bytes) -> None:
        """Take the next line; RunError names the line and what is wrong with it."""
        self._reader.add(text)
        self.damage = self._reader.cut or self.damage

    def _take(self, line: Line) -> None:
        match line:
            case Header():
                self.headers.append(line)
                self._weight = line.simulated.weight if line.simulated and not self.weighted else 1
                if not self.needed:
                    self._keep(frozenset(budget.metric for budget in line.scenario.gate))
            case Footer():
                self.footers.append(line)

    def _window(self, data: Data) -> None:
        at, cell = data["at"], (data["region"], data["cohort"])
        if not 0 <= at < LONGEST_RUN:
            raise self._reader.wrong(f"window.at: {at}, expected 0 to {LONGEST_RUN:,} seconds")
        index = self.cells.setdefault(cell, len(self.cells))
        self.seconds = max(self.seconds, at + 1)
        players, requests = data.get("players", NOTHING), data.get("requests", NOTHING)
        try:
            for name, column in self.columns.items():
                if isinstance(column, Pairs):
                    part, whole = PAIRS[name](players, requests)
                    lighter = self._weight if name in SHARES else 1
                    column.add(at, index, (part / lighter, whole / lighter))
                else:
                    for sketch in SAMPLES[name](players, requests):
                        column.add(at, index, sketch if self._weight == 1 else _lighter(sketch, self._weight))
        except OverflowError as error:
            raise self._reader.wrong(f"a number beyond all measure: {error}") from error

    def close(self) -> None:
        """The file is read; RunError when it was no run, or its totals are not the sum of its windows."""
        self._reader.close()


@dataclass(slots=True)
class _Reader(PlainReader):
    """One file of a tally: hands every line on but windows."""

    told: Callable[[Line], None] = lambda _: None

    def take(self, line: Line) -> None:
        """Kept as by every reader, and told."""
        super(_Reader, self).take(line)
        self.told(line)


def read_tally(places: Iterable[str], needed: frozenset[str], *, weighted: bool = False) -> Tally:
    """Fold a run from its file, or from several that are parts of one run; ``-`` is standard input."""
    tally = Tally(needed, weighted)
    for place in places:
        with open_run(place) as (name, lines):
            tally.open(name)
            for line in lines:
                tally.add(line)
            tally.close()
        _same_run(tally.headers)
    return tally


def _same_run(headers: list[Header]) -> None:
    first, last = headers[0], headers[-1]
    apart = abs((last.started_at - first.started_at).total_seconds())
    if last.scenario.surge != first.scenario.surge or last.scenario.regions != first.scenario.regions or apart > 1.0:
        raise InputError(
            f"{first.run_id} and {last.run_id} are not parts of one run: they differ in surge, regions or start",
            hint="give one run; earlier runs to compare with go behind --baseline",
        )


def _ended(one: Data) -> float:
    return float(one.get("count", 0) - one.get("cancelled", 0))


def _failed(one: Data) -> float:
    return float(min(sum(one.get("errors", NOTHING).values()), one.get("count", 0)))


def _cached(one: Data) -> Pair:
    cache = one.get("cache", NOTHING)
    return cache.get("hit", 0), cache.get("hit", 0) + cache.get("miss", 0)


_OF_A_REQUEST: Final[Mapping[str, Callable[[Data], Pair]]] = {
    "error_rate": lambda one: (_failed(one), _ended(one)),
    "cache_hit": _cached,
    "rate": lambda one: (_ended(one), 0.0),
}


def _requests(kind: str, what: str) -> Callable[[Data, Data], Pair]:
    read = _OF_A_REQUEST[what]

    def pair(_: Data, requests: Data) -> Pair:
        pairs = [read(one) for name, one in requests.items() if kind in ("request", name)]
        return sum(part for part, _ in pairs), sum(whole for _, whole in pairs)

    return pair


def _lighter(sketch: Data, weight: int) -> Data:
    """A weighted sketch with each of its samples once."""
    if not sketch.get("count", 0):
        return sketch
    bins = {index: count // weight for index, count in sketch["bins"].items()}
    return {**sketch, "count": sketch["count"] // weight, "sum": sketch["sum"] / weight, "bins": bins}


def _count(name: str) -> Callable[[Data, Data], Pair]:
    return lambda players, _: (players.get(name, 0), 0.0)


def _played(players: Data) -> float:
    return float(players.get("play_seconds", 0.0))


def _stalled(players: Data) -> float:
    return float(players.get("stall_seconds", 0.0))


def _egress(_: Data, requests: Data) -> Pair:
    return 8.0 * sum(one.get("bytes", 0) + one.get("head_bytes", 0) for one in requests.values()), 0.0


def _delivered(_: Data, requests: Data) -> Pair:
    received = (
        one.get("bytes", 0) + one.get("head_bytes", 0) - one.get("refused_bytes", 0) for one in requests.values()
    )
    return 8.0 * sum(max(0, bytes_) for bytes_ in received), 0.0


def _pair_of(name: str) -> Callable[[Data, Data], Pair]:
    head, _, what = name.partition(".")
    return _requests(head, what) if what in _OF_A_REQUEST else _count(name)


def _samples_of(name: str) -> Callable[[Data, Data], Iterable[Data]]:
    head, _, what = name.partition(".")
    if not what:
        return lambda players, _: (players.get(head, NOTHING),)
    if head == "request":
        return lambda _, requests: (one.get(what, NOTHING) for one in requests.values())
    return lambda _, requests: (requests.get(head, NOTHING).get(what, NOTHING),)


_OF_VIEWERS: Final = [metric for metric in METRICS.values() if metric.subject == "player"]
SAMPLES: Final = {metric.name: _samples_of(metric.name) for metric in _OF_VIEWERS if metric.kind == "spread"}
"""The sketches of a window, by metric."""
PAIRS: Final[dict[str, Callable[[Data, Data], Pair]]] = {
    **{metric.name: _pair_of(metric.name) for metric in _OF_VIEWERS if metric.kind != "spread"},
    "stall_ratio": lambda players, _: (_stalled(players), _stalled(players) + _played(players)),
    "join_failure": lambda players, _: (sum(players.get("failures", NOTHING).values()), players.get("joins", 0)),
    "exits_before_start": lambda players, _: (players.get("exits_before_start", 0), players.get("joins", 0)),
    "bitrate": lambda players, _: (players.get("bitrate_seconds", 0.0), _played(players)),
    "egress": _egress,
    "failed": lambda _, requests: (sum(sum(one.get("errors", NOTHING).values()) for one in requests.values()), 0.0),
    "delivered": _delivered,
}
"""Part and whole in a window, by metric; a rate and a level have no whole but the second. Beyond the metrics of
budgets, comparisons ask for requests that failed and for bits without refusals."""
SHARES: Final = frozenset(metric.name for metric in _OF_VIEWERS if metric.kind == "share")
"""Metrics whose samples are counted, which a weight would multiply."""
