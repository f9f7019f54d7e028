"""The real event, as a scenario says it: who will come, how careful to be, how long new capacity takes."""

from __future__ import annotations

from typing import Self

from pydantic import Field, PositiveInt, model_validator

from loadtests.caching import Caching
from loadtests.region import Frozen
from loadtests.units import Duration, Share


class Wait(Frozen):
    """Seconds that something takes: nine in ten times between ``low`` and ``high``, most often near ``mid``."""

    low: Duration
    mid: Duration
    high: Duration

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if not self.low <= self.mid <= self.high:
            raise ValueError(f"expected low <= mid <= high, found {self.low:g}, {self.mid:g} and {self.high:g} s")
        return self


class Waits(Frozen):
    """From the load's rise to a new node that serves, in five parts; a part left out is a published prior."""

    metrics: Wait | None = None
    """Until the autoscaler's metric shows the rise."""
    decision: Wait | None = None
    """Until the autoscaler acts on it."""
    node: Wait | None = None
    """Until a machine is there and registered."""
    image: Wait | None = None
    """Until the image is pulled."""
    boot: Wait | None = None
    """Until the application serves."""


class Launch(Frozen):
    """What the advisor plans for: the audience of the real event and how careful to be."""

    audience: dict[str, PositiveInt] = Field(default_factory=dict)
    """Peak concurrent viewers per region."""
    target_utilisation: Share = Field(default=0.7, gt=0, le=1)
    zones: PositiveInt = 3
    """Zones the nodes are spread over; the plan survives the loss of one."""
    spare_nodes: int = Field(default=1, ge=0)
    time_to_capacity: Waits = Waits()
    cdn: Caching = Caching()
