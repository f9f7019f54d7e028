"""Other tools' results, one file per tool, and `Outcomes`: what theirs and ours become to compare, theirs to gate.

A reader takes from a file what it says and no more: what a tool does not record is absent, never zero. Files come
from anywhere, so they are read as a stream, under caps, and every complaint names the file, the line, what was
found there and what was expected.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from loadtests import plugins
from loadtests.errors import RunError
from loadtests.plugins import Plugin
from loadtests.region import Names
from loadtests.results import Bottleneck
from loadtests.shapes import Phase
from loadtests.sketch import Sketch

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Small: TypeAlias = NDArray[np.int32]

Count: TypeAlias = Literal[
    "requests",
    "failed",
    "segment_requests",
    "segment_failed",
    "playlist_requests",
    "playlist_failed",
    "wire_bits",
    "viewers",
    "joins",
    "exits_before_start",
    "play_seconds",
    "stall_seconds",
    "bits_played",
    "reconnects",
    "cpu",
    "generators",
]
"""What is added up per second. ``requests`` are those that ended, ``failed`` is a part of them (of segments and of
playlists too, where kinds are told), ``wire_bits`` are bodies and headers received, ``viewers`` is a level, ``cpu``
sums over as many generators as ``generators`` says."""

Timing: TypeAlias = Literal[
    "request_ttfb",
    "request_total",
    "segment_ttfb",
    "segment_total",
    "playlist_ttfb",
    "playlist_total",
    "startup",
    "live_latency",
    "lag",
]
"""What is timed, in seconds. Requests that failed are not among the timed ones."""

Kind: TypeAlias = Literal["playlist", "segment"]
TIMED: Final = tuple(f"{kind}.{what}" for kind in ("request", "segment", "playlist") for what in ("ttfb", "total"))
COUNTED: Final = tuple(
    f"{kind}.{what}" for kind in ("request", "segment", "playlist") for what in ("rate", "error_rate")
)
"""Metrics of budgets that a tool with samples can record."""
READERS: Final = "advisor.foreign"
HEAD: Final = 65_536
"""Characters of a file that decide what it is."""
MOST_BYTES: Final = 16 * 2**30
"""Largest file that is read (k6 writes about 4 kB a request: four million requests)."""
LONGEST_LINE: Final = 2**20
LONGEST_RUN: Final = 7 * 86_400
"""Seconds between the first and the last request: more is a damaged clock, not a run."""

_PLAYLIST: Final = re.compile(r"\.(m3u8|m3u|mpd)$", re.IGNORECASE)
_SEGMENT: Final = re.compile(r"\.(ts|m4s|m4v|m4a|aac|cmfv|cmfa)$", re.IGNORECASE)


class Samples:
    """A distribution's sketches, one entry per second and cell; the bins of all stand one behind the other."""

    __slots__ = ("at", "bins", "cells", "counts", "largest", "samples", "smallest", "totals", "widths")

    def __init__(self) -> None:
        self.at, self.cells, self.widths, self.samples = array("i"), array("H"), array("i"), array("i")
        self.totals, self.smallest, self.largest = array("d"), array("d"), array("d")
        self.bins, self.counts = array("h"), array("i")

    def add(self, at: int, cell: int, sketch: Mapping[str, Any]) -> None:
        """Take a sketch as `Sketch.as_dict` gives it: bins by number."""
        if not (count := sketch.get("count", 0)):
            return
        bins = sketch["bins"]
        self.bins.extend(bins)
        self.counts.extend(bins.values())
        self.at.append(at)
        self.cells.append(cell)
        self.widths.append(len(bins))
        self.samples.append(count)
        self.totals.append(sketch["sum"])
        self.smallest.append(sketch["min"])
        self.largest.append(sketch["max"])

    def table(self, entries: Ints, rows: Ints | Small, height: int) -> tuple[int, Small]:
        """The first bin in use, and samples by row and bin: each of ``entries`` is added to its row."""
        if not len(entries):
            return 0, np.zeros((height, 0), dtype=np.int32)
        bins, counts = np.frombuffer(self.bins, dtype=np.int16), np.frombuffer(self.counts, dtype=np.int32)
        first = int(bins.min())
        table = np.zeros((height, int(bins.max()) - first + 1), dtype=np.int32)
        ends = np.cumsum(np.frombuffer(self.widths, dtype=np.int32), dtype=np.int64)[entries]
        starts = ends - np.frombuffer(self.widths, dtype=np.int32)[entries]
        for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
            table[row, bins[start:end] - first] += counts[start:end]  # a sketch names each of its bins once
        return first, table


