"""A staircase: a climb, a rest, and again, to see at which level something gives."""

from __future__ import annotations

from pydantic import Field

from loadtests.shapes import Growth
from loadtests.units import Duration


class Staircase(Growth):
    r"""Equal steps from baseline to peak; the last one is rested on as the peak.

    ::

        peak      |                      .--------.
                  |               .-----'          \\
                  |        .-----'                  '--
        baseline  |  .----'  climb, rest
                  +-------------------------------------
                  warm_up  quiet  steps    hold    fall
    """

    steps: int = Field(default=5, ge=1, le=1000)
    """How many steps lead from baseline to peak."""
    climb: Duration = Field(default=10.0, ge=1)
    """To get up one step, along a straight line."""
    rest: Duration = Field(default=60.0, ge=1)
    """At each level below the peak: long enough for the target to show what it thinks of it."""

    @property
    def growth(self) -> float:
        """All climbs, and the rests between them."""
        return self.steps * self.climb + (self.steps - 1) * self.rest

    def grown(self, after: float) -> float:
        """Whole steps, and the part of the one that is being climbed."""
        step, into = divmod(after, self.climb + self.rest)
        return min(1.0, (step + min(1.0, into / self.climb)) / self.steps)
