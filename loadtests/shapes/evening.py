"""Evenings: each region fills up by its own clock, so the whole surge travels west."""

from __future__ import annotations

import math
from typing import Final, Self

from pydantic import Field, PositiveInt, model_validator

from loadtests.shapes import Phase, Place, Shape, lay
from loadtests.units import Duration, Share

DAY: Final = 86_400.0


class Evening(Shape):
    r"""A day as a wave around the evening: night + (1 - night) · e^(k (cos(2π (h - evening) / 24 h) - 1)) of the peak.

    k = 1 / (2π · width / 24 h)², so ``width`` is the standard deviation of a narrow wave; the exponential is stretched
    to reach zero twelve hours from the evening. What h is at second zero
    follows from the scenario's ``starts_at`` and each region's time zone. ``peak`` is what there would be if all
    regions had their evening at once.

    ::

        peak      |       .-.          .-.
                  |     .'   '.      .'   '.
                  |   .'       '.  .'       '.
        night     |  '           ''           '
                  +-----------------------------
                     east          west of it
    """

    peak: PositiveInt
    lasts: Duration = Field(default=6 * 3600.0, ge=10)
    """Length of the run."""
    time_lapse: float = Field(default=1.0, ge=1, le=3600)
    """Seconds of the day that pass in a second of the run; people's stays are not shortened."""
    evening: Duration = Field(default=21 * 3600.0, lt=DAY)
    """Local time of day of the peak: 21:00 (assumed: mobile networks are slowest from 20:00 to 23:00)."""
    width: Duration = Field(default=3 * 3600.0, ge=600, le=DAY / 4)
    """Hours around it (assumed)."""
    night: Share = Field(default=0.1, ge=0, lt=1)
    """Share of the peak that is there at the quietest hour (assumed)."""
    begins: Duration | None = Field(default=None, lt=DAY)
    """Local time of day at second zero, the same in every region, in place of ``starts_at``."""
    warm_up: Duration = Field(default=20.0, ge=1)
    quiet: Duration = Field(default=20.0, ge=1)

    @model_validator(mode="after")
    def _outlasts_its_beginning(self) -> Self:
        if self.lasts <= self.warm_up + self.quiet:
            raise ValueError(f"lasts ({self.lasts:g} s) must be longer than warm_up and quiet together")
        return self

    def lived(self, place: Place) -> Shape:
        """The same evening with the region's clock at second zero."""
        if self.begins is not None:
            return self
        if place.clock is None:
            raise ValueError("evening follows local time: give the scenario 'starts_at', or the shape 'begins: 18h'")
        return self.model_copy(update={"begins": place.clock % DAY})

    def phases(self) -> tuple[Phase, ...]:
        """Warm-up and baseline; the rest is judged as peak, for some region may have its evening in any of it."""
        rest = self.lasts - self.warm_up - self.quiet
        return lay(("warm_up", self.warm_up), ("baseline", self.quiet), ("peak", rest))

    def viewers(self, at: float) -> float:
        """Concurrent viewers wanted ``at`` seconds after the start; where no clock is known, it begins at midnight."""
        if not 0 <= at < self.duration:
            return 0.0
        hour = (self.begins or 0.0) + at * self.time_lapse
        narrow = (2 * math.pi * self.width / DAY) ** -2
        wave = math.exp(narrow * (math.cos(2 * math.pi * (hour - self.evening) / DAY) - 1.0))
        wave = (wave - math.exp(-2 * narrow)) / (1.0 - math.exp(-2 * narrow))
        return self.peak * (self.night + (1.0 - self.night) * wave) * min(1.0, at / self.warm_up)
