"""A flash crowd: quiet, then everybody at once, then a hold, then most of them leave."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from loadtests.shapes import Growth, s_curve
from loadtests.units import Duration


class FlashCrowd(Growth):
    r"""Viral growth along a logistic curve (science of the ramp: docs/surges.md).

    ::

        peak      |                 .--------.
                  |               .'          \\
        baseline  |    .--------.'             '--
                  |  .'
                  +---------------------------------
                  warm_up  quiet  ramp  hold  fall
    """

    baseline: PositiveInt
    ramp: Duration = Field(default=120.0, ge=1)

    @property
    def growth(self) -> float:
        """The whole ramp."""
        return self.ramp

    def grown(self, after: float) -> float:
        """Along the logistic curve."""
        return s_curve(after / self.ramp)

    def gone(self, share: float) -> float:
        """Along the same curve: slowly, then all together, then the last ones."""
        return s_curve(share)
