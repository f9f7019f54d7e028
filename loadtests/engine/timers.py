"""A heap of absolute times at which lanes are woken; a lane woken otherwise leaves a stale entry behind."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Final

from loadtests.engine.visit import Lane

MANY: Final = 1024
"""Stale entries that are not worth the clearing."""


class Timers:
    """Of equal times the first set is the first due. An entry is live while its lane holds its ticket."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int, Lane]] = []
        self._order = count()
        self._stale = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, lane: Lane, at: float) -> None:
        """Wake ``lane`` at ``at``, unless it gets another ticket before."""
        lane.timed = True
        heapq.heappush(self._heap, (at, next(self._order), lane.ticket, lane))

    def pop(self, now: float) -> tuple[float, Lane] | None:
        """The next lane that is due by ``now``, with its time."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, ticket, lane = heapq.heappop(heap)
            if lane.ticket == ticket:
                lane.timed = False
                return at, lane
            self._stale -= 1
        return None

    def forget(self, lane: Lane) -> None:
        """``lane`` has moved on; its timer, if it has one, is stale. Most of the heap stale: it is cleared of them."""
        lane.ticket += 1
        if lane.timed:
            lane.timed = False
            self._stale += 1
            if self._stale > MANY and self._stale * 2 > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[3].ticket == entry[2]]
                heapq.heapify(self._heap)
                self._stale = 0
