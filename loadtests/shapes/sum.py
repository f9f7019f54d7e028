"""A sum: several surges on top of one another."""

from __future__ import annotations

import math

from pydantic import Field

from loadtests.shapes import Phase, Place, Shape
from loadtests.surge import Surge


class Sum(Shape):
    """As many viewers and arrivals as all parts have together; as long as the longest.

    The phases are those of the first part; where it ends before others do, the longest one says what follows.
    """

    parts: tuple[Surge, ...] = Field(min_length=1, max_length=20)
    """Other shapes."""

    def phases(self) -> tuple[Phase, ...]:
        """Of the first part, then of the longest for as long as that goes on."""
        first = self.parts[0].phases()
        end = first[-1].end
        longest = max(self.parts, key=lambda part: part.duration)
        rest = (phase for phase in longest.phases() if phase.end > end)
        return (*first, *(phase.model_copy(update={"start": max(phase.start, end)}) for phase in rest))

    def viewers(self, at: float) -> float:
        """Of all parts."""
        return math.fsum(part.viewers(at) for part in self.parts)

    def arrivals(self, at: float) -> float:
        """Of all parts."""
        return math.fsum(part.arrivals(at) for part in self.parts)

    def lived(self, place: Place) -> Shape:
        """Each part as it is lived there."""
        return self.model_copy(update={"parts": tuple(part.lived(place) for part in self.parts)})
