"""The same surge, later."""

from __future__ import annotations

from pydantic import Field

from loadtests.shapes import Phase, Place, Shape
from loadtests.surge import Surge
from loadtests.units import Duration


class Shift(Shape):
    """Another shape that begins later, as a part of a sum; nobody is there before, and that counts as warm-up."""

    of: Surge
    """The other shape."""
    by: Duration = Field(gt=0)
    """How much later."""

    def phases(self) -> tuple[Phase, ...]:
        """A warm-up, then those of the other shape."""
        later = (
            phase.model_copy(update={"start": phase.start + self.by, "end": phase.end + self.by})
            for phase in self.of.phases()
        )
        return (Phase(name="warm_up", start=0.0, end=self.by), *later)

    def viewers(self, at: float) -> float:
        """Of the other shape, as it was earlier."""
        return self.of.viewers(at - self.by)

    def arrivals(self, at: float) -> float:
        """Of the other shape, as it was earlier."""
        return self.of.arrivals(at - self.by)

    def lived(self, place: Place) -> Shape:
        """The other shape as it is lived there: a clock that is so much later when it begins."""
        clock = None if place.clock is None else place.clock + self.by
        return self.model_copy(update={"of": self.of.lived(place._replace(clock=clock))})
