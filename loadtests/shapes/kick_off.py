"""A match: it fills before kick-off, thins out at half-time, comes back all together, and ends in an exit wave."""

from __future__ import annotations

from typing import Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from loadtests.shapes import Phase, PhaseName, Shape, lay, s_curve
from loadtests.units import Duration, Share


class KickOff(Shape):
    r"""Growth to kick-off, two halves with a dip between them, an exit wave.

    The second half begins with a surge of its own: those who left come back within a quarter of the interval. When a
    match ends the leavers go somewhere, often to a home page: load moves, it does not vanish.

    ::

        peak      |           .------.    .------.
                  |         .'        \__/        \\
        baseline  |    .---'                       '--    remain × peak
                  |  .'
                  +------------------------------------------
                  warm_up quiet gather half interval half fall
    """

    baseline: NonNegativeInt
    peak: PositiveInt
    warm_up: Duration = Field(default=20.0, ge=1)
    quiet: Duration = Field(default=20.0, ge=1)
    gather: Duration = Field(default=900.0, ge=1)
    """From baseline to peak before kick-off; 10–90 % of it in 55 % of the time, so the default is 8 minutes."""
    half: Duration = Field(default=2820.0, ge=1)
    """One half with its added time: 45 and 2 minutes (assumed)."""
    interval: Duration = Field(default=900.0, ge=4)
    """Half-time: 15 minutes by the laws of the game (IFAB, law 7)."""
    dip: Share = Field(default=0.25, ge=0, le=1)
    """Share of the peak that leaves at half-time (assumed)."""
    fall: Duration = Field(default=30.0, ge=1)
    remain: Share = Field(default=0.3, ge=0, le=1)

    @model_validator(mode="after")
    def _peak_is_a_peak(self) -> Self:
        if self.peak <= self.baseline:
            raise ValueError(f"peak ({self.peak}) must be above baseline ({self.baseline}): it is a surge")
        return self

    def phases(self) -> tuple[Phase, ...]:
        """The match is one peak, half-time included."""
        return lay(*self._stretches())

    def _stretches(self) -> tuple[tuple[PhaseName, float], ...]:
        match = 2 * self.half + self.interval
        return (
            ("warm_up", self.warm_up),
            ("baseline", self.quiet),
            ("ramp", self.gather),
            ("peak", match),
            ("recovery", self.fall),
        )

    def viewers(self, at: float) -> float:
        """Concurrent viewers wanted ``at`` seconds after the start."""
        start = 0.0
        for name, length in self._stretches():
            if start <= at < start + length:
                return self._within(name, at - start)
            start += length
        return 0.0

    def _within(self, name: PhaseName, after: float) -> float:
        match name:
            case "warm_up":
                return self.baseline * after / self.warm_up
            case "baseline":
                return float(self.baseline)
            case "ramp":
                return self.baseline + (self.peak - self.baseline) * s_curve(after / self.gather)
            case "peak":
                return self.peak * (1.0 - self.dip * self._away(after))
            case "recovery":
                return self.peak * (1.0 - (1.0 - self.remain) * s_curve(after / self.fall))

    def _away(self, after: float) -> float:
        """Share of the half-time leavers who are away: they go in its first quarter and come back in its last."""
        into, quarter = after - self.half, self.interval / 4
        going, coming = into / quarter, (self.interval - into) / quarter
        return s_curve(min(1.0, max(0.0, min(going, coming))))
