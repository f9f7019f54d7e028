"""Which segments exist at an instant: pure arithmetic on the wall clock, the same on every node.

    wall clock  ORIGIN      +2 s      +4 s      +6 s      +8 s  (now = +9 s)
                │ segment 0 │ segment 1 │ segment 2 │ segment 3 │ 4, being made …
                                                     newest ───┘

Segment ``n`` covers ``[ORIGIN + 2n, ORIGIN + 2n + 2)`` and can be fetched from its end on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

ORIGIN: Final = 1_735_689_600
"""2025-01-01T00:00:00Z in Unix seconds. Media time counts from here rather than from 1970, so that an fMP4 time
in seconds stays below 2^31 and exact to the microsecond in the floating point numbers that players use."""

SEGMENT_SECONDS: Final = 2
"""Seconds of media in a segment, and the target duration of every playlist."""

WINDOW: Final = 6
"""Segments in a media playlist. RFC 8216 §6.2.2 asks for three target durations at least; players that start three
segments behind the live edge (hls.js) keep as much behind them as before them."""

GRACE: Final = WINDOW + 1
"""Expired segments that are still served. RFC 8216 §6.2.2: a segment stays available, after it left the playlist,
for its own duration plus that of the longest playlist that held it."""


def newest(now: float) -> int:
    """Return the number of the last segment that is complete at ``now`` (Unix seconds)."""
    return int((now - ORIGIN) // SEGMENT_SECONDS) - 1


def listed(now: float) -> range:
    """Return the segments that a playlist written at ``now`` holds, oldest first."""
    last = newest(now)
    return range(max(0, last - WINDOW + 1), last + 1)


def available(number: int, now: float) -> bool:
    """Say whether segment ``number`` is served at ``now``: listed, or expired only just."""
    last = newest(now)
    return number >= 0 and last - WINDOW - GRACE < number <= last


def starts_at(number: int) -> int:
    """Return the Unix second at which segment ``number`` begins."""
    return ORIGIN + number * SEGMENT_SECONDS


def program_date_time(number: int) -> str:
    """Return the start of segment ``number`` as ISO 8601 with milliseconds, UTC."""
    start = datetime.fromtimestamp(starts_at(number), tz=UTC)
    return f"{start:%Y-%m-%dT%H:%M:%S}.000Z"
