"""Move a fragmented MP4 segment in time: new ``mfhd`` sequence number, new ``tfdt`` base times (ISO/IEC 14496-12).

Both fields have a fixed size, so a moved segment is as long as its template and every offset in it stays true.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

HEADER: Final = 8
"""Bytes in front of a box's content: a 32-bit size and a four-letter kind."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: where it starts and ends in the data, and its kind."""

    kind: bytes
    start: int
    end: int

    @property
    def body(self) -> int:
        """Offset of the first byte of content."""
        return self.start + HEADER


@dataclass(frozen=True, slots=True)
class Field:
    """A big-endian number inside a segment: ``size`` bytes at offset ``at``."""

    at: int
    size: int

    def read(self, data: bytes | bytearray) -> int:
        """Return the number."""
        return int.from_bytes(data[self.at : self.at + self.size])

    def write(self, data: bytearray, value: int) -> None:
        """Put ``value``, modulo what the field can hold, in its place."""
        data[self.at : self.at + self.size] = (value % (1 << 8 * self.size)).to_bytes(self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A segment and where its times stand; ``bases`` are (field, ticks per second) of each track."""

    data: bytes
    sequence: Field
    bases: tuple[tuple[Field, int], ...]


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Walk the boxes that lie side by side between ``start`` and ``end``."""
    end = len(data) if end is None else end
    while start < end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < HEADER or start + size > end:
            raise ValueError(f"box {kind!r} at byte {start} has the impossible size {size}")
        yield Box(kind, start, start + size)
        start += size


def find(data: bytes, *path: bytes, inside: Box | None = None) -> Iterator[Box]:
    """Find every box at ``path``, such as ``moof``, ``traf``, ``tfdt``."""
    span = (inside.body, inside.end) if inside else (0, len(data))
    for box in boxes(data, *span):
        if box.kind == path[0]:
            if len(path) == 1:
                yield box
            else:
                yield from find(data, *path[1:], inside=box)


def timescales(init: bytes) -> Mapping[int, int]:
    """Read the ticks per second of each track, by track number, from an init segment."""
    return {_track_id(init, trak): _timescale(init, trak) for trak in find(init, b"moov", b"trak")}


def template(data: bytes, scales: Mapping[int, int]) -> Template:
    """Find the fields of a segment that depend on when it is played."""
    (header,) = find(data, b"moof", b"mfhd")
    bases = tuple(_base(data, traf, scales) for traf in find(data, b"moof", b"traf"))
    return Template(data=data, sequence=Field(header.body + 4, 4), bases=bases)


def moved(segment: Template, *, sequence: int, seconds: int) -> bytes:
    """Return the segment with this sequence number, every track's base time later by whole ``seconds``."""
    data = bytearray(segment.data)
    segment.sequence.write(data, sequence)
    for field, scale in segment.bases:
        field.write(data, field.read(segment.data) + seconds * scale)
    return bytes(data)


def _version(data: bytes, box: Box) -> int:
    return data[box.body]


def _track_id(init: bytes, trak: Box) -> int:
    (header,) = find(init, b"tkhd", inside=trak)
    wide = _version(init, header) == 1  # version 1 holds 64-bit creation and modification times in front
    return Field(header.body + (20 if wide else 12), 4).read(init)


def _timescale(init: bytes, trak: Box) -> int:
    (header,) = find(init, b"mdia", b"mdhd", inside=trak)
    wide = _version(init, header) == 1
    return Field(header.body + (20 if wide else 12), 4).read(init)


def _base(data: bytes, traf: Box, scales: Mapping[int, int]) -> tuple[Field, int]:
    (header,) = find(data, b"tfhd", inside=traf)
    (time,) = find(data, b"tfdt", inside=traf)
    if _version(data, time) != 1:
        raise ValueError("a 32-bit tfdt cannot hold years of media time; make the media with 64-bit times")
    return Field(time.body + 4, 8), scales[Field(header.body + 4, 4).read(data)]
