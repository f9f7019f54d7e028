"""The media that ships with the package, as endless renditions: any segment number gives its bytes.

    media/media.json          names, sizes and codecs of the renditions
    media/low/0.ts  1.ts      one loop as MPEG-TS           → /live
    media/low/init.mp4  0.m4s  1.m4s    the same as fMP4    → /cmaf

Segment ``n`` is template ``n % 2`` moved to second ``2n`` of media time, which counts from `clock.ORIGIN`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.staging import fmp4, ts
from loadtests.staging.clock import SEGMENT_SECONDS

FOLDER: Final = Path(__file__).parent / "media"

SEGMENTS_PER_LOOP: Final = 2
"""Four seconds: the shortest whole number of 2 s segments that is a whole number of AAC frames at 32 kHz (125)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What ``media.json`` says of a rendition; ``frame_rate`` in frames/s."""

    name: str
    width: int
    height: int
    codecs: str
    frame_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One quality in one packaging. ``segment`` makes a segment's bytes; ``sizes`` are those of one loop."""

    facts: Facts
    segment: Callable[[int], bytes]
    sizes: tuple[int, ...]
    init: bytes | None = None

    @property
    def peak_bitrate(self) -> int:
        """Bits per second of the largest segment, container included: the playlist's BANDWIDTH."""
        return math.ceil(max(self.sizes) * 8 / SEGMENT_SECONDS)

    @property
    def average_bitrate(self) -> int:
        """Bits per second over a loop, container included: the playlist's AVERAGE-BANDWIDTH."""
        return math.ceil(sum(self.sizes) * 8 / (SEGMENT_SECONDS * len(self.sizes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One packaging of the whole ladder, served in ``folder``."""

    folder: str
    suffix: str
    content_type: str
    version: int
    renditions: tuple[Rendition, ...]


def load(folder: Path = FOLDER) -> tuple[Stream, ...]:
    """Load the shipped ladder as MPEG-TS and as fMP4."""
    rows = json.loads((folder / "media.json").read_text(encoding="utf-8"))["renditions"]
    ladder = [Facts(**row) for row in rows]
    return (
        Stream(
            folder="live",
            suffix="ts",
            content_type="video/mp2t",
            version=3,  # RFC 8216 §7: EXTINF with decimals
            renditions=tuple(_ts_rendition(facts, folder / facts.name) for facts in ladder),
        ),
        Stream(
            folder="cmaf",
            suffix="m4s",
            content_type="video/mp4",
            version=7,  # RFC 8216 §7 wants 6 for EXT-X-MAP; Apple's authoring rules ask for 7 with fMP4
            renditions=tuple(_fmp4_rendition(facts, folder / facts.name) for facts in ladder),
        ),
    )


def _loop(folder: Path, suffix: str) -> Sequence[bytes]:
    return [(folder / f"{number}.{suffix}").read_bytes() for number in range(SEGMENTS_PER_LOOP)]


def _ts_rendition(facts: Facts, folder: Path) -> Rendition:
    """Times so that the first video frame of segment n has the PTS 2n seconds, modulo 2^33 ticks."""
    loop = _loop(folder, "ts")
    templates = ts.templates(loop)
    lead = ts.first_video_stamp(loop[0])
    loop_ticks = SEGMENTS_PER_LOOP * SEGMENT_SECONDS * ts.CLOCK

    def segment(number: int) -> bytes:
        turn, index = divmod(number, SEGMENTS_PER_LOOP)
        return ts.moved(templates[index], loop=turn, ticks=turn * loop_ticks - lead)

    return Rendition(facts=facts, segment=segment, sizes=tuple(map(len, loop)))


def _fmp4_rendition(facts: Facts, folder: Path) -> Rendition:
    """Times as the muxer made them (segment 0 starts at zero), sequence number n + 1."""
    loop, init = _loop(folder, "m4s"), (folder / "init.mp4").read_bytes()
    scales = fmp4.timescales(init)
    templates = [fmp4.template(data, scales) for data in loop]

    def segment(number: int) -> bytes:
        turn, index = divmod(number, SEGMENTS_PER_LOOP)
        seconds = turn * SEGMENTS_PER_LOOP * SEGMENT_SECONDS
        return fmp4.moved(templates[index], sequence=number + 1, seconds=seconds)

    return Rendition(facts=facts, segment=segment, sizes=tuple(map(len, loop)), init=init)
