"""What happens when, in simulated time: one heap for lanes that wait and for requests under way."""

from __future__ import annotations

from heapq import heapify, heappush
from typing import Any, Final, TypeAlias

from loadtests.lanes import Lane

Entry: TypeAlias = tuple[float, int, int, Any]
"""When, in which order it was entered, a lane's ticket or a step (below zero), the lane or whom the step concerns."""
MANY: Final = 4096
"""Stale entries that are not worth the clearing."""


class Agenda:
    """Of equal times the first entered is the first due."""

    __slots__ = ("_entered", "heap", "stale")

    def __init__(self) -> None:
        self.heap: list[Entry] = []
        self._entered = 0
        self.stale = 0
        """Entries of lanes that have moved on."""

    def add(self, lane: Lane[Any], at: float) -> None:
        """Wake ``lane`` at ``at``, unless it gets another ticket before."""
        lane.timed = True
        self._entered = order = self._entered + 1
        heappush(self.heap, (at, order, lane.ticket, lane))

    def forget(self, lane: Lane[Any]) -> None:
        """``lane`` has moved on."""
        lane.ticket += 1
        if lane.timed:
            lane.timed = False
            self.stale += 1
            if self.stale > MANY and self.stale * 2 > len(self.heap):
                self._clear()

    def enter(self, step: int, at: float, whom: object) -> None:
        """Take a step (below zero) at ``at``."""
        self._entered = order = self._entered + 1
        heappush(self.heap, (at, order, step, whom))

    def _clear(self) -> None:
        live = [entry for entry in self.heap if entry[2] < 0 or entry[3].ticket == entry[2]]
        heapify(live)
        self.heap[:] = live
        self.stale = 0