@dataclass(frozen=True, slots=True, eq=False)
class Timings:
    """Some of the sketches of one timing: they can be added over any seconds, at 1 % error."""

    samples: Samples
    entries: Ints
    """Which of them, as indices."""

    @classmethod
    def of(cls, samples: Samples) -> Timings:
        """All of them."""
        return cls(samples, np.arange(len(samples.at)))

    def unfolded(self) -> Unfolded:
        """All their bins, second by second."""
        at = np.frombuffer(self.samples.at, dtype=np.int32)[self.entries]
        return Unfolded(*self.samples.table(self.entries, at, int(at.max(initial=-1)) + 1))


class Unfolded(NamedTuple):
    """Samples of one timing by second and bin."""

    first: int
    table: Small
    """As far as there are samples."""

    def histogram(self, seconds: Ints) -> tuple[Ints, Floats]:
        """The bins in use, ascending, and how many samples each of ``seconds`` (ascending) has in each of them."""
        known = self.table[seconds[seconds < len(self.table)]]
        used = np.flatnonzero(known.any(axis=0))
        found = np.zeros((len(seconds), len(used)))
        found[: len(known)] = known[:, used]
        return used + self.first, found


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One part of a run second by second: a region, or all of it. A key that is missing was not recorded."""

    counts: Mapping[Count, Floats] = field(default_factory=dict)
    """Sums per second, from second zero on."""
    timings: Mapping[Timing, Timings] = field(default_factory=dict)
    """Sketches per second."""


class Point(NamedTuple):
    """A percentile as a tool reports it, in seconds."""

    share: float
    """0.95 for p95; 0 is the smallest sample and 1 the largest."""
    low: float
    value: float
    high: float
    """``low`` and ``high`` are what may have been rounded to ``value``."""


class Percentiles(NamedTuple):
    """What a tool reports of a distribution that it kept to itself."""

    samples: int
    points: tuple[Point, ...]
    """By share, ascending."""
    remedy: str
    """Sentence of `advisor.gate.sentences`: how to have another percentile reported."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outcomes:
    """What a run of any tool says of its target, as far as it can be compared and judged."""

    name: str
    """The run's id, or the file's name: untrusted text."""
    tool: str
    """Who wrote it: ``surgecast``, or the name of a reader."""
    started_at: datetime | None
    """UTC time of second zero; None when the file does not say."""
    seconds: int
    """Seconds recorded; 0 when there are only totals."""
    series: Mapping[str, Series]
    """By region code; ``""`` is the whole, and always there."""
    phases: tuple[Phase, ...] = ()
    """What each stretch was for; empty when the tool has no such thing."""
    places: Mapping[str, Names] = field(default_factory=dict)
    """Names of the regions, by code."""
    reported: Mapping[str, float] = field(default_factory=dict)
    """Figures that the tool computed itself, by name of `advisor.compare.measures`, in seconds, bit/s and shares:
    they cover the whole file, cannot be merged or cut, and have no interval."""
    percentiles: Percentiles | None = None
    """Times of all requests, failed ones too, where the tool reports them and keeps no samples."""
    totals: Mapping[Count, float] = field(default_factory=dict)
    """Sums over the whole file, where there are no seconds."""
    lasted: float = 0.0
    """Seconds that ``totals`` are of."""
    recordable: Mapping[str, str] = field(default_factory=dict)
    """What the tool can record and this file may lack: metric, and the sentence of `advisor.gate.sentences` that
    says how. What is neither here nor in the file, no file of this kind can say."""
    whole_only: frozenset[str] = frozenset()
    """Metrics that are right over the whole file, and not in a single second."""
    invalid: Mapping[int, Bottleneck] = field(default_factory=dict)
    """Seconds in which a generator was the limit, and why; empty too when the tool does not watch itself."""
    unfinished: str = ""
    """How it ended when it is known not to be whole: ``cut``, or an ending of the run contract."""
    traits: Mapping[str, str] = field(default_factory=dict)
    """What must be equal for two runs to be comparable, such as the target, as text."""
    remarks: tuple[str, ...] = ()
    """Sentences of `advisor.compare.words` on what the tool measures otherwise, or cannot say."""

    @property
    def whole(self) -> Series:
        """All regions together."""
        return self.series[""]


