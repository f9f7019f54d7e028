"""How fast demand grows: what must be ready before the surge because new capacity takes its time.

The surge buffer is B(T) = max over t of v(t + T) - v(t), the largest growth within the time to capacity T (Hotstar,
"Scaling for Tsunami traffic", 2019). An autoscaler that follows demand is T behind it, so what stands at any moment
must carry what comes within T. Viewers and joins have a course each: joins are at their peak while viewers still rise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
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
class Course:
    """What a `Rise` is read from: a value each ``step`` seconds."""

    values: Floats
    step: float
    last: int
    """Of ``values``, the one just before the ramp."""

    def rise(self) -> Rise | None:
        """How it grows; None where nothing is above zero."""
        values, last = self.values, max(0, self.last)
        top = float(values.max(initial=0.0))
        if top <= 0:
            return None
        lags = np.union1d(_lags(len(values)), max(0, int(values.argmax()) - last))
        growth = [max(0.0, float((values[lag:] - values[: len(values) - lag]).max())) / top for lag in lags]
        waits = tuple(float(lag) * self.step for lag in lags)
        before = float(values[: last + 1].max()) / top
        return Rise(before, waits, tuple(np.maximum.accumulate(growth).tolist()), self)


@dataclass(frozen=True, slots=True)
class Rise:
    """The course of one region's viewers, or of its joins, as shares of its peak."""

    before: float
    """The most that is there before the ramp."""
    waits: tuple[float, ...]
    """Seconds, rising."""
    growth: tuple[float, ...]
    """Largest growth within each of ``waits``; never falls."""
    course: Course | None = field(default=None, compare=False, repr=False)
    """Where all of this is from; None where nobody knows more than these figures."""

    def ready(self, waits: Floats) -> Floats:
        """Share of the peak that must be there beforehand, when new capacity takes ``waits`` seconds."""
        grown: Floats = np.interp(waits, self.waits, self.growth)
        return np.minimum(1.0, self.before + grown)

    def spread(self, seconds: float) -> Rise:
        """The same when every visit is put off by an even random wait below ``seconds``: less steep, of a lower peak.

        Before the course all is taken to have been as in its first second. Without a course nothing is less steep.
        """
        course = self.course
        if course is None:
            return self
        values = put_off(course.values, max(1, round(seconds / course.step)), float(course.values[0]))
        return Course(values, course.step, course.last).rise() or self


def rise(viewers: Callable[[float], float], phases: tuple[Phase, ...]) -> Rise | None:
    """How ``viewers`` (of seconds of the run) grow once the warm-up is over; None if nobody comes."""
    start, ramp = _begins(phases)
    end = phases[-1].end
    step = max(1.0, (end - start) / POINTS)
    course = np.array([viewers(start + step * index) for index in range(int((end - start) / step))])
    return Course(course, step, int((ramp - 0.5 - start) / step)).rise()


def rise_of_joins(joins: Floats, phases: tuple[Phase, ...]) -> Rise | None:
    """How ``joins``, those of each second of the run, grow once the warm-up is over; None if nobody joins."""
    start, ramp = _begins(phases)
    first = math.ceil(start)
    # who joins in the second before the ramp is there as it begins, and so is a part of it
    return Course(recent(joins[first:]), 1.0, int(ramp) - first - 2).rise()


def recent(joins: Floats) -> Floats:
    """The mean of the last `BLOCK` seconds, for each of them: the peak of joins is reckoned over as many."""
    total, seconds = np.append(0.0, np.cumsum(joins)), np.arange(1, len(joins) + 1)
    first = np.maximum(0, seconds - BLOCK)
    return np.asarray((total[seconds] - total[first]) / (seconds - first))


def put_off(values: Floats, length: int, before: float) -> Floats:
    """The mean of the last ``length`` values, for each of them and beyond: the convolution with an even wait.

    ``before`` was there until the first of them, and the last one stays.
    """
    padded = np.concatenate([np.full(length - 1, before), values, np.full(length - 1, values[-1])])
    return np.convolve(padded, np.full(length, 1.0 / length), "valid")


def _begins(phases: tuple[Phase, ...]) -> tuple[float, float]:
    """When the course begins, and when its ramp does."""
    start = next((phase.end for phase in phases if phase.name == "warm_up"), phases[0].start)
    return start, next((phase.start for phase in phases if phase.name in ("ramp", "peak")), start)


def _lags(points: int) -> NDArray[np.int64]:
    if points <= WAITS:
        return np.arange(points)
    return np.append(np.arange(WAITS // 2), np.geomspace(WAITS // 2, points - 1, WAITS // 2).astype(int))
