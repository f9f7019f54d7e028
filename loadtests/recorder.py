"""Adds outcomes up into one-second windows. Levels (viewers, playing, stalled) are integrated over time exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

from loadtests.cached import LIFETIMES, OTHER, SERVED, Cached, CacheState
from loadtests.results import Players, Requests, Window
from loadtests.session import ErrorKind, RequestKind
from loadtests.sketch import Sketch

PlayState = Literal["waiting", "playing", "stalled"]
_COUNTERS: Final = ("joins", "starts", "exits_before_start", "leaves", "stalls", "switches", "skipped_segments")


class RequestSums:
    """Requests of one kind in the second under way."""

    __slots__ = (
        "bytes",
        "cache",
        "cache_age",
        "cache_states",
        "cache_vendors",
        "cancelled",
        "count",
        "errors",
        "head_bytes",
        "lifetimes",
        "refused_bytes",
        "retries",
        "total",
        "ttfb",
    )

    def __init__(self) -> None:
        self.count = self.cancelled = self.bytes = self.head_bytes = self.refused_bytes = self.retries = 0
        self.errors: dict[ErrorKind, int] = {}
        self.cache: dict[Literal["hit", "miss"], int] = {}
        self.cache_states: dict[CacheState, int] = {}
        self.cache_vendors: dict[str, int] = {}
        self.cache_age: list[float] = []
        self.lifetimes: dict[str, int] = {}
        self.ttfb: list[float] = []
        self.total: list[float] = []

    def freeze(self) -> Requests:
        """The sums as they go into a window."""
        sums = {name: getattr(self, name) for name in self.__slots__}
        sums |= {name: Sketch.of(getattr(self, name)) for name in ("ttfb", "total", "cache_age")}
        return Requests.model_construct(**sums)


class Lived:
    """Levels integrated over time."""

    __slots__ = ("bitrate_seconds", "play_seconds", "stall_seconds")

    def __init__(self) -> None:
        self.play_seconds = self.stall_seconds = self.bitrate_seconds = 0.0

    def add(self, tally: CohortTally, span: float) -> None:
        """``span`` seconds at the present levels."""
        self.play_seconds += tally.playing * span
        self.stall_seconds += tally.stalling * span
        self.bitrate_seconds += tally.bitrate * span


class Rungs:
    """Seconds played at each bit rate, from changes alone: each counts for what is left of its second."""

    __slots__ = ("_moved", "_moved_next", "_playing")

    def __init__(self) -> None:
        self._playing: dict[int, int] = {}
        self._moved: dict[int, tuple[int, float]] = {}
        self._moved_next: dict[int, tuple[int, float]] = {}

    def change(self, bitrate: float, by: int, left: float) -> None:
        """``by`` more play at this bit rate, ``left`` seconds before the second ends (behind its end: below 0)."""
        moved, left = (self._moved, left) if left >= 0 else (self._moved_next, left + 1.0)
        count, area = moved.get(round(bitrate), (0, 0.0))
        moved[round(bitrate)] = (count + by, area + by * left)

    def close(self) -> dict[int, float]:
        """What the second under way comes to; the next one begins."""
        lived: dict[int, float] = {bitrate: float(count) for bitrate, count in self._playing.items()}
        for bitrate, (count, area) in self._moved.items():
            lived[bitrate] = lived.get(bitrate, 0.0) + area
            self._playing[bitrate] = self._playing.get(bitrate, 0) + count
            if not self._playing[bitrate]:
                del self._playing[bitrate]
        self._moved, self._moved_next = self._moved_next, {}
        return {bitrate: found for bitrate, some in lived.items() if (found := round(some, 6)) > 0}


class CohortTally:
    """What one region × cohort lives through from ``second`` on; the `Tally` that its sessions report to."""

    def __init__(self, region: str, cohort: str, second: int = 0) -> None:
        self.region, self.cohort = region, cohort
        self.viewers = self.playing = self.stalling = 0
        self.bitrate = 0.0
        self._since = 0.0
        self._ends = second + 1.0
        self._lived, self._lived_next = Lived(), Lived()
        self._rungs = Rungs()
        self._begin_second()

    def _begin_second(self) -> None:
        self.requests: dict[RequestKind, RequestSums] = {}
        self.counts = dict.fromkeys(_COUNTERS, 0)
        self.failures: dict[str, int] = {}
        self.abandonments: dict[str, int] = {}
        self.startup, self.latency = Sketch(), Sketch()
        self.reconnects = 0
        self.touched = False

    def _advance(self, at: float) -> None:
        """Integrate until ``at``; what lies behind the end of the second under way belongs to the next."""
        if at <= self._since:
            return
        if self._since < self._ends < at:
            self._lived.add(self, self._ends - self._since)
            self._since = self._ends
        (self._lived if at <= self._ends else self._lived_next).add(self, at - self._since)
        self._since = at

    def _play(self, bitrate: float) -> None:
        self.playing += 1
        self.bitrate += bitrate
        self._rungs.change(bitrate, 1, self._ends - self._since)

    def _stop_playing(self, bitrate: float) -> None:
        self.playing -= 1
        self._rungs.change(bitrate, -1, self._ends - self._since)
        self.bitrate = self.bitrate - bitrate if self.playing else 0.0  # no rounding error outlives the last viewer

    def _count(self, what: str, at: float) -> None:
        self._advance(at)
        self.counts[what] += 1
        self.touched = True

    def joined(self, at: float) -> None:
        """The viewer pressed play."""
        self._count("joins", at)
        self.viewers += 1

    def started(self, at: float, startup: float, bitrate: float) -> None:
        """The first frame is shown."""
        self._count("starts", at)
        self.startup.add(startup)
        self._play(bitrate)

    def stalled(self, at: float, bitrate: float) -> None:
        """The buffer ran dry."""
        self._count("stalls", at)
        self._stop_playing(bitrate)
        self.stalling += 1

    def resumed(self, at: float, bitrate: float) -> None:
        """Playing again."""
        self._advance(at)
        self.stalling -= 1
        self._play(bitrate)

    def switched(self, at: float, before: float, after: float) -> None:
        """Another variant from now on."""
        self._count("switches", at)
        self.bitrate += after - before
        self._rungs.change(before, -1, self._ends - self._since)
        self._rungs.change(after, 1, self._ends - self._since)

    def live_latency(self, seconds: float) -> None:
        """Distance of the playhead from the live moment."""
        self.latency.add(seconds)

    def media_error(self, kind: RequestKind, reason: ErrorKind) -> None:
        """A response that was of no use."""
        errors = self.sums(kind).errors
        errors[reason] = errors.get(reason, 0) + 1

    def body(self, kind: RequestKind, size: int) -> None:
        """Body bytes came."""
        self.sums(kind).bytes += size

    def responded(
        self,
        kind: RequestKind,
        status: int,
        *,
        size: int,
        head: int,
        ttfb: float,
        total: float,
        told: int,
    ) -> None:
        """A whole response came, whatever its status; only good ones count among the latencies.

        ``told`` of its ``size`` body bytes were counted by `body` when they came, the others and its ``head`` bytes
        count now.
        """
        sums = self.requests.get(kind) or self.sums(kind)
        sums.count += 1
        sums.head_bytes += head
        sums.bytes += size - told
        if status < 400:
            sums.ttfb.append(ttfb)
            sums.total.append(total)
        else:
            reason: ErrorKind = "http_4xx" if status < 500 else "http_5xx"
            sums.errors[reason] = sums.errors.get(reason, 0) + 1
            sums.refused_bytes += size + head

    def cached(self, kind: RequestKind, said: Cached) -> None:
        """A response said something of caches."""
        sums = self.sums(kind)
        state, vendor, lifetime, age = said
        if state:
            how: Literal["hit", "miss"] = "hit" if state in SERVED else "miss"
            sums.cache[how] = sums.cache.get(how, 0) + 1
            sums.cache_states[state] = sums.cache_states.get(state, 0) + 1
        if vendor:
            sums.cache_vendors[vendor] = sums.cache_vendors.get(vendor, 0) + 1
        if age >= 0:
            sums.cache_age.append(age)
        if lifetime:
            counts = sums.lifetimes
            key = lifetime if lifetime in counts or len(counts) < LIFETIMES else OTHER
            counts[key] = counts.get(key, 0) + 1

    def request_failed(self, kind: RequestKind, reason: ErrorKind, *, head: int) -> None:
        """No whole response came."""
        errors = self._ended(kind, head).errors
        errors[reason] = errors.get(reason, 0) + 1

    def request_cancelled(self, kind: RequestKind, *, head: int) -> None:
        """The run ended first."""
        self._ended(kind, head).cancelled += 1

    def _ended(self, kind: RequestKind, head: int) -> RequestSums:
        sums = self.sums(kind)
        sums.count += 1
        sums.head_bytes += head
        return sums

    def retried(self, kind: RequestKind) -> None:
        """What failed is asked for again."""
        self.sums(kind).retries += 1

    def skipped(self, segments: int) -> None:
        """Segments that left the live window unfetched."""
        self.counts["skipped_segments"] += segments
        self.touched = True

    def gave_up(self, reason: str) -> None:
        """The player stopped trying."""
        self.failures[reason] = self.failures.get(reason, 0) + 1
        self.touched = True

    def abandoned(self, reason: str) -> None:
        """The viewer had had enough."""
        self.abandonments[reason] = self.abandonments.get(reason, 0) + 1
        self.touched = True

    def left(self, at: float, state: PlayState, bitrate: float) -> None:
        """The visit is over."""
        self._count("leaves", at)
        self.viewers -= 1
        if state == "playing":
            self._stop_playing(bitrate)
        elif state == "stalled":
            self.stalling -= 1
        else:
            self.counts["exits_before_start"] += 1

    def sums(self, kind: RequestKind) -> RequestSums:
        """The running sums of one request kind."""
        sums = self.requests.get(kind)
        if sums is None:
            sums = self.requests[kind] = RequestSums()
        return sums

    def close_second(self, at: int) -> Window | None:
        """The window of second ``at``, which just ended; None when nothing was there."""
        self._advance(at + 1.0)
        lived = self._lived.play_seconds or self._lived.stall_seconds
        quiet = not (self.requests or self.touched or self.viewers or lived)
        rungs = self._rungs.close()
        window = None if quiet else self._window(at, rungs)
        self._lived, self._lived_next, self._ends = self._lived_next, Lived(), at + 2.0
        self._begin_second()
        return window

    def _window(self, at: int, rungs: dict[int, float]) -> Window:
        players: dict[str, Any] = {
            "viewers": self.viewers,
            **self.counts,
            "failures": self.failures,
            "abandonments": self.abandonments,
            "startup": self.startup,
            "live_latency": self.latency,
            "play_seconds": round(self._lived.play_seconds, 6),
            "stall_seconds": round(self._lived.stall_seconds, 6),
            "bitrate_seconds": round(max(self._lived.bitrate_seconds, 0.0), 3),
            "rungs": rungs,
            "reconnects": self.reconnects,
        }
        return Window.model_construct(
            at=at,
            region=self.region,
            cohort=self.cohort,
            requests={kind: sums.freeze() for kind, sums in self.requests.items()},
            players=Players.model_construct(**players),
        )


class Recorder:
    """The tallies of one process."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], CohortTally] = {}
        self.second = 0
        """The second under way."""

    def tally(self, region: str, cohort: str) -> CohortTally:
        """Where the viewers of a cohort report to."""
        key = (region, cohort)
        if key not in self._tallies:
            self._tallies[key] = CohortTally(region, cohort, self.second)
        return self._tallies[key]

    @property
    def viewers(self) -> int:
        """Viewers present now."""
        return sum(tally.viewers for tally in self._tallies.values())

    def close_until(self, at: float) -> Iterator[Window]:
        """The windows of every second that ended by ``at``."""
        while self.second + 1 <= at:
            for tally in self._tallies.values():
                window = tally.close_second(self.second)
                if window is not None:
                    yield window
            self.second += 1
