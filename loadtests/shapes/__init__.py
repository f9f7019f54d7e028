"""Shapes: concurrent viewers as a pure function of time, one file each."""

from __future__ import annotations

import math
from abc import abstractmethod
from itertools import pairwise
from typing import Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

from loadtests.plugins import Plugin
from loadtests.units import Duration, Share

PhaseName = Literal["warm_up", "baseline", "ramp", "peak", "recovery"]

LONGEST: Final = 48 * 3600.0
"""Seconds that a shape may last: a soak of a day with room; arrivals are worked out for every second of it."""

STEEPNESS: Final = 8.0
"""Logistic steepness over the ramp: 10–90 % of the growth falls in 55 % of it (4.394 / 8)."""


class Phase(BaseModel):
    """A named stretch of the run, seconds since its start: ``start <= t < end``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PhaseName
    start: float
    end: float


def lay(*stretches: tuple[PhaseName, float]) -> tuple[Phase, ...]:
    """Phases back to back from their lengths in seconds; those of no length are left out."""
    phases, start = [], 0.0
    for name, length in stretches:
        if length > 0:
            phases.append(Phase(name=name, start=start, end=start + length))
            start += length
    return tuple(phases)


def s_curve(share: float) -> float:
    """Growth from 0 to 1 as ``share`` of the ramp goes from 0 to 1, scaled to touch both ends exactly."""

    def raw(x: float) -> float:
        return 1.0 / (1.0 + math.exp(-STEEPNESS * (x - 0.5)))

    return (raw(share) - raw(0.0)) / (raw(1.0) - raw(0.0))


class Place(NamedTuple):
    """Where a shape is lived, as far as shapes care."""

    region: str
    clock: float | None
    """Local time of day at second zero, seconds since midnight; None when nobody said when the event starts.

    It is that of the start: a change to or from summer time within the run is not followed.
    """


class Shape(Plugin):
    """Concurrent viewers over time. Pure; ``phases`` tile ``[0, duration)`` in order."""

    @abstractmethod
    def viewers(self, at: float) -> float:
        """Concurrent viewers wanted ``at`` seconds after the start; zero outside ``[0, duration)``."""

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """What each stretch of the run is for; budgets and advice name the one they judge."""

    def arrivals(self, at: float) -> float:  # noqa: ARG002 - most shapes have none
        """People per second who come on top of those that keep ``viewers`` up, and stay as long as they like.

        What they add to the concurrency follows from the stay (`loadtests.flow`).
        """
        return 0.0

    def lived(self, place: Place) -> Shape:  # noqa: ARG002 - most shapes are the same everywhere
        """The shape as the viewers of one region live it: of the same phases, for all viewers as if all were there.

        Raises ValueError when it depends on what the place does not tell.
        """
        return self

    @property
    def duration(self) -> float:
        """Length of the run in seconds."""
        return self.phases()[-1].end

    @model_validator(mode="after")
    def _ends(self) -> Self:
        phases = self.phases()
        if not phases:
            raise ValueError("lasts no time at all")
        if not phases[-1].end <= LONGEST:
            raise ValueError(f"lasts {phases[-1].end / 3600:.1f} h, expected at most {LONGEST / 3600:.0f} h")
        if phases[0].start != 0 or any(before.end != after.start for before, after in pairwise(phases)):
            raise ValueError(f"phases leave a gap or overlap: {[(one.start, one.end) for one in phases]}")
        return self


class Growth(Shape):
    r"""From a baseline to a peak by a law of its own, a hold, then an exit wave.

    ::

        peak      |                 .--------.
                  |               .'          \\
        baseline  |    .--------.'             '--    remain × peak
                  |  .'
                  +---------------------------------
                  warm_up  quiet  growth hold  fall
    """

    baseline: NonNegativeInt
    """Concurrent viewers before."""
    peak: PositiveInt
    """Concurrent viewers at the top; above the baseline."""
    warm_up: Duration = Field(default=20.0, ge=1)
    """From nobody to the baseline; never judged."""
    quiet: Duration = Field(default=20.0, ge=1)
    """At the baseline."""
    hold: Duration = Field(default=60.0, ge=1)
    """At the peak."""
    fall: Duration = Field(default=30.0, ge=1)
    """Down to what remains, along a straight line."""
    remain: Share = Field(default=0.3, ge=0, le=1)
    """Share of the peak still there at the end of the fall."""

    @property
    @abstractmethod
    def growth(self) -> float:
        """Seconds from baseline to peak; zero for a jump."""

    @abstractmethod
    def grown(self, after: float) -> float:
        """Share of the growth done ``after`` seconds of it, from 0 at its start to 1 at its end."""

    @model_validator(mode="after")
    def _peak_is_a_peak(self) -> Self:
        if self.peak <= self.baseline:
            raise ValueError(f"peak ({self.peak}) must be above baseline ({self.baseline}): it is a surge")
        return self

    def _stretches(self) -> tuple[tuple[PhaseName, float], ...]:
        return (
            ("warm_up", self.warm_up),
            ("baseline", self.quiet),
            ("ramp", self.growth),
            ("peak", self.hold),
            ("recovery", self.fall),
        )

    def phases(self) -> tuple[Phase, ...]:
        """Warm-up, baseline, ramp (none for a jump), peak and recovery, back to back."""
        return lay(*self._stretches())

    def viewers(self, at: float) -> float:
        """Concurrent viewers wanted ``at`` seconds after the start."""
        start = 0.0
        for name, length in self._stretches():
            if start <= at < start + length:
                return self._within(name, at - start)
            start += length
        return 0.0

    def _within(self, name: PhaseName, after: float) -> float:
        match name:
            case "warm_up":
                return self.baseline * after / self.warm_up
            case "baseline":
                return float(self.baseline)
            case "ramp":
                return self.baseline + (self.peak - self.baseline) * self.grown(after)
            case "peak":
                return float(self.peak)
            case "recovery":
                return self.peak * (1.0 - (1.0 - self.remain) * self.gone(after / self.fall))

    def gone(self, share: float) -> float:
        """Share of those who leave that have left when ``share`` of the fall is over: a straight line."""
        return share
