"""The same surge again and again."""

from __future__ import annotations

from pydantic import Field

from loadtests.shapes import Phase, Place, Shape, lay
from loadtests.surge import Surge


class Repeat(Shape):
    """Another shape several times, back to back; each time starts from nobody, as the other shape does.

    Where that one follows local time, every repeat begins at the same hour.
    """

    of: Surge
    """The other shape."""
    times: int = Field(ge=1, le=1000)
    """How often: a whole number, for a rehearsal ends."""

    def phases(self) -> tuple[Phase, ...]:
        """Those of the other shape, each time."""
        return lay(*((phase.name, phase.end - phase.start) for phase in self.of.phases() * self.times))

    def viewers(self, at: float) -> float:
        """Of the other shape, in its own time."""
        return self.of.viewers(self._into(at))

    def arrivals(self, at: float) -> float:
        """Of the other shape, in its own time."""
        return self.of.arrivals(self._into(at))

    def _into(self, at: float) -> float:
        """The time within the repeat; one at which nobody is there, outside of all."""
        length = self.of.duration
        return at % length if 0 <= at < self.times * length else -1.0

    def lived(self, place: Place) -> Shape:
        """The other shape as it is lived there."""
        return self.model_copy(update={"of": self.of.lived(place)})
