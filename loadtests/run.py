"""A run: its file, how it is read, and how it is written (the lines themselves: `loadtests.results`)."""

from __future__ import annotations

import json
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Self

from pydantic import ValidationError

from loadtests.errors import RunError
from loadtests.results import (
    LINE,
    SCHEMA_VERSION,
    Footer,
    Generator,
    Header,
    Line,
    Note,
    Target,
    Totals,
    Window,
    add,
    text_of,
)

RUN_FILE: Final = "run.jsonl"


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run in memory: windows merged over workers and ordered by second, region and cohort."""

    header: Header
    windows: tuple[Window, ...]
    generators: tuple[Generator, ...]
    notes: tuple[Note, ...]
    footer: Footer | None
    cut: str = ""
    """What is wrong with the end of the file (killed while writing), empty when nothing is."""
    targets: tuple[Target, ...] = ()
    """What the servers said of themselves, as it came."""

    @property
    def seconds(self) -> int:
        """How many seconds were recorded."""
        return max((window.at for window in self.windows), default=-1) + 1


@dataclass(slots=True)
class LineReader:
    """The rules of a run file, whatever becomes of its lines: ``add`` each, then ``close`` in a subclass.

    A kind of line is taken in ``take`` here, so that every reader knows it; ``take_window`` and ``take_generator`` are
    there to be replaced, because those two come every second.
    """

    place: str
    header: Header | None = None
    generators: list[Generator] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    footer: Footer | None = None
    cut: str = ""
    number: int = 0

    def add(self, text: str | bytes) -> None:
        """Take the next line; RunError names the line and what is wrong with it."""
        self.number += 1
        if self.cut:
            raise RunError(
                f"{self.place}: {self.cut}, with more lines behind it",
                hint="restore the file: it was edited or damaged",
            )
        if text[-1:] not in ("\n", b"\n"):
            if isinstance(text, bytes):
                getincrementaldecoder("utf-8")().decode(text)  # a letter may be cut as well
            self.cut = f"line {self.number} is cut in the middle"
            return
        self.read(text)

    def read(self, text: str | bytes) -> None:
        """A whole line."""
        self.take(self.parse(text))

    def parse(self, text: str | bytes) -> Line:
        """The line as its model; RunError when it is none, UnicodeDecodeError when it is not even text."""
        try:
            if self.header is None:
                check_version(self.place, json.loads(text))
            return LINE.validate_json(text)
        except ValidationError as error:
            if isinstance(text, bytes):
                text.decode()
            problem = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            what = f"{where}: {problem['msg']}" if where else problem["msg"]
            raise self.wrong(what) from error
        except UnicodeDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise RunError(f"{self.place}: line {self.number} is not JSON: {error}", hint=NOT_OURS) from error

    def take(self, line: Line) -> None:
        """Each kind to its place."""
        self.refuse_behind_footer()
        match line:
            case Header() if self.header is not None:
                raise RunError(f"{self.place}: line {self.number} is a second header", hint=_ONE_RUN)
            case Header():
                self.header = line
            case Window():
                self.take_window(line)
            case Generator():
                self.take_generator(line)
            case Target():
                self.targets.append(line)
            case Note():
                self.notes.append(line)
            case Footer():
                self.footer = line

    def wrong(self, what: str) -> RunError:
        """A complaint about the line that was read last."""
        return RunError(f"{self.place}: line {self.number}: {what}", hint=NOT_OURS)

    def refuse_behind_footer(self) -> None:
        """RunError for a line behind the last one."""
        if self.footer is not None:
            raise RunError(f"{self.place}: line {self.number} stands behind the footer", hint=_ONE_RUN)

    def take_window(self, window: Window) -> None:
        """One second of a region and cohort."""

    def take_generator(self, line: Generator) -> None:
        """One second of a worker."""
        self.generators.append(line)

    def whole(self, found: Totals) -> Header:
        """The header at the end of the file; RunError without one, or when ``found`` is not what the footer says."""
        if self.header is None:
            raise RunError(f"{self.place}: no header: the file is empty or holds no run", hint=NOT_OURS)
        if self.footer and self.footer.totals != found:
            raise RunError(
                f"{self.place}: the footer says {self.footer.totals}, the windows add up to {found}",
                hint="lines are missing or were added: use the file as it was written",
            )
        return self.header


@dataclass(slots=True)
class RunReader(LineReader):
    """Folds lines into a `Run`: ``add`` each line, then ``close``."""

    windows: dict[tuple[int, str, str], Window] = field(default_factory=dict)

    def take_window(self, window: Window) -> None:
        """Merged with what other workers saw of the same second."""
        known = self.windows.get(window.key)
        self.windows[window.key] = known.merge(window) if known else window

    def close(self) -> Run:
        """The run; RunError when there is none, or when its totals are not the sum of its windows."""
        windows = tuple(self.windows[key] for key in sorted(self.windows))
        header = self.whole(Totals.of(windows) if self.footer else Totals())
        generators, notes, targets = tuple(self.generators), tuple(self.notes), tuple(self.targets)
        return Run(header, windows, generators, notes, self.footer, self.cut, targets)


_ONE_RUN: Final = "a file holds one run: read runs that were put together one by one"
NOT_OURS: Final = "a run is the run.jsonl that `surgecast load` writes; docs/run-format.md describes it"


def check_version(place: str, data: object) -> None:
    """Refuse a file from a newer surgecast, or one that does not start with a header."""
    if not isinstance(data, dict) or data.get("line") != "header":
        raise RunError(f"{place}: line 1 is not a run header", hint=NOT_OURS)
    version = data.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RunError(
            f"{place}: written with run schema {version}, this surgecast reads up to {SCHEMA_VERSION}",
            hint="upgrade surgecast where you read it",
        )


def fold(place: str, lines: Iterable[str | bytes]) -> Run:
    """Read a run from its lines."""
    reader = RunReader(place)
    for line in lines:
        reader.add(line)
    return reader.close()


def run_file(place: str | Path) -> Path:
    """The file of a run named by its folder or by itself; RunError when there is none."""
    path = Path(place)
    if path.is_dir():
        path = path / RUN_FILE
    if path.is_dir() or not path.exists():
        raise RunError(
            f"{place}: no run here (no {RUN_FILE})",
            hint="give a run folder, its run.jsonl, or - for standard input",
        )
    return path


def read_run(place: str | Path) -> Run:
    """Read a run from a folder, a file, or ``-`` for standard input."""
    with open_run(place) as (name, lines):
        return fold(name, lines)


@contextmanager
def open_run(place: str | Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The lines of a run in a folder, a file, a pipe, or standard input (``-``), and what to call it in a complaint."""
    try:
        if str(place) == "-":
            yield "standard input", sys.stdin.buffer
        else:
            with run_file(place).open("rb", buffering=2**20) as lines:  # lines are kilobytes long
                yield str(place), lines
    except UnicodeDecodeError as error:
        name = "standard input" if str(place) == "-" else place
        raise RunError(f"{name}: not a text file: {error.reason}", hint=NOT_OURS) from error
    except OSError as error:
        raise RunError(f"{place}: cannot be read: {error.strerror}", hint=NOT_OURS) from error


class RunWriter:
    """Appends lines to a new run file; each is handed to the kernel whole, so a kill loses at most one."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / RUN_FILE
        try:
            self._file: IO[bytes] = self.path.open("xb", buffering=0)
        except FileExistsError as error:
            raise RunError(
                f"{folder}: holds a run already", hint="runs are never overwritten: give another folder"
            ) from error
        self.totals = Totals()
        """Sums over the windows written so far."""

    def write(self, lines: Iterable[Line]) -> None:
        """Append, each line with a write of its own."""
        for line in lines:
            if isinstance(line, Window):
                self.totals = add(self.totals, Totals.of([line]))
            rest = memoryview(f"{text_of(line)}\n".encode())
            while rest:
                rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        """No more lines."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def lines_of(run: Run) -> Iterator[Line]:
    """The lines that write a run again."""
    yield run.header
    yield from run.windows
    yield from run.generators
    yield from run.targets
    yield from run.notes
    if run.footer:
        yield run.footer
