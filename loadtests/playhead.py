"""The arithmetic of watching: what is buffered, when it runs dry, how far behind live the picture is. No I/O.

A buffer that drains at real time needs no ticking: while playing, everything follows from `Playhead.dry_at`, the
moment when it will be empty. Each segment moves that moment; whoever sleeps until it finds either an empty
buffer (a stall) or a later moment.
"""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias

from loadtests.playlist import Media
from loadtests.session import Tally

State: TypeAlias = Literal["waiting", "playing", "stalled", "gone"]

LOOK_UP_TOLERANCE: Final = 0.25
"""Seconds; a start position this close to the end of a segment means the next one (hls.js maxFragLookUpTolerance)."""
CLOCK_JUMP: Final = 0.05
"""Seconds; program time moves this much against media time before it counts as a jump, not as rounding."""
ROUNDING: Final = 1e-6
"""Seconds that two ways of adding up the same durations may differ by."""
JUMPS_KEPT: Final = 16
"""More program time jumps than that in one buffer are noise, not a stream."""


def live_start(media: Media, distance: float) -> tuple[int, float]:
    """Where to start: the segment's sequence number and the seconds into it, ``distance`` seconds before the end.

    RFC 8216 §6.3.3: not less than three target durations from the end. Like hls.js (latency-controller,
    `liveSyncPosition`) never before the first segment and never less than one target duration from the end. A
    stream that has ended starts at its beginning.
    """
    if media.ended:
        return media.media_sequence, 0.0
    position = max(media.duration - max(distance, media.target_duration), 0.0)
    for segment in reversed(media.segments):
        if segment.offset <= position + LOOK_UP_TOLERANCE:
            return segment.sequence, max(position - segment.offset, 0.0)
    return media.media_sequence, 0.0


class Playhead:
    """One viewer's buffer and picture; tells the `Tally` what happens, when it happens. Times are run seconds.

    *waiting* until the first segment is in, then *playing*; *stalled* when the buffer runs dry, until the next
    segment is in. The media clock counts the seconds of media put in so far; discontinuities and skipped
    segments do not disturb it, for it never looks at timestamps.
    """

    __slots__ = (
        "bitrate",
        "clock",
        "dry_at",
        "epoch",
        "joined_at",
        "jumps",
        "stalled_at",
        "state",
        "stood",
        "tally",
        "turns",
    )

    def __init__(self, tally: Tally, epoch: float) -> None:
        self.tally = tally
        self.epoch = epoch
        self.state: State = "waiting"
        self.joined_at = math.nan
        self.bitrate = 0.0
        """Bits per second of the picture; set before the first segment."""
        self.dry_at = math.inf
        """When the buffer will be empty; infinite unless playing."""
        self.clock = 0.0
        """Seconds of media put in so far."""
        self.jumps: tuple[tuple[float, float], ...] = ()
        """From which media clock on which program time holds, as (clock, program time − clock)."""
        self.turns: tuple[tuple[float, float], ...] = ()
        """From which media clock on the picture has another bit rate, as (clock, bits per second)."""
        self.stalled_at = math.inf
        """When the picture stopped, if it stands still."""
        self.stood = 0.0
        """Seconds of all stalls that are over."""

    def join(self, at: float) -> None:
        """The viewer presses play."""
        self.joined_at = at
        self.tally.joined(at)

    def buffered(self, at: float) -> float:
        """Seconds of media ahead of the picture."""
        return max(self.dry_at - at, 0.0) if self.state == "playing" else 0.0

    def add(self, duration: float, at: float, program_time: float | None, behind: float | None) -> bool:
        """Put in ``duration`` seconds of media; True when that sets the picture in motion.

        ``program_time`` is the wall clock of its first frame. ``behind`` is how far the end of this media is
        from the estimated live edge, used where there is no program time.
        """
        if duration <= 0.0:
            return False
        if program_time is not None:
            self._note(program_time)
        self.clock += duration
        moving = self._extend(duration, at)
        latency = self.latency(at, behind)
        if latency is not None:
            self.tally.live_latency(latency)
        return moving

    def turn(self, bitrate: float) -> None:
        """What is put in from now on has another bit rate; the picture changes when it comes to it."""
        if self.state == "waiting":
            self.bitrate = bitrate
        else:
            self.turns = (*self.turns, (self.clock, bitrate))

    @property
    def due(self) -> float:
        """When something happens by itself: the picture comes to another bit rate, or the buffer runs dry."""
        return self.dry_at - (self.clock - self.turns[0][0]) if self.turns else self.dry_at

    def show(self, at: float) -> None:
        """Tell the changes of bit rate that the picture has come to by ``at``."""
        while self.turns and (moment := self.due) <= at + ROUNDING:
            before, self.bitrate = self.bitrate, self.turns[0][1]
            self.turns = self.turns[1:]
            self.tally.switched(min(moment, at), before, self.bitrate)

    def dry(self, at: float) -> None:
        """Nobody put anything in before ``dry_at``: the picture stands still since then."""
        if self.state == "playing" and self.dry_at <= at:
            self.show(self.dry_at)
            self.state, self.stalled_at = "stalled", self.dry_at
            self.tally.stalled(self.dry_at, self.bitrate)
            self.dry_at = math.inf

    def finish(self) -> None:
        """The last frame of a stream that has ended was shown; that is no stall."""
        self.show(self.dry_at)
        self.dry_at = math.inf

    def leave(self, at: float) -> None:
        """The viewer is gone."""
        if self.dry_at < at:
            self.dry(at)
        self.show(at)
        assert self.state != "gone"
        self.tally.left(at, self.state, self.bitrate if self.state == "playing" else 0.0)
        self.state, self.turns, self.dry_at = "gone", (), math.inf  # what was buffered is shown to nobody

    def latency(self, at: float, behind: float | None) -> float | None:
        """Seconds from the picture to live: by the wall clock where there is program time, else by the live edge."""
        buffered = self.buffered(at)
        if not self.jumps:
            return None if behind is None else buffered + behind
        shown = self.clock - buffered
        while len(self.jumps) > 1 and self.jumps[1][0] <= shown:
            self.jumps = self.jumps[1:]
        return max(self.epoch + at - (shown + self.jumps[0][1]), 0.0)

    def _extend(self, duration: float, at: float) -> bool:
        if self.dry_at < at:
            self.dry(at)
        if self.state == "playing":
            self.dry_at += duration
            return False
        before, self.state = self.state, "playing"
        self.dry_at = at + duration
        if before == "waiting":
            self.tally.started(at, at - self.joined_at, self.bitrate)
        else:
            self.tally.resumed(at, self.bitrate)
            self.stood += at - self.stalled_at
            self.show(at)
        return True

    def _note(self, program_time: float) -> None:
        shift = program_time - self.clock
        if not self.jumps or abs(shift - self.jumps[-1][1]) > CLOCK_JUMP:
            self.jumps = (*self.jumps[1 - JUMPS_KEPT :], (self.clock, shift))
