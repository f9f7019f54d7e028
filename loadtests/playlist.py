"""Read HLS playlists (RFC 8216) into frozen values. A playlist is untrusted input: it is capped, checked, never obeyed.

`parse` answers with a `Master` or a `Media`, or raises `PlaylistError` with the line and the cause. It never
fetches, follows nothing but http and https addresses, and ignores tags it does not know (§6.3.1). Thousands of
viewers see the same bytes, so the answer is kept by content: a repeated playlist costs one hash.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from loadtests.address import resolve
from loadtests.session import LadderStep

MAX_LINES: Final = 100_000
"""Four lines (date, duration, discontinuity, address) for each of `MAX_SEGMENTS`, and some to spare."""
MAX_LINE_LENGTH: Final = 16_384
"""Twice the 8 KiB that web servers accept as a request line; a data: address of a key or poster also fits."""
MAX_SEGMENTS: Final = 21_600
"""Twelve hours of rewind in two-second segments."""
MAX_VARIANTS: Final = 256
"""Ladders have 4 to 12 rungs; codecs × audio groups × redundant copies multiply them to some tens."""
MAX_SECONDS: Final = 3600.0
"""No live segment or target duration is an hour long; the cap keeps the arithmetic finite."""
CACHED: Final = 64
"""Playlists kept by content: a dozen renditions, each in the few versions that the edges serve at one time."""

_ATTRIBUTE: Final = re.compile(r'\s*([A-Za-z0-9_-]+)=("[^"]*"|[^",]*)\s*(?:,|$)')
_NUMBER: Final = re.compile(r"\d{1,20}", re.ASCII)  # RFC 8216 §4.2: decimal-integer, 0 to 2^64 - 1
_AUDIO_CODECS: Final = ("mp4a", "ac-3", "ec-3", "opus", "flac", "alac")


class PlaylistError(ValueError):
    """Not a playlist that can be played: ``line`` counts from 1 (0 is the whole), ``cause`` says why."""

    def __init__(self, line: int, cause: str) -> None:
        super().__init__(f"line {line}: {cause}" if line else cause)
        self.line = line
        self.cause = cause


class Variant(NamedTuple):
    """One rendition of a master playlist; bit rates in bits per second."""

    url: str
    bandwidth: int
    average_bandwidth: int | None
    resolution: tuple[int, int] | None
    codecs: str

    @property
    def bitrate(self) -> float:
        """What it sends on average, where the playlist says so, else at most."""
        return float(self.average_bandwidth or self.bandwidth)

    @property
    def audio_only(self) -> bool:
        """Whether it names codecs and all of them are audio."""
        return bool(self.codecs) and all(name.strip().startswith(_AUDIO_CODECS) for name in self.codecs.split(","))


class Master(NamedTuple):
    """A master playlist, its variants sorted by bandwidth."""

    variants: tuple[Variant, ...]
    separate_audio: bool
    """Whether audio renditions have playlists of their own, which a viewer here does not fetch."""
    first_bandwidth: int = 0
    """Bits per second of the variant that is listed first."""

    @property
    def ladder(self) -> tuple[Variant, ...]:
        """What a viewer may play, from the lowest: audio-only variants only where there is nothing else (as hls.js)."""
        return tuple(variant for variant in self.variants if not variant.audio_only) or self.variants

    def choose(self, step: LadderStep) -> Variant:
        """The variant at that place of the ladder; for ``auto`` the highest, which is as far as it may go."""
        ladder = self.ladder
        return ladder[{"lowest": 0, "middle": len(ladder) // 2}.get(step, -1)]


class Segment(NamedTuple):
    """One media segment; times in seconds."""

    sequence: int
    url: str
    duration: float
    offset: float
    """From the start of the first segment of its playlist."""
    discontinuity: bool
    discontinuity_sequence: int
    program_time: float | None
    """Wall clock of its first frame, seconds since 1970; extrapolated from the last date before it."""
    init_url: str | None
    key_url: str | None = None
    """Where its AES-128 key is, if it is encrypted with one."""


class Media(NamedTuple):
    """A media playlist; times in seconds."""

    target_duration: float
    media_sequence: int
    segments: tuple[Segment, ...]
    duration: float
    ended: bool
    encrypted: bool
    """Whether segments are encrypted, in whatever way."""
    hold_back: float | None
    """How far from the end the server asks players to stay (EXT-X-SERVER-CONTROL)."""

    @property
    def end_sequence(self) -> int:
        """The number that the next segment will have."""
        return self.media_sequence + len(self.segments)

    def reload_interval(self, *, changed: bool) -> float:
        """Seconds from the start of one load to the start of the next (RFC 8216 §6.3.4).

        The target duration after a change, or the last segment's duration where that is shorter (hls.js,
        level-helper `computeReloadInterval`); half the target duration without one, and never less.
        """
        half = self.target_duration / 2
        if not changed or not self.segments:
            return half
        return max(half, min(self.target_duration, self.segments[-1].duration))


def parse(text: bytes | str, url: str) -> Master | Media:
    """Read the playlist found at ``url``, the base of its relative addresses; PlaylistError if it is none."""
    return _parse(text, url)


@lru_cache(maxsize=CACHED)
def _parse(text: bytes | str, url: str) -> Master | Media:
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")  # as a browser does, whose XMLHttpRequest hls.js uses
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    if not text.startswith("#EXTM3U"):
        raise PlaylistError(1, f"not a playlist: begins with {text[:16]!r}, not with #EXTM3U")
    if text.count("\n") >= MAX_LINES:
        raise PlaylistError(0, f"more than {MAX_LINES} lines")
    reader = _Reader(url)
    number = 0
    try:
        for number, line in enumerate(text.split("\n"), 1):  # noqa: B007 - the error names it
            reader.read(line.strip())
        number = 0
        return reader.result()
    except ValueError as error:
        raise PlaylistError(number, str(error)) from error


def attributes(text: str) -> dict[str, str]:
    """An attribute list (§4.2) as a dict, quotes taken off; ValueError where it is malformed."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _ATTRIBUTE.match(text, position)
        if match is None:
            raise ValueError(f"malformed attribute list at {text[position : position + 24]!r}")
        found[match[1]] = match[2].strip('"')
        position = match.end()
    return found


