"""Folds the lines of a run once, keeping only the columns that some budgets need.

A run of half an hour in ten regions is some ten thousand windows. Reading each as a pydantic model costs ten times
the verdict, so windows are read as plain JSON here, and whatever does not look like a window is refused with its line.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import from_json

from loadtests.budgets import METRICS
from loadtests.errors import InputError, RunError
from loadtests.results import LINE, Footer, Generator, Header, Note
from loadtests.run import check_version, run_file

Data: TypeAlias = Mapping[str, Any]
Cell: TypeAlias = tuple[str, str]
"""Region and cohort."""
Pair: TypeAlias = tuple[float, float]
_NONE: Final[Data] = {}


class _Numbers(dict[str, int]):
    """Bins' names as numbers: looked up, a name costs a third of reading it."""

    def __missing__(self, name: str) -> int:
        return self.setdefault(name, int(name))


_NUMBERS: Final = _Numbers()


class Samples:
    """A distribution's sketches, one entry each; the bins of all stand one behind the other."""

    __slots__ = ("at", "bins", "cells", "counts", "largest", "samples", "smallest", "totals", "widths")

    def __init__(self) -> None:
        self.at, self.cells, self.widths, self.samples = array("i"), array("H"), array("i"), array("i")
        self.totals, self.smallest, self.largest = array("d"), array("d"), array("d")
        self.bins, self.counts = array("h"), array("i")

    def add(self, at: int, cell: int, sketch: Data) -> None:
        """Take a sketch in its JSON form."""
        if not (count := sketch.get("count", 0)):
            return
        bins = sketch["bins"]
        self.bins.extend(map(_NUMBERS.__getitem__, bins))
        self.counts.extend(bins.values())
        self.at.append(at)
        self.cells.append(cell)
        self.widths.append(len(bins))
        self.samples.append(count)
        self.totals.append(sketch["sum"])
        self.smallest.append(sketch["min"])
        self.largest.append(sketch["max"])


class Pairs:
    """Parts and wholes of a share, a mean or a rate: one entry per second and cell."""

    __slots__ = ("at", "cells", "parts", "wholes")

    def __init__(self) -> None:
        self.at, self.cells, self.parts, self.wholes = array("i"), array("H"), array("d"), array("d")

    def add(self, at: int, cell: int, pair: Pair) -> None:
        """Take one entry."""
        self.at.append(at)
        self.cells.append(cell)
        self.parts.append(pair[0])
        self.wholes.append(pair[1])


Column: TypeAlias = Samples | Pairs


@dataclass(slots=True)
class Ledger:
    """One run, or several files that together are one run. ``add`` each line of a file, then ``close`` it."""

    needed: frozenset[str]
    """Names of the metrics to keep; when empty, those that the scenario's own budgets are about."""
    headers: list[Header] = field(default_factory=list)
    footers: list[Footer] = field(default_factory=list)
    generators: list[Generator] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    cells: dict[Cell, int] = field(default_factory=dict)
    seconds: int = 0
    """How many were recorded."""
    damage: str = ""
    """What is wrong with the end of a file (killed while it was written)."""
    _planned: dict[int, float] = field(default_factory=dict)
    _place: str = ""
    _number: int = 0
    _sums: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._keep(self.needed)

    def _keep(self, needed: frozenset[str]) -> None:
        self.needed = needed
        for name in self.needed | {"viewers"}:
            if METRICS[name].subject == "player":
                self.columns[name] = Samples() if METRICS[name].kind == "spread" else Pairs()

    @property
    def header(self) -> Header:
        """Of the first file."""
        return self.headers[0]

    def planned(self, at: int) -> float:
        """Viewers that the scenario's shape wanted in a second."""
        if at not in self._planned:
            self._planned[at] = self.header.scenario.surge.viewers(at + 0.5)
        return self._planned[at]

    def open(self, place: str) -> None:
        """A file follows."""
        self._place, self._number, self._sums = place, 0, Counter()

    def add(self, text: str | bytes) -> None:
        """Take the next line; RunError names the line and what is wrong with it."""
        self._number += 1
        if not text.endswith(b"\n" if isinstance(text, bytes) else "\n"):  # type: ignore[arg-type]
            self.damage = f"line {self._number} is cut in the middle"
            return
        try:
            self._take(from_json(text), text)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            problem = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else repr(error)
            raise RunError(
                f"{self._place}: line {self._number} is not a line of a run: {problem}", hint=_HINT
            ) from error

    def _take(self, data: Any, text: str | bytes) -> None:
        if self._number == 1:
            check_version(self._place, data)
        if data["line"] == "window":
            self._window(data)
            return
        match line := LINE.validate_json(text):
            case Header():
                self.headers.append(line)
                if not self.needed:
                    self._keep(frozenset(budget.metric for budget in line.scenario.gate))
            case Generator():
                self.generators.append(line)
            case Note():
                self.notes.append(line)
            case Footer():
                self.footers.append(line)

    def _window(self, data: Data) -> None:
        at, cell = int(data["at"]), (str(data["region"]), str(data["cohort"]))
        index = self.cells.setdefault(cell, len(self.cells))
        self.seconds = max(self.seconds, at + 1)
        players, requests = data.get("players", _NONE), data.get("requests", _NONE)
        for name, column in self.columns.items():
            if isinstance(column, Pairs):
                column.add(at, index, PAIRS[name](players, requests))
            else:
                for sketch in SAMPLES[name](players, requests):
                    column.add(at, index, sketch)
        self._count(players, requests)

    def _count(self, players: Data, requests: Data) -> None:
        sums = self._sums
        for kind, one in requests.items():
            sums[f"requests.{kind}"] += one.get("count", 0)
            sums["bytes"] += one.get("bytes", 0)
            sums["errors"] += sum(one.get("errors", _NONE).values())
        for name in ("joins", "starts", "stalls"):
            sums[name] += players.get(name, 0)

    def close(self) -> None:
        """The file is read; RunError when it was no run, or its totals are not the sum of its windows."""
        if not self._number or not self.headers:
            raise RunError(f"{self._place}: the file is empty", hint=_HINT)
        if len(self.footers) < len(self.headers):
            return
        totals = self.footers[-1].totals
        told = {f"requests.{kind}": count for kind, count in totals.requests.items()}
        told |= {name: getattr(totals, name) for name in ("bytes", "errors", "joins", "starts", "stalls")}
        if wrong := [name for name in {**told, **self._sums} if told.get(name, 0) != self._sums[name]]:
            raise RunError(
                f"{self._place}: the footer says {told.get(wrong[0], 0)} {wrong[0]}, the windows add up to "
                f"{self._sums[wrong[0]]}",
                hint="lines are missing or were added: use the file as it was written",
            )


