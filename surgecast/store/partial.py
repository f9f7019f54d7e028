"""A file that is on its way here, in stretches that come side by side; how far each is survives a kill.

The bytes lie at their places in ``.NAME.SUM.part``, and how many of each stretch are there in ``.NAME.SUM.at``, eight
bytes each, written after them. Neither is believed: the whole file's checksum decides.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from surgecast.store.digests import PART
from surgecast.store.manifest import Entry

COUNT: Final = 8
"""Bytes of a count, little-endian."""


@dataclass(frozen=True, slots=True)
class Partial:
    """What has come of a file so far."""

    folder: Path
    entry: Entry

    @property
    def file(self) -> Path:
        """The bytes."""
        return self.folder / f".{self.entry.name}.{self.entry.sha256[:16]}.part"

    @property
    def counts(self) -> Path:
        """How many of each stretch."""
        return self.file.with_suffix(".at")

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """Where each begins and ends."""
        size = self.entry.size
        return tuple((at, min(at + PART, size)) for at in range(0, size, PART))

    @property
    def have(self) -> tuple[int, ...]:
        """Bytes that are there, of each stretch; nothing of any where the counts are not of this file."""
        try:
            told, there = self.counts.read_bytes(), self.file.stat().st_size
        except OSError:
            told, there = b"", 0
        found = [int.from_bytes(told[at : at + COUNT], "little") for at in range(0, len(told), COUNT)]
        sizes = [end - start for start, end in self.stretches]
        fits = there == self.entry.size and len(found) == len(sizes)
        return tuple(min(pair) for pair in zip(found, sizes, strict=True)) if fits else (0,) * len(sizes)

    def drop(self) -> None:
        """Forget all of it."""
        self.file.unlink(missing_ok=True)
        self.counts.unlink(missing_ok=True)

    @contextmanager
    def opened(self) -> Iterator[Copy]:
        """To write at any place; what was there stays where `have` believes it."""
        have = self.have
        with self.file.open("a+b") as content, self.counts.open("a+b") as counts:
            for file, size in ((content, self.entry.size), (counts, COUNT * len(have))):
                os.ftruncate(file.fileno(), size)
        with self.file.open("r+b") as content, self.counts.open("r+b") as counts:
            os.pwrite(counts.fileno(), b"".join(one.to_bytes(COUNT, "little") for one in have), 0)
            yield Copy(content.fileno(), counts.fileno())
            os.fsync(content.fileno())


@dataclass(frozen=True, slots=True)
class Copy:
    """Two open files; threads may write side by side."""

    content: int
    counts: int

    def write(self, stretch: int, start: int, have: int, chunk: bytes) -> int:
        """A chunk behind what is there of a stretch that begins at ``start``; how much is there then."""
        rest = memoryview(chunk)
        while rest:
            written = os.pwrite(self.content, rest, start + have)
            have, rest = have + written, rest[written:]
        os.pwrite(self.counts, have.to_bytes(COUNT, "little"), stretch * COUNT)
        return have
