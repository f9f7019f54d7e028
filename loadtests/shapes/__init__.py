"""Shapes: concurrent viewers as a pure function of time, one file each."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loadtests.plugins import Plugin

PhaseName = Literal["warm_up", "baseline", "ramp", "peak", "recovery"]


class Phase(BaseModel):
    """A named stretch of the run, seconds since its start: ``start <= t < end``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PhaseName
    start: float
    end: float


class Shape(Plugin):
    """Concurrent viewers over time. ``viewers`` is pure; ``phases`` tile ``[0, duration)`` in order."""

    @abstractmethod
    def viewers(self, at: float) -> float:
        """Concurrent viewers wanted ``at`` seconds after the start; zero outside ``[0, duration)``."""

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """What each stretch of the run is for; budgets and advice name the one they judge."""

    @property
    def duration(self) -> float:
        """Length of the run in seconds."""
        return self.phases()[-1].end
