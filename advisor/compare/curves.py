"""The runs laid over each other, second by second, as small charts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from advisor.compare.measures import MEASURES, Measure, Peak, Quantile, Rate, Ratio
from advisor.compare.resample import quantiles
from advisor.compare.words import fill
from advisor.figures import BIT_UNITS
from advisor.foreign import Floats, Ints, Outcomes, Series
from advisor.pages.charts import Chart, Line, Shade
from loadtests.sketch import middle_of

SMOOTH: Final = 5
"""Seconds that a point looks back over (assumed)."""
CHARTS: Final = ("viewers", "wire", "requests", "segment_p95", "request_p95", "stalls", "errors")
_NAMED: Final[Mapping[str, Measure]] = {measure.name: measure for measure in MEASURES}


@dataclass(frozen=True, slots=True)
class Overlay:
    """One measure of every run, and the phases if all have the same."""

    measure: str
    curves: tuple[tuple[float | None, ...], ...]
    """One per run, from its second zero; empty when it was not recorded."""


def overlays(runs: Sequence[Outcomes]) -> tuple[Overlay, ...]:
    """A chart for each measure that some run recorded over time."""
    found = (Overlay(name, tuple(_curve(run.whole, run.seconds, _NAMED[name]) for run in runs)) for name in CHARTS)
    return tuple(overlay for overlay in found if any(overlay.curves))


def _curve(series: Series, seconds: int, measure: Measure) -> tuple[float | None, ...]:
    """The measure over the last `SMOOTH` seconds at every second; an extreme is of its second alone."""
    points = _points(series, np.arange(seconds), measure)
    if points is None or np.isnan(points).all():
        return ()
    return tuple(None if math.isnan(point) else point for point in points.tolist())


def _points(series: Series, seconds: Ints, measure: Measure) -> Floats | None:
    match measure.figure:
        case Quantile(timing, share) if timing in series.timings:
            bins, table = series.timings[timing].unfolded().histogram(seconds)
            counts = _behind(table)
            values = np.array([middle_of(index) for index in bins.tolist()])
            return np.where(counts.sum(axis=1) >= 1, quantiles(values, counts, share), np.nan) if len(bins) else None
        case Ratio(part, whole) if {part, *whole} <= series.counts.keys():
            above, below = series.counts[part], np.sum([series.counts[name] for name in whole], axis=0)
            sums = _behind(np.column_stack([above, below]))
            ratios: Floats = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)
            return ratios
        case Rate(count) if count in series.counts:
            return _behind(series.counts[count][:, None])[:, 0] / np.minimum(seconds + 1, SMOOTH)
        case Peak(count):
            return series.counts.get(count)
        case _:
            return None


def _behind(table: Floats) -> Floats:
    """Sums over each second and those before it."""
    running = np.concatenate([np.zeros((SMOOTH, table.shape[1])), np.cumsum(table, axis=0)])
    sums: Floats = running[SMOOTH:] - running[:-SMOOTH]
    return sums


def charts(drawn: Sequence[Overlay], letters: Sequence[str], phases: tuple[Shade, ...], lang: str) -> list[Chart]:
    """The overlays as charts; a shorter run ends where it ends."""
    return [_chart(overlay, letters, phases, partial(fill, lang)) for overlay in drawn]


def _chart(overlay: Overlay, letters: Sequence[str], phases: tuple[Shade, ...], t: Callable[..., str]) -> Chart:
    length = max(len(curve) for curve in overlay.curves)
    size, unit = _scale(overlay, t)
    lines = tuple(
        Line(
            letter, [None if value is None else value / size for value in curve] + [None] * (length - len(curve)), style
        )
        for letter, curve, style in zip(letters, overlay.curves, (f"s{index}" for index in range(6)), strict=False)
        if curve
    )
    return Chart(t(f"measure_{overlay.measure}"), unit, range(length), lines, phases)


def _scale(overlay: Overlay, t: Callable[..., str]) -> tuple[float, str]:
    most = max((value for curve in overlay.curves for value in curve if value is not None), default=0.0)
    match _NAMED[overlay.measure].unit:
        case "bit/s":
            return next(((size, unit) for size, unit in BIT_UNITS if most >= size), (1.0, "bit/s"))
        case "share":
            return 0.01, t("axis_share")
        case "s":
            return 1.0, t("axis_seconds")
        case "viewers":
            return 1.0, t("axis_viewers")
        case _:
            return 1.0, t("axis_requests")