_Method: TypeAlias = "Callable[[_Reader, str], None]"
_TAGS: Final[dict[str, _Method]] = {}


def tag(name: str) -> Callable[[_Method], _Method]:
    """Mark the method that reads the tag ``name``; it is given what follows the colon."""

    def register(method: _Method) -> _Method:
        _TAGS[name] = method
        return method

    return register


class _Reader:
    """What has been read so far; one short method per tag. Section numbers are those of RFC 8216."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.variants: list[Variant] = []
        self.segments: list[Segment] = []
        self.variant: dict[str, str] | None = None
        """Attributes of the EXT-X-STREAM-INF whose address comes next."""
        self.duration: float | None = None
        """Seconds of the EXTINF whose address comes next."""
        self.target_duration: float | None = None
        self.media_sequence = 0
        self.offset = 0.0
        self.discontinuity = False
        self.discontinuity_sequence = 0
        self.program_time: float | None = None
        self.init_url: str | None = None
        self.key_url: str | None = None
        self.ended = self.encrypted = self.separate_audio = False
        self.hold_back: float | None = None

    def read(self, line: str) -> None:
        if len(line) > MAX_LINE_LENGTH:
            raise ValueError(f"longer than {MAX_LINE_LENGTH} characters")
        if line.startswith("#EXT"):
            name, _, value = line[1:].partition(":")
            if name in _TAGS:
                _TAGS[name](self, value)
        elif line and line[0] != "#":
            self.address(line)

    def result(self) -> Master | Media:
        """What all the lines together are; ValueError when that is nothing to play."""
        if self.variants and (self.segments or self.target_duration):
            raise ValueError("both a master and a media playlist")
        if self.variants:
            ladder = sorted(self.variants, key=lambda variant: variant.bandwidth)
            return Master(tuple(ladder), self.separate_audio, self.variants[0].bandwidth)
        if self.target_duration is None:
            raise ValueError("neither EXT-X-STREAM-INF nor EXT-X-TARGETDURATION")
        rest = tuple(self.segments), self.offset, self.ended, self.encrypted, self.hold_back
        return Media(self.target_duration, self.media_sequence, *rest)

    def address(self, text: str) -> None:
        """A line that is no tag: the address that the tags before it describe."""
        if self.variant is not None:
            self.add_variant(text, self.variant)
        elif self.duration is not None:
            self.add_segment(text, self.duration)

    def add_variant(self, text: str, given: dict[str, str]) -> None:
        if len(self.variants) == MAX_VARIANTS:
            raise ValueError(f"more than {MAX_VARIANTS} variants")
        width, _, height = given.get("RESOLUTION", "").partition("x")
        average = given.get("AVERAGE-BANDWIDTH")
        variant = Variant(
            url=resolve(self.url, text),
            bandwidth=self.number(given.get("BANDWIDTH", ""), "BANDWIDTH"),
            average_bandwidth=self.number(average, "AVERAGE-BANDWIDTH") if average else None,
            resolution=(self.number(width, "RESOLUTION"), self.number(height, "RESOLUTION")) if width else None,
            codecs=given.get("CODECS", ""),
        )
        self.variants.append(variant)
        self.variant = None

    def add_segment(self, text: str, duration: float) -> None:
        if len(self.segments) == MAX_SEGMENTS:
            raise ValueError(f"more than {MAX_SEGMENTS} segments")
        number, url = self.media_sequence + len(self.segments), resolve(self.url, text)
        gap, gaps = self.discontinuity, self.discontinuity_sequence
        times = duration, self.offset, gap, gaps, self.program_time
        self.segments.append(Segment(number, url, *times, self.init_url, self.key_url))
        self.duration, self.discontinuity = None, False
        self.offset += duration
        if self.program_time is not None:
            self.program_time += duration

    def number(self, text: str, name: str) -> int:
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"{name} is not a whole number: {text[:24]!r}")
        return int(text)

    def seconds(self, text: str, name: str) -> float:
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds <= MAX_SECONDS:
            raise ValueError(f"{name} is not between 0 and {MAX_SECONDS:.0f} seconds: {text[:24]!r}")
        return seconds

    @tag("EXTINF")
    def inf(self, value: str) -> None:
        """Duration of the next segment (§4.3.2.1)."""
        self.duration = self.seconds(value.partition(",")[0], "EXTINF")

    @tag("EXT-X-TARGETDURATION")
    def target(self, value: str) -> None:
        """Upper bound of segment durations (§4.3.3.1); 0 counts as 1 s, as in hls.js, or reloads would never pause."""
        self.target_duration = max(self.seconds(value, "EXT-X-TARGETDURATION"), 1.0)

    @tag("EXT-X-MEDIA-SEQUENCE")
    def sequence(self, value: str) -> None:
        """Number of the first segment (§4.3.3.2); MUST come before it."""
        if self.segments:
            raise ValueError("EXT-X-MEDIA-SEQUENCE after the first segment")
        self.media_sequence = self.number(value, "EXT-X-MEDIA-SEQUENCE")

    @tag("EXT-X-DISCONTINUITY")
    def discontinue(self, _value: str) -> None:
        """The next segment does not go on where the last one ended (§4.3.2.3)."""
        self.discontinuity = True
        self.discontinuity_sequence += 1

    @tag("EXT-X-DISCONTINUITY-SEQUENCE")
    def discontinuity_start(self, value: str) -> None:
        """Discontinuity number of the first segment (§4.3.3.3)."""
        self.discontinuity_sequence = self.number(value, "EXT-X-DISCONTINUITY-SEQUENCE")

    @tag("EXT-X-PROGRAM-DATE-TIME")
    def program_date_time(self, value: str) -> None:
        """Wall clock of the next segment's first frame (§4.3.2.6). An unreadable one is ignored, as in hls.js."""
        try:
            moment = datetime.fromisoformat(value)
            self.program_time = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            self.program_time = None

    @tag("EXT-X-MAP")
    def map(self, value: str) -> None:
        """Initialization segment of all that follows (§4.3.2.5)."""
        given = attributes(value)
        if "BYTERANGE" in given:
            self.byte_range(value)
        if not given.get("URI"):
            raise ValueError("EXT-X-MAP without URI")
        self.init_url = resolve(self.url, given["URI"])

    @tag("EXT-X-BYTERANGE")
    def byte_range(self, _value: str) -> None:
        """Part of a resource (§4.3.2.2): refused, for fetching the whole of it would be a different load."""
        raise ValueError("byte ranges are not supported")

    @tag("EXT-X-SKIP")
    def skip(self, _value: str) -> None:
        """A delta update (rfc8216bis §4.4.5.2), which nobody asked for."""
        raise ValueError("delta updates are not supported")

    @tag("EXT-X-KEY")
    def key(self, value: str) -> None:
        """Encryption of all that follows (§4.3.2.4): an AES-128 key is fetched, a DRM system's is only noted."""
        given = attributes(value)
        method = given.get("METHOD", "NONE")
        self.encrypted |= method != "NONE"
        if method == "AES-128" and given.get("KEYFORMAT", "identity") == "identity":
            if not given.get("URI"):
                raise ValueError("EXT-X-KEY without URI")
            self.key_url = None if given["URI"].startswith("data:") else resolve(self.url, given["URI"])
        elif method == "NONE":
            self.key_url = None

    @tag("EXT-X-SERVER-CONTROL")
    def server_control(self, value: str) -> None:
        """How far from the end to play (rfc8216bis §4.4.3.8)."""
        hold_back = attributes(value).get("HOLD-BACK")
        self.hold_back = self.seconds(hold_back, "HOLD-BACK") if hold_back else None

    @tag("EXT-X-ENDLIST")
    def end(self, _value: str) -> None:
        """No segment will follow (§4.3.3.4)."""
        self.ended = True

    @tag("EXT-X-STREAM-INF")
    def stream(self, value: str) -> None:
        """A variant, its address on the next line (§4.3.4.2)."""
        self.variant = attributes(value)

    @tag("EXT-X-MEDIA")
    def rendition(self, value: str) -> None:
        """An alternative rendition (§4.3.4.1): noted where it is audio with a playlist of its own."""
        given = attributes(value)
        self.separate_audio |= given.get("TYPE") == "AUDIO" and "URI" in given