class Tally:
    """Adds up what a file says, one request at a time, in whole seconds since 1970; ``series`` closes it."""

    def __init__(self) -> None:
        self._counts: dict[Count, dict[int, float]] = {}
        self._timings: dict[Timing, dict[int, Sketch]] = {}

    def count(self, what: Count, at: float, by: float = 1.0) -> None:
        """Add to a sum; by zero it says that the sum is known."""
        sums = self._counts.setdefault(what, defaultdict(float))
        sums[int(at)] += by

    def request(self, what: Literal["requests", "failed"], kind: Kind | None, at: float, by: float) -> None:
        """Add to a sum over all requests, and to that of its kind."""
        self.count(what, at, by)
        if kind:
            self.count(cast("Count", f"{kind}_{what}"), at, by)

    def response(self, what: Literal["ttfb", "total"], kind: Kind | None, at: float, seconds: float | None) -> None:
        """Add a sample to those of all requests, and to those of its kind; None says that they are known."""
        for whose in ("request", kind) if kind else ("request",):
            sketches = self._timings.setdefault(cast("Timing", f"{whose}_{what}"), defaultdict(Sketch))
            sketch = sketches[int(at)]
            if seconds is not None:
                sketch.add(seconds)

    @property
    def span(self) -> range:
        """The seconds from the first to the last that anything is known of; empty without a request."""
        known = [at for sums in self._counts.values() for at in (min(sums), max(sums))]
        known += [at for sketches in self._timings.values() for at in (min(sketches), max(sketches))]
        return range(min(known), max(known) + 1) if "requests" in self._counts else range(0)

    def series(self) -> Series:
        """What was added, from the first second on."""
        span = self.span
        counts = {what: _dense(sums, span) for what, sums in self._counts.items()}
        timings = {what: _stored(sketches, span.start) for what, sketches in self._timings.items()}
        return Series(counts, timings)


def _dense(sums: Mapping[int, float], span: range) -> Floats:
    values = np.zeros(len(span))
    for at, value in sums.items():
        values[at - span.start] = value
    return values


def _stored(sketches: Mapping[int, Sketch], start: int) -> Timings:
    samples = Samples()
    for at, sketch in sketches.items():
        samples.add(at - start, 0, sketch.as_dict())
    return Timings.of(samples)


class Source(NamedTuple):
    """A file that somebody else wrote."""

    path: Path

    def lines(self) -> Iterator[str]:
        """Line by line, under the caps; bytes that are no text are replaced."""
        if (size := self.path.stat().st_size) > MOST_BYTES:
            raise RunError(f"{self.path}: found {size:,} bytes, expected at most {MOST_BYTES:,}", hint=_CUT)
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            number = 0
            while line := file.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise self.wrong(number, f"a line of {LONGEST_LINE:,} characters or more", "a shorter one")
                yield line

    def head(self) -> str:
        """How it begins."""
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return file.read(HEAD)

    def wrong(self, line: int, found: object, expected: str, hint: str = "") -> RunError:
        """The error that says where, what was found and what was expected."""
        text = " ".join(str(found).split())
        shown = text if len(text) <= 80 else text[:77] + "..."
        place = f"{self.path}: line {line}: " if line else f"{self.path}: "
        return RunError(f"{place}found {shown}, expected {expected}", hint=hint or _DAMAGED)

    def outcomes(self, tool: str, tally: Tally, remarks: tuple[str, ...], recordable: Mapping[str, str]) -> Outcomes:
        """What was added up; RunError when that is no request, or when the clock is damaged."""
        started = self._started(tally.span)
        return Outcomes(
            name=self.path.name,
            tool=tool,
            started_at=started,
            seconds=len(tally.span),
            series={"": tally.series()},
            remarks=remarks,
            recordable=recordable,
        )

    def _started(self, span: range) -> datetime:
        if not span:
            raise self.wrong(0, "no HTTP request", "at least one", hint="was the test run to its end?")
        if len(span) > LONGEST_RUN:
            raise self.wrong(0, f"requests over {len(span):,} seconds", f"at most {LONGEST_RUN:,}")
        try:
            return datetime.fromtimestamp(span.start, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise self.wrong(0, f"a first request at {span.start} s", "seconds since 1970") from error


_CUT = "record a shorter test, or only the part that is to be compared"
_DAMAGED = "docs/foreign-results.md says what is read and how to record it"


class Reader(Plugin):
    """What one tool writes."""

    @abstractmethod
    def knows(self, head: str) -> bool:
        """Whether a file that begins so is the tool's."""

    @abstractmethod
    def read(self, source: Source) -> Outcomes:
        """What the file says; RunError when it is damaged."""


def readers() -> tuple[Reader, ...]:
    """Every reader in the folder."""
    found = (plugins.find(READERS, name)() for name in plugins.names(READERS))
    return tuple(reader for reader in found if isinstance(reader, Reader))


def kind_of(address: str) -> Kind | None:
    """What an address asks for, by the ending of its path; None when that does not say."""
    try:
        path = urlsplit(address).path
    except ValueError:
        return None
    if _PLAYLIST.search(path):
        return "playlist"
    return "segment" if _SEGMENT.search(path) else None
