"""dash.js 5.1.1 with its default configuration (src/core/Settings.js, `defaultSettings`, commit ccf3b95)."""

from __future__ import annotations

import math

from pydantic import Field, NonNegativeInt

from loadtests.abr import Adaptation, Ladder, Load, Throughput, highest
from loadtests.players import Player
from loadtests.session import RequestKind
from loadtests.units import Bitrate, Duration


class DashJs(Player):
    """The reference player of DASH, its rules applied to HLS playlists: few retries, equally far apart, then the end.

    Beside each field stands the dash.js setting it holds. HTTPLoader.js retries whatever is not a 2xx, a 4xx too. A
    segment out of retries takes its only base URL out of use (StreamProcessor.js, `_handleFragmentLoadingError`), and
    a manifest out of retries is not asked for again (ManifestUpdater.js, `_onManifestLoaded`): that is giving up.
    """

    live_edge: float = Field(default=4.0, gt=0, le=100)
    """FRAGMENT_DURATION_FACTOR (PlaybackController.js): four segments behind live where the manifest says nothing."""
    buffer_goal: Duration = Field(default=18.0, gt=0, le=600)
    """streaming.buffer.bufferTimeDefault; a live viewer has no more than its distance from live anyway."""

    playlist_timeout: Duration = Field(default=10.0, gt=0)
    """streaming.manifestRequestTimeout, of the master playlist too."""
    playlist_retries: NonNegativeInt = 3
    """streaming.retryAttempts.MPD, of the master playlist too."""
    playlist_retry_delay: Duration = Field(default=0.5, ge=0)
    """streaming.retryIntervals.MPD."""
    segment_timeout: Duration = Field(default=20.0, gt=0)
    """streaming.fragmentRequestTimeout, of init segments and keys too."""
    segment_retries: NonNegativeInt = 3
    """streaming.retryAttempts.MediaSegment and InitializationSegment."""
    segment_retry_delay: Duration = Field(default=1.0, ge=0)
    """streaming.retryIntervals.MediaSegment and InitializationSegment."""
    longest_retry_delay: Duration = Field(default=8.0, ge=0)
    """Where decorrelated jitter ends; dash.js's own delays do not grow."""

    default_estimate: Bitrate = Field(default=1e6, gt=0)
    """DEFAULT_VIDEO_BITRATE (AbrController.js)."""
    fast_half_life: Duration = Field(default=3.0, gt=0)
    """streaming.abr.throughput.ewma.throughputFastHalfLifeSeconds."""
    slow_half_life: Duration = Field(default=8.0, gt=0)
    """streaming.abr.throughput.ewma.throughputSlowHalfLifeSeconds."""
    safety_factor: float = Field(default=0.9, gt=0, le=1)
    """streaming.abr.throughput.bandwidthSafetyFactor."""
    low_buffer_factor: float = Field(default=0.7, gt=0, le=1)
    """streaming.abr.rules.insufficientBufferRule.parameters.throughputSafetyFactor."""

    def first_byte_timeout(self, kind: RequestKind) -> float:  # noqa: ARG002
        """Seconds without a first byte: dash.js has no such limit."""
        return math.inf

    def timeout(self, kind: RequestKind) -> float:
        """Seconds a whole request of this kind may take."""
        return self.playlist_timeout if kind in ("master", "playlist") else self.segment_timeout

    def retry_delay(self, kind: RequestKind, attempt: int, *, timed_out: bool) -> float | None:  # noqa: ARG002
        """Seconds to wait before retry number ``attempt`` (from 0), or None to give up.

        src/streaming/net/HTTPLoader.js, `_retriggerRequest`: the same delay each time, after time-outs too.
        """
        if kind in ("master", "playlist"):
            return self.playlist_retry_delay if attempt < self.playlist_retries else None
        return self.segment_retry_delay if attempt < self.segment_retries else None

    def adaptation(self) -> Adaptation:
        """One viewer's choice of renditions, at its beginning."""
        return Choice(self)


class Choice(Adaptation):
    """The lower of ThroughputRule.js and InsufficientBufferRule.js, measured as in ThroughputModel.js.

    Left out: BOLA, which takes over only while the buffer is as long as the live delay (AbrController.js,
    `_updateDynamicAbrStrategy`), which it never quite is; the history of switches; abandoning a segment.
    """

    WEIGHT = 1.5
    """Per second of download (weightDownloadTimeMultiplicationFactor, 0.0015 per millisecond)."""
    IGNORED = 2
    """Segments before the buffer is looked at (segmentIgnoreCount)."""

    def __init__(self, rules: DashJs) -> None:
        self._rules = rules
        self._throughput = Throughput(rules.fast_half_life, rules.slow_half_life)
        self._segments = 0

    def start(self, ladder: Ladder, first: float) -> int:  # noqa: ARG002
        """`getInitialBitrateFor`, without what the browser remembers of an earlier visit."""
        return highest(ladder, self._rules.default_estimate)

    def next(self, ladder: Ladder, level: int, load: Load) -> int:  # noqa: ARG002
        """From the first byte on; both rules choose among the peaks."""
        seconds = max(load.came - load.first, 0.001)
        self._throughput.sample(self.WEIGHT * seconds, 8 * load.size / seconds)
        self._segments += 1
        bits = self._throughput.value * self._rules.safety_factor
        if self._segments > self.IGNORED and load.duration > 0:
            held = self._throughput.value * self._rules.low_buffer_factor * load.buffered / load.duration
            bits = min(bits, held)
        return highest(ladder, bits)
