"""How fast demand grows: what must be ready before the surge because new capacity takes its time.

The surge buffer is B(T) = max over t of v(t + T) - v(t), the largest growth within the time to capacity T (Hotstar,
"Scaling for Tsunami traffic", 2019). An autoscaler that follows demand is T behind it, so what stands at any moment
must carry what comes within T. Viewers and joins have a course each: joins are at their peak while viewers still rise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from advisor.blocks import BLOCK, Floats
from loadtests.shapes import Phase

POINTS: Final = 7200
"""Most moments at which a course is looked at: each second of two hours, fewer in longer events."""
WAITS: Final = 200
"""Times to capacity for which the growth is worked out: the first half of them step by step, the others ever further
apart, and the one from the ramp's begin to the peak. Other growths lie between these (growth within T never falls)."""


@dataclass(frozen=True, slots=True)
class Rise:
    """The course of one region's viewers, or of its joins, as shares of its peak."""

    before: float
    """The most that is there before the ramp."""
    waits: tuple[float, ...]
    """Seconds, rising."""
    growth: tuple[float, ...]
    """Largest growth within each of ``waits``; never falls."""

    def ready(self, waits: Floats) -> Floats:
        """Share of the peak that must be there beforehand, when new capacity takes ``waits`` seconds."""
        grown: Floats = np.interp(waits, self.waits, self.growth)
        return np.minimum(1.0, self.before + grown)

    def of_peak(self, ratio: float) -> Rise:
        """The same growth as shares of a peak that is ``ratio`` times as high."""
        return Rise(self.before / ratio, self.waits, tuple(grown / ratio for grown in self.growth))


def rise(viewers: Callable[[float], float], phases: tuple[Phase, ...]) -> Rise | None:
    """How ``viewers`` (of seconds of the run) grow once the warm-up is over; None if nobody comes."""
    start, ramp = _begins(phases)
    end = phases[-1].end
    step = max(1.0, (end - start) / POINTS)
    course = np.array([viewers(start + step * index) for index in range(int((end - start) / step))])
    return _rise(course, step, int((ramp - 0.5 - start) / step))


def rise_of_joins(joins: Floats, phases: tuple[Phase, ...]) -> Rise | None:
    """How ``joins``, those of each second of the run, grow once the warm-up is over; None if nobody joins."""
    start, ramp = _begins(phases)
    first = math.ceil(start)
    # who joins in the second before the ramp is there as it begins, and so is a part of it
    return _rise(recent(joins[first:]), 1.0, int(ramp) - first - 2)


def recent(joins: Floats) -> Floats:
    """The mean of the last `BLOCK` seconds, for each of them: the peak of joins is reckoned over as many."""
    total, seconds = np.append(0.0, np.cumsum(joins)), np.arange(1, len(joins) + 1)
    first = np.maximum(0, seconds - BLOCK)
    return np.asarray((total[seconds] - total[first]) / (seconds - first))


def _begins(phases: tuple[Phase, ...]) -> tuple[float, float]:
    """When the course begins, and when its ramp does."""
    start = next((phase.end for phase in phases if phase.name == "warm_up"), phases[0].start)
    return start, next((phase.start for phase in phases if phase.name in ("ramp", "peak")), start)


def _rise(course: Floats, step: float, last: int) -> Rise | None:
    """Of a value each ``step``; the one at ``last`` is just before the ramp."""
    top, last = float(course.max(initial=0.0)), max(0, last)
    if top <= 0:
        return None
    lags = np.union1d(_lags(len(course)), max(0, int(course.argmax()) - last))
    growth = [max(0.0, float((course[lag:] - course[: len(course) - lag]).max())) / top for lag in lags]
    waits = tuple(float(lag) * step for lag in lags)
    return Rise(float(course[: last + 1].max()) / top, waits, tuple(np.maximum.accumulate(growth).tolist()))


def _lags(points: int) -> NDArray[np.int64]:
    if points <= WAITS:
        return np.arange(points)
    return np.append(np.arange(WAITS // 2), np.geomspace(WAITS // 2, points - 1, WAITS // 2).astype(int))
