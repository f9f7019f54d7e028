"""Move an MPEG-TS segment in time: shift PTS, DTS and PCR, keep continuity counters running (ISO/IEC 13818-1).

A loop is cut into segments once; ``templates`` notes where the fields stand, ``moved`` writes them for one pass
through the loop. Lengths never change, so only the noted bytes differ from the template.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

PACKET: Final = 188
"""Bytes in a transport packet."""

SYNC: Final = 0x47
"""First byte of every transport packet."""

CLOCK: Final = 90_000
"""Ticks per second of PTS, DTS and the PCR base."""

WRAP: Final = 1 << 33
"""PTS, DTS and the PCR base have 33 bits: they start again every 26.5 hours, and players expect it."""

UNTIMED: Final = frozenset({0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF})
"""Stream ids whose PES packets have no optional header, hence no timestamps (table 2-21)."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One packet's continuity counter: where it stands, its ordinal in the loop, packets per loop of its PID."""

    at: int
    ordinal: int
    per_loop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A segment and the offsets of everything in it that depends on when it is played."""

    data: bytes
    tallies: tuple[Tally, ...]
    stamps: tuple[int, ...]
    clocks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Packet:
    """A transport packet inside ``data``, starting at ``start``."""

    data: bytes
    start: int

    @property
    def pid(self) -> int:
        """Which elementary stream or table the packet belongs to."""
        return int.from_bytes(self.data[self.start + 1 : self.start + 3]) & 0x1FFF

    @property
    def counter(self) -> int:
        """The continuity counter, 0 to 15."""
        return self.data[self.start + 3] & 0x0F

    @property
    def carries_payload(self) -> bool:
        """Whether the packet has payload; only those count in the continuity counter."""
        return bool(self.data[self.start + 3] & 0x10)

    @property
    def payload(self) -> int:
        """Offset of the first byte behind the header and the adaptation field."""
        adaptation = self.data[self.start + 3] & 0x20
        return self.start + 4 + (1 + self.data[self.start + 4] if adaptation else 0)

    @property
    def clock(self) -> int | None:
        """Offset of the PCR, if there is one."""
        has_flags = self.data[self.start + 3] & 0x20 and self.data[self.start + 4] > 0
        return self.start + 6 if has_flags and self.data[self.start + 5] & 0x10 else None

    @property
    def stamps(self) -> tuple[int, ...]:
        """Offsets of PTS and DTS, if a PES packet that has them starts here."""
        at, data = self.payload, self.data
        starts = self.data[self.start + 1] & 0x40 and data[at : at + 3] == b"\0\0\1"
        if not starts or data[at + 3] in UNTIMED:
            return ()
        present = data[at + 7] >> 6  # 0b10 PTS only, 0b11 PTS and DTS
        return {2: (at + 9,), 3: (at + 9, at + 14)}.get(present, ())


def packets(data: bytes) -> Iterator[Packet]:
    """Walk the packets of a segment."""
    for start in range(0, len(data), PACKET):
        if data[start] != SYNC or start + PACKET > len(data):
            raise ValueError(f"no transport packet at byte {start}")
        yield Packet(data, start)


def read_stamp(data: bytes | bytearray, at: int) -> int:
    """Read a PTS or DTS: 33 bits spread over five bytes with marker bits between."""
    high, middle, low = data[at], int.from_bytes(data[at + 1 : at + 3]), int.from_bytes(data[at + 3 : at + 5])
    return (high >> 1 & 0x07) << 30 | (middle >> 1) << 15 | low >> 1


def read_clock(data: bytes | bytearray, at: int) -> int:
    """Read the base of a PCR, in ticks of `CLOCK`."""
    return int.from_bytes(data[at : at + 5]) >> 7


def first_video_stamp(data: bytes) -> int:
    """Return the PTS of the first video frame in a segment."""
    video = (at for packet in packets(data) for at in packet.stamps if data[packet.payload + 3] & 0xF0 == 0xE0)
    return read_stamp(data, next(video))


def templates(loop: Sequence[bytes]) -> tuple[Template, ...]:
    """Find the fields to rewrite in the segments of one loop, in playing order."""
    per_loop = Counter(packet.pid for data in loop for packet in packets(data) if packet.carries_payload)
    seen: Counter[int] = Counter()
    return tuple(_template(data, seen, per_loop) for data in loop)


def moved(segment: Template, *, loop: int, ticks: int) -> bytes:
    """Return the segment as it is in pass ``loop``, every time later by ``ticks`` (1/90000 s)."""
    data = bytearray(segment.data)
    for tally in segment.tallies:
        count = (loop * tally.per_loop + tally.ordinal) & 0x0F
        data[tally.at] = data[tally.at] & 0xF0 | count
    for at in segment.stamps:
        _write_stamp(data, at, (read_stamp(data, at) + ticks) % WRAP)
    for at in segment.clocks:
        _write_clock(data, at, (read_clock(data, at) + ticks) % WRAP)
    return bytes(data)


def _template(data: bytes, seen: Counter[int], per_loop: Counter[int]) -> Template:
    tallies = []
    for packet in packets(data):
        seen[packet.pid] += packet.carries_payload
        tallies.append(Tally(packet.start + 3, seen[packet.pid] - 1, per_loop[packet.pid]))
    stamps = tuple(at for packet in packets(data) for at in packet.stamps)
    clocks = tuple(packet.clock for packet in packets(data) if packet.clock is not None)
    return Template(data=data, tallies=tuple(tallies), stamps=stamps, clocks=clocks)


def _write_stamp(data: bytearray, at: int, ticks: int) -> None:
    data[at] = data[at] & 0xF1 | (ticks >> 30) << 1
    data[at + 1 : at + 3] = ((ticks >> 15 & 0x7FFF) << 1 | 1).to_bytes(2)
    data[at + 3 : at + 5] = ((ticks & 0x7FFF) << 1 | 1).to_bytes(2)


def _write_clock(data: bytearray, at: int, ticks: int) -> None:
    kept = data[at + 4] & 0x7F  # six reserved bits and the top bit of the 27 MHz extension
    data[at : at + 5] = (ticks << 7 | kept).to_bytes(5)
