"""A raid: another channel ends and sends everybody over."""

from __future__ import annotations

from pydantic import Field

from loadtests.shapes import Growth
from loadtests.units import Duration


class Raid(Growth):
    r"""A step of `peak - baseline` viewers that lands within seconds (5 to 20 s: an assumption, nobody published one).

    ::

        peak      |            .--------.
                  |           /          \\
        baseline  |    .------'           '--
                  |  .'
                  +-----------------------------
                  warm_up  quiet land hold  fall
    """

    land: Duration = Field(default=10.0, ge=1, le=60)
    """Seconds in which the raiders arrive, evenly."""

    @property
    def growth(self) -> float:
        """The landing."""
        return self.land

    def grown(self, after: float) -> float:
        """A straight line."""
        return after / self.land
