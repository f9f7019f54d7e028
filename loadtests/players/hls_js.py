"""hls.js 1.7 with its default configuration (src/config.ts, `hlsDefaultConfig`, commit afe5b8b)."""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import Field, NonNegativeInt

from loadtests.abr import Adaptation, Ewma, Ladder, Load, Throughput, highest
from loadtests.players import Player
from loadtests.session import RequestKind
from loadtests.units import Bitrate, Duration


class HlsJs(Player):
    """The most used HLS player of the web: three target durations behind live, retries without jitter.

    Beside each field stands the hls.js setting it holds. When a rendition fails, this viewer does not turn to another,
    so what hls.js does *without an alternate* is what applies (docs/viewer.md).
    """

    final_refusals: ClassVar[frozenset[RequestKind]] = frozenset({"master", "key", "segment"})
    """src/utils/error-helper.ts, `retryForHttpStatus`: not after a 4xx. base-playlist-controller.ts, `checkRetry`, and
    init segments have no alternate to turn to and are retried all the same."""
    leaves_gaps: ClassVar[bool] = True
    """base-stream-controller.ts: onFragmentOrKeyLoadError, `treatAsGap`."""

    live_edge: float = Field(default=3.0, gt=0, le=100)
    """liveSyncDurationCount."""
    buffer_goal: Duration = Field(default=30.0, gt=0, le=600)
    """maxBufferLength."""
    first_byte: Duration = Field(default=10.0, gt=0)
    """playlistLoadPolicy and fragLoadPolicy maxTimeToFirstByteMs; manifestLoadPolicy has none."""

    master_timeout: Duration = Field(default=20.0, gt=0)
    """manifestLoadPolicy maxLoadTimeMs."""
    master_timeout_retries: NonNegativeInt = 2
    """manifestLoadPolicy timeoutRetry.maxNumRetry."""
    master_error_retries: NonNegativeInt = 1
    """manifestLoadPolicy errorRetry.maxNumRetry."""

    playlist_timeout: Duration = Field(default=20.0, gt=0)
    """playlistLoadPolicy maxLoadTimeMs."""
    playlist_timeout_retries: NonNegativeInt = 2
    """playlistLoadPolicy timeoutRetry.maxNumRetry."""
    playlist_error_retries: NonNegativeInt = 2
    """playlistLoadPolicy errorRetry.maxNumRetry."""

    segment_timeout: Duration = Field(default=120.0, gt=0)
    """fragLoadPolicy maxLoadTimeMs; init segments are fragments too."""
    segment_timeout_retries: NonNegativeInt = 4
    """fragLoadPolicy timeoutRetry.maxNumRetry."""
    segment_error_retries: NonNegativeInt = 6
    """fragLoadPolicy errorRetry.maxNumRetry."""

    key_first_byte: Duration = Field(default=8.0, gt=0)
    """keyLoadPolicy maxTimeToFirstByteMs."""
    key_timeout: Duration = Field(default=20.0, gt=0)
    """keyLoadPolicy maxLoadTimeMs."""
    key_timeout_retries: NonNegativeInt = 1
    """keyLoadPolicy timeoutRetry.maxNumRetry."""
    key_error_retries: NonNegativeInt = 8
    """keyLoadPolicy errorRetry.maxNumRetry."""
    key_retry_delay: Duration = Field(default=1.0, ge=0)
    """keyLoadPolicy retryDelayMs after time-outs and errors; linear: it does not grow."""

    timeout_retry_delay: Duration = Field(default=0.0, ge=0)
    """timeoutRetry.retryDelayMs of all three: the time-out was wait enough."""
    error_retry_delay: Duration = Field(default=1.0, ge=0)
    """errorRetry.retryDelayMs of all three; doubles with each retry."""
    longest_retry_delay: Duration = Field(default=8.0, ge=0)
    """errorRetry.maxRetryDelayMs of all three."""

    default_estimate: Bitrate = Field(default=500e3, gt=0)
    """abrEwmaDefaultEstimate."""
    most_default_estimate: Bitrate = Field(default=5e6, gt=0)
    """abrEwmaDefaultEstimateMax."""
    fast_half_life: Duration = Field(default=3.0, gt=0)
    """abrEwmaFastLive."""
    slow_half_life: Duration = Field(default=9.0, gt=0)
    """abrEwmaSlowLive."""
    keep_factor: float = Field(default=0.95, gt=0, le=1)
    """abrBandWidthFactor."""
    up_factor: float = Field(default=0.7, gt=0, le=1)
    """abrBandWidthUpFactor."""

    def first_byte_timeout(self, kind: RequestKind) -> float:
        """Seconds without a first byte before a request of this kind counts as failed."""
        match kind:
            case "master":
                return math.inf
            case "key":
                return self.key_first_byte
            case _:
                return self.first_byte

    def timeout(self, kind: RequestKind) -> float:
        """Seconds a whole request of this kind may take."""
        match kind:
            case "master":
                return self.master_timeout
            case "playlist":
                return self.playlist_timeout
            case "key":
                return self.key_timeout
            case _:
                return self.segment_timeout

    def retry_delay(self, kind: RequestKind, attempt: int, *, timed_out: bool) -> float | None:
        """Seconds to wait before retry number ``attempt`` (from 0), or None to give up.

        src/utils/error-helper.ts, `getRetryDelay`: min(2^n × retryDelayMs, maxRetryDelayMs); linear for keys.
        """
        if attempt >= self._retries(kind, timed_out=timed_out):
            return None
        if kind == "key":
            return self.key_retry_delay
        if timed_out:
            return self.timeout_retry_delay
        return min(2.0 ** min(attempt, 64) * self.error_retry_delay, self.longest_retry_delay)

    def _retries(self, kind: RequestKind, *, timed_out: bool) -> int:
        match kind:
            case "master":
                return self.master_timeout_retries if timed_out else self.master_error_retries
            case "playlist":
                return self.playlist_timeout_retries if timed_out else self.playlist_error_retries
            case "key":
                return self.key_timeout_retries if timed_out else self.key_error_retries
            case _:
                return self.segment_timeout_retries if timed_out else self.segment_error_retries

    def adaptation(self) -> Adaptation:
        """One viewer's choice of renditions, at its beginning."""
        return Choice(self)


