"""Shaka Player 5.2 with its default configuration (lib/util/player_configuration.js, commit 35b290e)."""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import Field, NonNegativeInt

from loadtests.abr import Adaptation, Ladder, Load, Throughput
from loadtests.players import Player
from loadtests.retries import Jitter
from loadtests.session import RequestKind
from loadtests.units import Bitrate, Duration


class Shaka(Player):
    """Two tries a request, half a delay of jitter either way, and on a live stream again from the start for ever.

    Beside each field stands the Shaka setting it holds. A request that has failed twice ends loading; once the stream
    plays it is begun again: a playlist by the parser, a segment by the default failure callback. Not modelled: the
    stall time-out (5 s without progress), and the 30 s in which a failing variant is put aside for another.
    """

    first_playlist_as_master: ClassVar[bool] = True
    """`Player.load` fails with the first playlist."""

    live_edge: float = Field(default=3.0, gt=0, le=100)
    """manifest.hls.liveSegmentsDelay."""
    buffer_goal: Duration = Field(default=10.0, gt=0, le=600)
    """streaming.bufferingGoal."""
    jitter: Jitter = "fuzz"
    """retryParameters.fuzzFactor 0.5: "to avoid tons of clients hitting the server at once after it recovers"."""
    connect: Duration = Field(default=10.0, gt=0)
    """retryParameters.connectionTimeout: until the first bytes."""
    whole: Duration = Field(default=30.0, gt=0)
    """retryParameters.timeout."""
    retries: NonNegativeInt = 1
    """retryParameters.maxAttempts, less the first one."""
    retry_delay_start: Duration = Field(default=1.0, ge=0)
    """retryParameters.baseDelay."""
    backoff_factor: float = Field(default=2.0, ge=1, le=10)
    """retryParameters.backoffFactor."""
    longest_retry_delay: Duration = Field(default=8.0, ge=0)
    """Where decorrelated jitter ends; Shaka itself has no such limit."""
    playlist_pause: Duration = Field(default=0.1, ge=0)
    """Before a playlist is begun again (lib/hls/hls_parser.js, `onUpdate_`)."""
    streaming_pause: Duration = Field(default=1.0, ge=0)
    """Before a segment is begun again (lib/player.js, `defaultStreamingFailureCallback_`), on top of another delay."""
    timed_out_pause: Duration = Field(default=0.1, ge=0)
    """The same after a time-out."""

    default_estimate: Bitrate = Field(default=1e6, gt=0)
    """abr.defaultBandwidthEstimate, where the browser tells of no network."""
    fast_half_life: Duration = Field(default=2.0, gt=0)
    """abr.advanced.fastHalfLife."""
    slow_half_life: Duration = Field(default=5.0, gt=0)
    """abr.advanced.slowHalfLife."""
    up_target: float = Field(default=0.85, gt=0, le=1)
    """abr.bandwidthUpgradeTarget."""
    down_target: float = Field(default=0.95, gt=0, le=1)
    """abr.bandwidthDowngradeTarget."""
    switch_interval: Duration = Field(default=8.0, ge=0)
    """abr.switchInterval."""

    def first_byte_timeout(self, kind: RequestKind) -> float:  # noqa: ARG002
        """Seconds without a first byte before a request of this kind counts as failed."""
        return self.connect

    def timeout(self, kind: RequestKind) -> float:  # noqa: ARG002
        """Seconds a whole request of this kind may take."""
        return self.whole

    def retry_delay(self, kind: RequestKind, attempt: int, *, timed_out: bool) -> float | None:
        """Seconds to wait before retry number ``attempt`` (from 0), or None to give up.

        lib/net/backoff.js within a request; when its tries are used up lib/media/streaming_engine.js,
        `handleStreamingError_`, waits a backoff of its own and calls back, for ever.
        """
        if kind == "master" and attempt >= self.retries:
            return None
        turn = attempt % (self.retries + 1)
        if turn < self.retries:
            return self.retry_delay_start * self.backoff_factor**turn
        again = 0.0 if kind == "playlist" else self.retry_delay_start
        return again + self.steady_delay(kind, attempt, timed_out=timed_out)

    def steady_delay(self, kind: RequestKind, attempt: int, *, timed_out: bool) -> float:
        """The part of that delay that jitter leaves alone: that of parser and failure callback."""
        if attempt % (self.retries + 1) < self.retries:
            return 0.0
        if kind == "playlist":
            return self.playlist_pause
        return self.timed_out_pause if timed_out else self.streaming_pause

    def adaptation(self) -> Adaptation:
        """One viewer's choice of renditions, at its beginning."""
        return Choice(self)


class Choice(Adaptation):
    """lib/abr/simple_abr_manager.js and ewma_bandwidth_estimator.js; one sample a segment, not one every 16 kB.

    Its times hold the wait for the first byte. In `chooseVariant` the last variant wins whose range holds the estimate,
    and ranges overlap: the upgrade target never keeps a variant back that the downgrade target allows.
    """

    LEAST: ClassVar[int] = 16_000
    """Bytes of a sample that counts (minBytes)."""
    ENOUGH: ClassVar[int] = 128_000
    """Bytes before the estimate is believed (minTotalBytes)."""
    CACHED: ClassVar[float] = 0.005
    """Seconds: what comes sooner is taken as from a cache (cacheLoadThreshold)."""

    def __init__(self, rules: Shaka) -> None:
        self._rules = rules
        self._throughput = Throughput(rules.fast_half_life, rules.slow_half_life)
        self._bytes = 0
        self._chosen_at = -math.inf
        """When it was last chosen on an estimate."""

    def start(self, ladder: Ladder, first: float) -> int:  # noqa: ARG002
        """On the default estimate."""
        return self._choose(ladder, self._rules.default_estimate)

    def next(self, ladder: Ladder, level: int, load: Load) -> int:
        """`segmentDownloaded`, `suggestStreams_`: not again within the switch interval."""
        seconds = load.came - load.asked
        if seconds >= self.CACHED and load.size >= self.LEAST:
            self._throughput.sample(seconds, 8 * load.size / seconds)
            self._bytes += load.size
        if self._bytes < self.ENOUGH or load.came - self._chosen_at < self._rules.switch_interval:
            return level
        self._chosen_at = load.came
        return self._choose(ladder, self._throughput.value)

    def _choose(self, ladder: Ladder, estimate: float) -> int:
        chosen = 0
        for level, rung in enumerate(ladder):
            above = ladder[level + 1].peak if level + 1 < len(ladder) else math.inf
            if rung.peak / self._rules.down_target <= estimate <= above / self._rules.up_target:
                chosen = level
        return chosen
