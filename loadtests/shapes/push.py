"""A push notification: everybody is told at once, and those who open it come within a minute or so."""

from __future__ import annotations

import math
from typing import Final

from pydantic import Field, NonNegativeInt, PositiveInt

from loadtests.shapes import Phase, Shape, lay
from loadtests.units import Duration, Share

MOST: Final = 3.0
"""The ramp lasts three times ``tau``: 95 % of those who come have come."""


class Push(Shape):
    r"""Arrivals as a delayed exponential impulse: notified · opens / tau · e^(-t / tau) per second after the delay.

    They come on top of the baseline and stay as long as the scenario's stay says, so the peak is below
    baseline + notified · opens. Open rates and delays of real pushes were not found: put in your own.

    ::

                  |             .-.
                  |            |   '-..
        baseline  |    .-------'       '--..
                  |  .'
                  +--------------------------------------
                  warm_up  quiet delay 3 tau  hold  fall
    """

    baseline: NonNegativeInt
    notified: PositiveInt
    """Devices that get the push."""
    opens: Share = Field(default=0.05, gt=0, le=1)
    """Share of them that comes (assumed)."""
    delay: Duration = 5.0
    """From the push to the first arrival: delivery and the start of the app (assumed)."""
    tau: Duration = Field(default=30.0, ge=1)
    """Mean time from then until they come (assumed)."""
    warm_up: Duration = Field(default=20.0, ge=1)
    quiet: Duration = Field(default=20.0, ge=1)
    hold: Duration = Field(default=60.0, ge=1)
    fall: Duration = Field(default=30.0, ge=1)

    def phases(self) -> tuple[Phase, ...]:
        """The ramp ends when 95 % have come; what is left of them after the hold is the recovery."""
        return lay(
            ("warm_up", self.warm_up),
            ("baseline", self.quiet),
            ("ramp", self.delay + MOST * self.tau),
            ("peak", self.hold),
            ("recovery", self.fall),
        )

    def viewers(self, at: float) -> float:
        """The baseline; those who follow the push are `arrivals`."""
        return self.baseline * min(1.0, at / self.warm_up) if 0 <= at < self.duration else 0.0

    def arrivals(self, at: float) -> float:
        """The impulse."""
        after = at - self.warm_up - self.quiet - self.delay
        if after < 0 or at >= self.duration:
            return 0.0
        return self.notified * self.opens / self.tau * math.exp(-after / self.tau)
