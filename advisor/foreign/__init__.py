"""Other tools' results, one file per tool, and `Outcomes`: what theirs and ours become, to compare and to gate.

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
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from loadtests import plugins
from loadtests.errors import RunError
from loadtests.plugins import Plugin
from loadtests.region import Names
from loadtests.results import Bottleneck
from loadtests.shapes import Phase
from loadtests.sketch import bin_of

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Small: TypeAlias = NDArray[np.int32]

Count: TypeAlias = Literal[
    "requests",
    "failed",
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
"""What is added up per second. ``requests`` are those that ended, ``failed`` is a part of them, ``wire_bits`` are
bodies and headers received, ``viewers`` is a level, ``cpu`` sums over as many generators as ``generators`` says."""

Timing: TypeAlias = Literal[
    "request_total", "segment_ttfb", "segment_total", "playlist_total", "startup", "live_latency", "lag"
]
"""What is timed, in seconds. Requests that failed are not among the timed ones."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Timings:
    """Sketches of one timing over a run, as sparse counts: they can be added over any seconds, at 1 % error."""

    at: Small
    """Second that the samples belong to."""
    bin: Small
    """Bin of `loadtests.sketch` that they fell in."""
    count: Small
    """How many; the same second and bin may come more than once."""

    def histogram(self, seconds: Ints) -> tuple[Ints, Floats]:
        """The bins in use, ascending, and how many samples each of ``seconds`` (ascending) has in each of them."""
        if not len(self.at) or not len(seconds):
            return np.empty(0, dtype=np.int64), np.zeros((len(seconds), 0))
        row = np.full(max(int(self.at.max()), int(seconds[-1])) + 1, -1)
        row[seconds] = np.arange(len(seconds))
        place = row[self.at]
        inside = place >= 0
        lowest = int(self.bin.min())
        width = int(self.bin.max()) - lowest + 1
        cells = place[inside] * width + (self.bin[inside] - lowest)
        flat = np.bincount(cells, weights=self.count[inside], minlength=len(seconds) * width)
        table: Floats = flat.astype(np.float64).reshape(len(seconds), width)
        used = np.flatnonzero(table.any(axis=0))
        return used + lowest, table[:, used]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One part of a run second by second: a region, or all of it. A key that is missing was not recorded."""

    counts: Mapping[Count, Floats] = field(default_factory=dict)
    """Sums per second, from second zero on."""
    timings: Mapping[Timing, Timings] = field(default_factory=dict)
    """Sketches per second."""


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
        self._timings: dict[Timing, dict[tuple[int, int], int]] = {}

    def count(self, what: Count, at: float, by: float = 1.0) -> None:
        """Add to a sum; by zero it says that the sum is known."""
        sums = self._counts.setdefault(what, defaultdict(float))
        sums[int(at)] += by

    def time(self, what: Timing, at: float, seconds: float) -> None:
        """Add a sample."""
        cells = self._timings.setdefault(what, defaultdict(int))
        cells[int(at), bin_of(max(seconds, 0.0))] += 1

    @property
    def span(self) -> range:
        """The seconds from the first to the last that anything was counted in; empty without a request."""
        known = [at for sums in self._counts.values() for at in (min(sums), max(sums))]
        return range(min(known), max(known) + 1) if "requests" in self._counts else range(0)

    def series(self) -> Series:
        """What was added, from the first second on."""
        span = self.span
        counts = {what: _dense(sums, span) for what, sums in self._counts.items()}
        timings = {what: _sparse(cells, span.start) for what, cells in self._timings.items()}
        return Series(counts, timings)


def _dense(sums: Mapping[int, float], span: range) -> Floats:
    values = np.zeros(len(span))
    for at, value in sums.items():
        values[at - span.start] = value
    return values


def _sparse(cells: Mapping[tuple[int, int], int], start: int) -> Timings:
    table = np.array([(at - start, index, count) for (at, index), count in cells.items()], dtype=np.int32)
    return Timings(*table.reshape(-1, 3).T)


class Cells:
    """Grows `Timings` from sketches, a few machine words a bin."""

    def __init__(self) -> None:
        self._columns = (array("i"), array("i"), array("i"))

    def add(self, at: int, bins: Mapping[int, int]) -> None:
        """Add the bins of one second's sketch."""
        seconds, indices, counts = self._columns
        seconds.extend([at] * len(bins))
        indices.extend(bins.keys())
        counts.extend(bins.values())

    def timings(self) -> Timings:
        """What was added."""
        return Timings(*(np.array(column, dtype=np.int32) for column in self._columns))


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

    def outcomes(
        self, tool: str, tally: Tally, remarks: tuple[str, ...], reported: Mapping[str, float] | None = None
    ) -> Outcomes:
        """What was added up; RunError when that is no request, or when the clock is damaged."""
        started = self._started(tally.span)
        return Outcomes(
            name=self.path.name,
            tool=tool,
            started_at=started,
            seconds=len(tally.span),
            series={"": tally.series()},
            reported=reported or {},
            remarks=remarks,
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


def kind_of(address: str) -> Literal["playlist", "segment"] | None:
    """What an address asks for, by the ending of its path; None when that does not say."""
    try:
        path = urlsplit(address).path
    except ValueError:
        return None
    if _PLAYLIST.search(path):
        return "playlist"
    return "segment" if _SEGMENT.search(path) else None
