"""hls.js 1.7 with its default configuration (src/config.ts, `hlsDefaultConfig`, commit afe5b8b)."""

from __future__ import annotations

import math

from pydantic import Field, NonNegativeInt

from loadtests.players import Player
from loadtests.session import RequestKind
from loadtests.units import Duration


class HlsJs(Player):
    """The most used HLS player of the web: three target durations behind live, retries without jitter.

    Beside each field stands the hls.js setting it holds. Where hls.js has one policy for all renditions this
    viewer has only one rendition, so what hls.js does *without an alternate* is what applies (docs/viewer.md).
    """

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

    timeout_retry_delay: Duration = Field(default=0.0, ge=0)
    """timeoutRetry.retryDelayMs of all three: the time-out was wait enough."""
    error_retry_delay: Duration = Field(default=1.0, ge=0)
    """errorRetry.retryDelayMs of all three; doubles with each retry."""
    longest_retry_delay: Duration = Field(default=8.0, ge=0)
    """errorRetry.maxRetryDelayMs of all three."""

    def first_byte_timeout(self, kind: RequestKind) -> float:
        """Seconds without a first byte before a request of this kind counts as failed."""
        return math.inf if kind == "master" else self.first_byte

    def timeout(self, kind: RequestKind) -> float:
        """Seconds a whole request of this kind may take."""
        match kind:
            case "master":
                return self.master_timeout
            case "playlist":
                return self.playlist_timeout
            case _:
                return self.segment_timeout

    def retry_delay(self, kind: RequestKind, attempt: int, *, timed_out: bool) -> float | None:
        """Seconds to wait before retry number ``attempt`` (from 0), or None to give up.

        src/utils/error-helper.ts, `getRetryDelay`: min(2^n × retryDelayMs, maxRetryDelayMs), no jitter.
        """
        if attempt >= self._retries(kind, timed_out=timed_out):
            return None
        if timed_out:
            return self.timeout_retry_delay
        return min(2.0 ** min(attempt, 64) * self.error_retry_delay, self.longest_retry_delay)

    def _retries(self, kind: RequestKind, *, timed_out: bool) -> int:
        match kind:
            case "master":
                return self.master_timeout_retries if timed_out else self.master_error_retries
            case "playlist":
                return self.playlist_timeout_retries if timed_out else self.playlist_error_retries
            case _:
                return self.segment_timeout_retries if timed_out else self.segment_error_retries
