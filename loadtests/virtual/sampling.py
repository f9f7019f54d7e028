"""Weighted viewers: each simulated one stands for ``weight`` real ones; how sure sums over them are.

Every ``weight``-th viewer of the same Poisson process is simulated (`loadtests.arrivals`), so their number is all but
exact and only who they are is chance. A total over viewers x is ``weight`` · Σ x with the standard error
``weight`` · sqrt(f · Σ (x - mean)²), a ratio Σ x / Σ y that of the residuals x - ratio · y (the delta method; Cochran,
Sampling Techniques, 1977, §2.11), where f = 1 - 1 / weight: with everybody simulated nobody is left out. What viewers
share, such as a crowded link, is not chance between viewers and is not in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from loadtests.results import Players, Requests, Window
from loadtests.sketch import Sketch

if TYPE_CHECKING:
    from loadtests.virtual.exchange import Guest

_LEVELS: Final = frozenset({"play_seconds", "stall_seconds", "bitrate_seconds"})


class Sure(NamedTuple):
    """A figure of the whole run and its standard error."""

    value: float
    error: float

    @property
    def relative(self) -> float:
        """The error as a share of the figure; 0 for a figure that is 0."""
        return self.error / self.value if self.value else 0.0


class Sums:
    """What visits were, added up one by one: squares and products, so that nothing is kept per viewer."""

    def __init__(self, weight: int) -> None:
        self.weight = weight
        self.visits = 0
        self._sums = dict.fromkeys(("present", "requests", "bits", "stalled", "watched"), 0.0)
        self._squares = dict.fromkeys((*self._sums, "stalled*watched"), 0.0)

    def add(self, guest: Guest, now: float) -> None:
        """A visit has ended."""
        lived = guest.lived
        found = {
            "present": max(now - guest.viewer.join_at, 0.0),
            "requests": float(guest.requests),
            "bits": 8.0 * guest.bytes,
            "stalled": lived.stalled_for,
            "watched": lived.stalled_for + lived.played,
        }
        self.visits += 1
        for name, value in found.items():
            self._sums[name] += value
            self._squares[name] += value * value
        self._squares["stalled*watched"] += found["stalled"] * found["watched"]

    def total(self, name: str) -> Sure:
        """Of all viewers, simulated or stood for: ``present`` (viewer-seconds), ``requests``, ``bits``."""
        total = self._sums[name]
        spread = self._squares[name] - total * total / max(self.visits, 1)
        return Sure(self.weight * total, self.weight * math.sqrt(self._left_out * max(spread, 0.0)))

    def stall_ratio(self) -> Sure:
        """Stalled share of the time that was played or stalled."""
        stalled, watched, squares = self._sums["stalled"], self._sums["watched"], self._squares
        if not watched:
            return Sure(0.0, 0.0)
        ratio = stalled / watched
        spread = squares["stalled"] - 2 * ratio * squares["stalled*watched"] + ratio * ratio * squares["watched"]
        return Sure(ratio, math.sqrt(self._left_out * max(spread, 0.0)) / watched)

    @property
    def _left_out(self) -> float:
        return 1.0 - 1.0 / self.weight


def weigh(window: Window, weight: int) -> Window:
    """The window with every count as if each simulated viewer were ``weight`` of them."""
    if weight == 1:
        return window
    requests = {kind: _times(sums, weight) for kind, sums in window.requests.items()}
    return window.model_copy(update={"requests": requests, "players": _times(window.players, weight)})


def _times(sums: Requests | Players, weight: int) -> Requests | Players:
    return sums.model_copy(update={name: _value(getattr(sums, name), weight) for name in type(sums).model_fields})


def _value(value: object, weight: int) -> object:
    match value:
        case Sketch():
            return _heavier(value, weight)
        case dict():
            return {key: count * weight for key, count in value.items()}
        case float():
            return round(value * weight, 6)
        case int():
            return value * weight
        case _:
            raise TypeError(f"cannot weigh {value!r}")


def _heavier(sketch: Sketch, weight: int) -> Sketch:
    heavy = Sketch()
    heavy.bins = {index: count * weight for index, count in sketch.bins.items()}
    heavy.count, heavy.total = sketch.count * weight, sketch.total * weight
    heavy.smallest, heavy.largest = sketch.smallest, sketch.largest
    return heavy
