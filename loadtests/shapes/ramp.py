"""A ramp: as many more in every second."""

from __future__ import annotations

from pydantic import Field

from loadtests.shapes import Growth
from loadtests.units import Duration


class Ramp(Growth):
    r"""From baseline to peak along a straight line: N(t) = baseline + (peak - baseline) · t / ramp.

    ::

        peak      |                .--------.
                  |             .-'          \\
        baseline  |    .------.-'             '--
                  |  .'
                  +--------------------------------
                  warm_up  quiet  ramp  hold  fall
    """

    ramp: Duration = Field(default=120.0, ge=1)

    @property
    def growth(self) -> float:
        """The whole ramp."""
        return self.ramp

    def grown(self, after: float) -> float:
        """A straight line."""
        return after / self.ramp
