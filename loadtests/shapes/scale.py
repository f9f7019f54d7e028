"""The same surge with more or fewer viewers, slower or faster."""

from __future__ import annotations

from pydantic import Field

from loadtests.shapes import Phase, Place, Shape
from loadtests.surge import Surge


class Scale(Shape):
    """Another shape, larger or smaller in viewers and in time.

    A shape that is squeezed in time has as many viewers, who come and go faster; how long each of them stays is the
    scenario's own and not squeezed. Arrivals stay as many in all.
    """

    of: Surge
    """The other shape."""
    viewers_by: float = Field(default=1.0, gt=0, le=1e6, allow_inf_nan=False)
    """Times as many viewers and arrivals."""
    time_by: float = Field(default=1.0, gt=0, le=1e4, allow_inf_nan=False)
    """Times as long: 0.1 plays it ten times as fast."""

    def phases(self) -> tuple[Phase, ...]:
        """Those of the other shape, longer or shorter."""
        return tuple(
            phase.model_copy(update={"start": phase.start * self.time_by, "end": phase.end * self.time_by})
            for phase in self.of.phases()
        )

    def viewers(self, at: float) -> float:
        """Of the other shape, at the time that this is there."""
        return self.viewers_by * self.of.viewers(at / self.time_by)

    def arrivals(self, at: float) -> float:
        """Of the other shape; in a shorter time they come as much faster."""
        return self.viewers_by / self.time_by * self.of.arrivals(at / self.time_by)

    def lived(self, place: Place) -> Shape:
        """The other shape as it is lived there."""
        return self.model_copy(update={"of": self.of.lived(place)})
