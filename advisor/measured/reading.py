"""Reads a run from its file: a long one in stretches, each in a process of its own.

    file ─► stretches, cut where a second begins ─► a `Recorder` each ─► their `Found`, one behind the other

A stretch begins with the windows of the seconds before it, whose start-ups its first seconds are judged with.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, NamedTuple

from advisor.beside import beside, cores
from advisor.measured.recording import BATCH, Found, Recorder, Recording, phase_at
from advisor.measured.seconds import STARTUP_SECONDS
from loadtests.results import Footer, Note, Target
from loadtests.run import open_run

SHORTEST: Final = 2**24
"""Bytes of a stretch: a shorter one is read sooner than another process takes it on."""
AHEAD: Final = 0.2
"""Of a stretch, by which the first is longer: this process need not send what it has read."""
_WINDOW: Final = re.compile(rb'\{"line":"window","at":([0-9]{1,9}),')


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some lines of a run that follow each other."""

    begin: int
    """Its first byte …"""
    end: int
    """… and the one behind its last."""
    since: int
    """Its first second."""


class Read(NamedTuple):
    """What one process has made of its stretch."""

    found: Found
    notes: list[Note]
    targets: list[Target]
    footer: Footer | None
    counts: Counter[str]
    sums: Counter[str]
    cut: str
    number: int
    """Lines up to its end."""

    @classmethod
    def of(cls, recorder: Recorder) -> Read:
        """All that a recorder knows when it has read its lines."""
        found, totals = recorder.folded(), (recorder.counts, recorder.sums)
        return cls(found, recorder.notes, recorder.targets, recorder.footer, *totals, recorder.cut, recorder.number)


def read_recording(place: str | Path, most: int | None = None) -> Recording:
    """Fold a run from a folder, a file, or ``-`` for standard input; RunError names the line and what is wrong.

    It is read in ``most`` stretches at once; where that is not said, in one for each core that is worth it.
    """
    with open_run(place) as (name, lines), _again(lines) as file:
        begin = file.tell()
        worth = min(cores(), os.fstat(file.fileno()).st_size // SHORTEST) if most is None else most
        has_name = str(place) != "-" and file is lines
        stretches = stretches_of(file, worth) if has_name else ()
        recorder = _at_once(name, Path(file.name), stretches) if len(stretches) > 1 else None
        return (recorder or _in_one(name, file, begin)).recording()


def _in_one(name: str, file: IO[bytes], begin: int) -> Recorder:
    """From the first line to the last; once more where windows came later than was waited for them."""
    recorder = _from(Recorder(name, batch=BATCH), file, begin)
    if recorder.found.late > recorder.patience:
        recorder = _from(Recorder(name, batch=BATCH, patience=recorder.found.late), file, begin)
    return recorder


def _from(recorder: Recorder, file: IO[bytes], begin: int) -> Recorder:
    file.seek(begin)
    for line in file:
        recorder.add(line)
    recorder.folded()
    return recorder


def stretches_of(file: IO[bytes], most: int) -> tuple[Stretch, ...]:
    """Up to ``most`` that take about as long."""
    size = os.fstat(file.fileno()).st_size
    cuts = [Stretch(0, size, 0)]
    for number in range(1, most):
        file.seek(max(int(size * (number + AHEAD) / (most + AHEAD)), cuts[-1].begin))
        file.readline()
        begin, since = _next_second(file)
        if begin == size:
            break
        cuts[-1:] = [Stretch(cuts[-1].begin, begin, cuts[-1].since), Stretch(begin, size, since)]
    return tuple(cuts)


def _next_second(file: IO[bytes]) -> tuple[int, int]:
    """Where the next second begins, and which it is; the end of the file where none does."""
    before: int | None = None
    for line in file:
        if (at := _second_of(line)) is not None:
            if before is not None and at > before:
                return file.tell() - len(line), at
            before = at
    return file.tell(), 0


def _second_of(line: bytes) -> int | None:
    """The second of a window; None for another line."""
    found = _WINDOW.match(line)
    return int(found[1]) if found else None


def _at_once(name: str, path: Path, stretches: Sequence[Stretch]) -> Recorder | None:
    """All stretches; None where they cannot be told apart: by windows of other stretches, or of another form."""
    with ExitStack() as stack:
        others = [stack.enter_context(beside(partial(_read, name, path, one))) for one in stretches[1:]]
        recorder = _recorder(name, path, stretches[0])
        assert recorder is not None  # nothing stands before it
        recorder.folded()
        for stretch, other in zip(stretches[1:], others, strict=True):
            recorder.number += 1
            recorder.refuse_behind_footer()
            read = other()
            if read is None or recorder.found.until > stretch.since or recorder.found.late or read.found.late:
                return None
            _join(recorder, read)
        return recorder


def _read(name: str, path: Path, stretch: Stretch) -> Read | None:
    recorder = _recorder(name, path, stretch)
    return None if recorder is None else Read.of(recorder)


def _recorder(name: str, path: Path, stretch: Stretch) -> Recorder | None:
    """With all lines of a stretch read; None where a window before it is not of the form that tells its second."""
    recorder = Recorder(name, batch=BATCH, since=stretch.since)
    with path.open("rb", buffering=2**20) as file:
        if stretch.begin and not _lead_in(recorder, file, stretch):
            return None
        while file.tell() < stretch.end:
            recorder.add(file.readline())
    return recorder


def _lead_in(recorder: Recorder, file: IO[bytes], stretch: Stretch) -> bool:
    """The header, the windows whose start-ups count, the number of lines before the stretch; whether all is told."""
    recorder.add(file.readline())
    number, second = 1, -1
    seconds: deque[list[bytes]] = deque(maxlen=STARTUP_SECONDS - 1)
    while file.tell() < stretch.begin:
        line, number = file.readline(), number + 1
        if (at := _second_of(line)) is None:
            if b'"window"' in line:
                return False
        elif recorder.header is not None and phase_at(recorder.header.phases, at) is not None:
            if at != second:
                seconds.append([])
            seconds[-1].append(line)
            second = at
    for line in chain.from_iterable(seconds):
        recorder.add(line)
    recorder.settle()
    recorder.number = number
    recorder.counts.clear()
    recorder.sums.clear()
    return True


def _join(recorder: Recorder, read: Read) -> None:
    """The stretch behind what a recorder has read."""
    recorder.found.extend(read.found)
    recorder.notes += read.notes
    recorder.targets += read.targets
    recorder.counts.update(read.counts)
    recorder.sums.update(read.sums)
    recorder.footer, recorder.cut, recorder.number = read.footer, read.cut, read.number


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
