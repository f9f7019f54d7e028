"""A replay: the curve of an event that was, from a CSV of your analytics."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Final, Literal, Self, TypeAlias

from pydantic import Field, FiniteFloat, ValidationInfo, field_validator, model_validator

from loadtests.shapes import Phase, Shape, lay
from loadtests.units import Duration

MOST_POINTS: Final = 20_000
"""Of a curve: it stands in the header of the run and travels to every worker."""

Point: TypeAlias = tuple[FiniteFloat, FiniteFloat]


class Replay(Shape):
    r"""Straight lines through points of (seconds, value); the first point is second zero, the last one the end.

    With ``file``, the points are read from a CSV with the columns ``time,viewers`` or ``time,arrivals`` when the
    scenario is read (`loadtests.surge`). Either way they stand in the run.

    ::

                  |        .             .
                  |       / '.  .-.    .'  .
                  |   .--'    ''   '..'     '.
                  |  .'                       '
                  +------------------------------
                   warm_up quiet    peak
    """

    file: str = ""
    """Where the points are from; the path starts at the scenario's folder."""
    column: Literal["viewers", "arrivals"] = "viewers"
    """What the values are: concurrent viewers, or people who come per second."""
    points: tuple[Point, ...] = ()
    warm_up: Duration = Field(default=20.0, ge=1)
    """Within it the curve is raised from nobody: a run starts with no viewers. Arrivals are left as they are."""
    quiet: Duration = Field(default=20.0, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _has_points(cls, data: object) -> object:
        if isinstance(data, dict) and not data.get("points"):
            if data.get("file"):
                raise ValueError(f"the points of {data['file']} were not read: give the scenario as a file")
            raise ValueError("expected 'file: curve.csv' with the columns time,viewers or time,arrivals, or 'points'")
        return data

    @field_validator("points")
    @classmethod
    def _are_a_curve(cls, points: tuple[Point, ...], info: ValidationInfo) -> tuple[Point, ...]:
        column = info.data.get("column", "viewers")
        if not 2 <= len(points) <= MOST_POINTS:
            raise ValueError(f"expected from 2 to {MOST_POINTS:,} points, found {len(points):,}")
        for before, after in pairwise(points):
            if after[0] <= before[0]:
                raise ValueError(f"times must rise, found {after[0]:g} after {before[0]:g}")
        if low := next((point for point in points if point[1] < 0), None):
            raise ValueError(f"{column} cannot be negative, found {low[1]:g} at time {low[0]:g}")
        if not any(value for _, value in points):
            raise ValueError(f"nobody comes: all {column} are zero")
        return points

    @model_validator(mode="after")
    def _is_long_enough(self) -> Self:
        if self._whole <= self.warm_up + self.quiet:
            raise ValueError(
                f"the curve lasts {self._whole:g} s, expected more than warm_up and quiet together "
                f"({self.warm_up + self.quiet:g} s)"
            )
        return self

    @property
    def _whole(self) -> float:
        return self.points[-1][0] - self.points[0][0]

    def phases(self) -> tuple[Phase, ...]:
        """Warm-up and baseline, then all the rest as peak."""
        rest = self._whole - self.warm_up - self.quiet
        return lay(("warm_up", self.warm_up), ("baseline", self.quiet), ("peak", rest))

    def viewers(self, at: float) -> float:
        """The curve of viewers; nobody where it is one of arrivals."""
        return self._value(at) * min(1.0, at / self.warm_up) if self.column == "viewers" else 0.0

    def arrivals(self, at: float) -> float:
        """The curve of arrivals; nobody where it is one of viewers."""
        return self._value(at) if self.column == "arrivals" else 0.0

    def _value(self, at: float) -> float:
        start = self.points[0][0]
        if not 0 <= at < self.points[-1][0] - start:
            return 0.0
        right = bisect_right(self.points, start + at, key=lambda point: point[0])
        (t0, v0), (t1, v1) = self.points[right - 1], self.points[min(right, len(self.points) - 1)]
        return v0 + (v1 - v0) * (start + at - t0) / (t1 - t0) if t1 > t0 else v0