_HINT: Final = "a run is the run.jsonl that `surgecast load` writes; docs/run-format.md describes it"


def read_ledger(places: Iterable[str], needed: frozenset[str]) -> Ledger:
    """Fold a run from its file, or from several that are parts of one run; ``-`` is standard input."""
    ledger = Ledger(needed)
    for place in places:
        ledger.open(place)
        for line in _lines(place):
            ledger.add(line)
        ledger.close()
        _same_run(ledger.headers)
    return ledger


def _lines(place: str) -> Iterator[str | bytes]:
    if place == "-":
        yield from sys.stdin
        return
    with run_file(place).open("rb") as lines:
        yield from lines


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
    return float(min(sum(one.get("errors", _NONE).values()), one.get("count", 0)))


def _cached(one: Data) -> Pair:
    cache = one.get("cache", _NONE)
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


def _count(name: str) -> Callable[[Data, Data], Pair]:
    return lambda players, _: (players.get(name, 0), 0.0)


def _played(players: Data) -> float:
    return float(players.get("play_seconds", 0.0))


def _stalled(players: Data) -> float:
    return float(players.get("stall_seconds", 0.0))


def _egress(_: Data, requests: Data) -> Pair:
    return 8.0 * sum(one.get("bytes", 0) + one.get("head_bytes", 0) for one in requests.values()), 0.0


def _pair_of(name: str) -> Callable[[Data, Data], Pair]:
    head, _, what = name.partition(".")
    return _requests(head, what) if what in _OF_A_REQUEST else _count(name)


def _samples_of(name: str) -> Callable[[Data, Data], Iterable[Data]]:
    head, _, what = name.partition(".")
    if not what:
        return lambda players, _: (players.get(head, _NONE),)
    if head == "request":
        return lambda _, requests: (one.get(what, _NONE) for one in requests.values())
    return lambda _, requests: (requests.get(head, _NONE).get(what, _NONE),)


_OF_VIEWERS: Final = [metric for metric in METRICS.values() if metric.subject == "player"]
SAMPLES: Final = {metric.name: _samples_of(metric.name) for metric in _OF_VIEWERS if metric.kind == "spread"}
"""The sketches of a window, by metric."""
PAIRS: Final[dict[str, Callable[[Data, Data], Pair]]] = {
    **{metric.name: _pair_of(metric.name) for metric in _OF_VIEWERS if metric.kind != "spread"},
    "stall_ratio": lambda players, _: (_stalled(players), _stalled(players) + _played(players)),
    "join_failure": lambda players, _: (sum(players.get("failures", _NONE).values()), players.get("joins", 0)),
    "exits_before_start": lambda players, _: (players.get("exits_before_start", 0), players.get("joins", 0)),
    "bitrate": lambda players, _: (players.get("bitrate_seconds", 0.0), _played(players)),
    "egress": _egress,
}
"""Part and whole in a window, by metric; a rate and a level have no whole but the second."""
