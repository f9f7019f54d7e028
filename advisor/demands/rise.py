"""How fast demand grows: what must be ready before the surge because new capacity takes its time.

The surge buffer is B(T) = max over t of v(t + T) - v(t), the largest growth within the time to capacity T (Hotstar,
"Scaling for Tsunami traffic", 2019). An autoscaler that follows demand is T behind it, so what stands at any moment
must carry what comes within T.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from advisor.blocks import Floats
from loadtests.shapes import Phase

POINTS: Final = 7200
"""Most moments at which a course is looked at: each second of two hours, fewer in longer events."""
WAITS: Final = 200
"""Times to capacity for which the growth is worked out; others lie between them (growth within T never falls)."""


@dataclass(frozen=True, slots=True)
class Rise:
    """The course of one region's viewers, as shares of its peak."""

    before: float
    """What watches just before the ramp."""
    waits: tuple[float, ...]
    """Seconds, rising."""
    growth: tuple[float, ...]
    """Largest growth within each of ``waits``; never falls."""

    def ready(self, waits: Floats) -> Floats:
        """Share of the peak that must be there beforehand, when new capacity takes ``waits`` seconds."""
        grown: Floats = np.interp(waits, self.waits, self.growth)
        return np.minimum(1.0, self.before + grown)


def rise(viewers: Callable[[float], float], phases: tuple[Phase, ...]) -> Rise | None:
    """How ``viewers`` (of seconds of the run) grow once the warm-up is over; None if nobody comes."""
    start = next((phase.end for phase in phases if phase.name == "warm_up"), phases[0].start)
    end = phases[-1].end
    ramp = next((phase.start for phase in phases if phase.name in ("ramp", "peak")), start)
    step = max(1.0, (end - start) / POINTS)
    course = np.array([viewers(start + step * index) for index in range(int((end - start) / step))])
    top = float(course.max(initial=0.0))
    if top <= 0:
        return None
    lags = np.unique(np.linspace(0, len(course) - 1, min(WAITS, len(course))).astype(int))
    growth = [max(0.0, float((course[lag:] - course[: len(course) - lag]).max())) / top for lag in lags]
    before = min(top, viewers(max(start, ramp - 0.5))) / top
    return Rise(before, tuple(float(lag) * step for lag in lags), tuple(np.maximum.accumulate(growth).tolist()))
