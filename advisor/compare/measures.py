"""What is compared: each measure is a figure over some seconds, made of sums and sketches that can be added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from advisor.foreign import Count, Timing

Unit: TypeAlias = Literal["requests/s", "bit/s", "share", "s", "viewers", "1/s"]
Better: TypeAlias = Literal["less", "more", "neither"]
"""Which way is good news; ``neither`` where more may be more service or more waste."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A sum per second."""

    count: Count


@dataclass(frozen=True, slots=True)
class Ratio:
    """One sum over another, or over several."""

    part: Count
    whole: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Quantile:
    """Of all samples together."""

    timing: Timing
    share: float


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest second: exact, and without an interval, because resampling cannot tell one for an extreme."""

    count: Count


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of a comparison; the texts name it ``measure_NAME``."""

    name: str
    unit: Unit
    better: Better
    figure: Rate | Ratio | Quantile | Peak


def _quantiles(name: str, timing: Timing, *percents: int) -> tuple[Measure, ...]:
    return tuple(Measure(f"{name}_p{percent}", "s", "less", Quantile(timing, percent / 100)) for percent in percents)


MEASURES: Final = (
    Measure("requests", "requests/s", "neither", Rate("requests")),
    Measure("wire", "bit/s", "neither", Rate("wire_bits")),
    Measure("errors", "share", "less", Ratio("failed", ("requests",))),
    *_quantiles("ttfb", "segment_ttfb", 50, 95, 99),
    *_quantiles("segment", "segment_total", 50, 95, 99),
    *_quantiles("playlist", "playlist_total", 95),
    *_quantiles("request", "request_total", 50, 95, 99),
    *_quantiles("startup", "startup", 50, 95),
    Measure("stalls", "share", "less", Ratio("stall_seconds", ("play_seconds", "stall_seconds"))),
    *_quantiles("latency", "live_latency", 50, 95),
    Measure("bitrate", "bit/s", "more", Ratio("bits_played", ("play_seconds",))),
    Measure("joins_failed", "share", "less", Ratio("exits_before_start", ("joins",))),
    Measure("reconnects", "1/s", "less", Rate("reconnects")),
    Measure("viewers", "viewers", "neither", Peak("viewers")),
    Measure("cpu", "share", "neither", Ratio("cpu", ("generators",))),
    Measure("lag_p99", "s", "neither", Quantile("lag", 0.99)),
)