class Choice(Adaptation):
    """src/controller/abr-controller.ts and src/utils/ewma-bandwidth-estimator.ts, for a live stream.

    There the time that a segment would take is not looked at (`findBestLevel`, "live"). Left out: aborting a segment
    that comes too slowly, levels with errors, codecs and frame rates.
    """

    FIRST_BYTE: ClassVar[float] = 0.1
    """Seconds assumed until one was measured (`defaultTTFB`)."""

    def __init__(self, rules: HlsJs) -> None:
        self._rules = rules
        self._estimate = rules.default_estimate
        self._throughput = Throughput(rules.fast_half_life, rules.slow_half_life)
        self._first_byte = Ewma(rules.slow_half_life)

    def start(self, ladder: Ladder, first: float) -> int:
        """`firstAutoLevel`; level-controller.ts raises the default estimate to the first variant listed."""
        self._estimate = max(self._estimate, min(first, self._rules.most_default_estimate))
        return highest(ladder, self._estimate)

    def next(self, ladder: Ladder, level: int, load: Load) -> int:
        """`getNextABRAutoLevel`: the average counts instead of the peak while two segments are buffered."""
        self._measure(load)
        estimate = self._throughput.value
        by_average = load.buffered >= 2 * load.duration
        for candidate in reversed(range(len(ladder))):
            factor = self._rules.up_factor if candidate > level else self._rules.keep_factor
            rung = ladder[candidate]
            if factor * estimate >= (rung.average if by_average else rung.peak):
                return candidate
        return 0

    def _measure(self, load: Load) -> None:
        waited = load.first - load.asked
        self._first_byte.sample(math.sqrt(2) * math.exp(-(waited**2) / 2), max(waited, 0.005))
        seconds = load.came - load.asked - min(waited, self._first_byte.value)
        seconds = max(seconds, min(0.05, load.size / 1e8))
        self._throughput.sample(seconds, 8 * load.size / seconds)
