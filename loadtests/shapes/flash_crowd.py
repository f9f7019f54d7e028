"""A flash crowd: quiet, then everybody at once, then a hold, then most of them leave."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Self

from pydantic import Field, PositiveInt, model_validator

from loadtests.shapes import Phase, Shape
from loadtests.units import Duration, Share

STEEPNESS = 8.0
"""Logistic steepness over the ramp: 10–90 % of the growth falls in 55 % of it (4.394 / 8)."""


def logistic(share: float) -> float:
    """Growth from 0 to 1 as ``share`` of the ramp goes from 0 to 1, scaled to touch both ends exactly."""

    def raw(x: float) -> float:
        return 1.0 / (1.0 + math.exp(-STEEPNESS * (x - 0.5)))

    return (raw(share) - raw(0.0)) / (raw(1.0) - raw(0.0))


class FlashCrowd(Shape):
    r"""Viral growth along a logistic curve (science of the ramp: docs/scenarios.md).

    ::

        peak      |                 .--------.
                  |               .'          \\
        baseline  |    .--------.'             '--
                  |  .'
                  +---------------------------------
                  warm_up  quiet  ramp  hold  fall
    """

    baseline: PositiveInt
    peak: PositiveInt
    warm_up: Duration = Field(default=20.0, ge=1)
    quiet: Duration = Field(default=20.0, ge=1)
    ramp: Duration = Field(default=120.0, ge=1)
    hold: Duration = Field(default=60.0, ge=1)
    fall: Duration = Field(default=30.0, ge=1)
    remain: Share = Field(default=0.3, ge=0, le=1)
    """Share of the peak still there at the end of the fall."""

    @model_validator(mode="after")
    def _peak_is_a_peak(self) -> Self:
        if self.peak <= self.baseline:
            raise ValueError(f"peak ({self.peak}) must be above baseline ({self.baseline}): it is a surge")
        return self

    def phases(self) -> tuple[Phase, ...]:
        """Warm-up, baseline, ramp, peak and recovery, back to back."""
        lengths = (self.warm_up, self.quiet, self.ramp, self.hold, self.fall)
        ends = list(accumulate(lengths))
        spans = zip(("warm_up", "baseline", "ramp", "peak", "recovery"), [0.0, *ends], ends, strict=False)
        return tuple(Phase.model_validate({"name": n, "start": a, "end": b}) for n, a, b in spans)

    def viewers(self, at: float) -> float:
        """Concurrent viewers wanted ``at`` seconds after the start."""
        for phase in self.phases():
            if phase.start <= at < phase.end:
                share = (at - phase.start) / (phase.end - phase.start)
                return self._within(phase.name, share)
        return 0.0

    def _within(self, phase: str, share: float) -> float:
        match phase:
            case "warm_up":
                return self.baseline * share
            case "ramp":
                return self.baseline + (self.peak - self.baseline) * logistic(share)
            case "peak":
                return float(self.peak)
            case "recovery":
                return self.peak * (1.0 - (1.0 - self.remain) * logistic(share))
            case _:
                return float(self.baseline)
