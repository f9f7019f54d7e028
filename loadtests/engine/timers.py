"""Absolute times at which lanes are woken; a lane woken otherwise leaves a stale entry behind.

Times lie in buckets of a millisecond, and only the numbers of the buckets are a heap: at 30,000 timers a heap of the
entries themselves cost 9 % of the process (siftup and its comparisons of tuples, measured with perf).
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import Any, Final, TypeAlias

from loadtests.lanes import Lane

PER_SECOND: Final = 1000
"""Buckets."""
MANY: Final = 1024
"""Stale entries that are not worth the clearing."""

Entry: TypeAlias = tuple[float, int, int, Lane[Any]]
"""When, in which order it was asked for, the lane's ticket then, the lane."""


class Timers:
    """Of equal times the first set is the first due. An entry is live while its lane holds its ticket."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[Entry]] = {}
        self._numbers: list[int] = []
        """Of the buckets that there are, as a heap."""
        self._order = count()
        self._entries = self._stale = 0

    def __len__(self) -> int:
        return self._entries

    def add(self, lane: Lane[Any], at: float) -> None:
        """Wake ``lane`` at ``at``, unless it gets another ticket before."""
        lane.timed = True
        self._entries += 1
        entry = (at, next(self._order), lane.ticket, lane)
        number = int(at * PER_SECOND)
        bucket = self._buckets.get(number)
        if bucket is None:
            self._buckets[number] = [entry]
            heapq.heappush(self._numbers, number)
        else:
            bucket.append(entry)

    def due(self, now: float) -> list[tuple[float, Lane[Any]]]:
        """The lanes that are due by ``now`` with their times, in order; they have no timer any more."""
        found: list[tuple[float, Lane[Any]]] = []
        last = int(now * PER_SECOND)
        while self._numbers and self._numbers[0] <= last:
            number = self._numbers[0]
            bucket = self._buckets[number]
            bucket.sort()
            taken = len(bucket) if number < last else sum(entry[0] <= now for entry in bucket)
            for at, _, ticket, lane in bucket[:taken]:
                if lane.ticket == ticket:
                    lane.timed = False
                    found.append((at, lane))
                else:
                    self._stale -= 1
            self._entries -= taken
            if taken < len(bucket):
                del bucket[:taken]
                break
            heapq.heappop(self._numbers)
            del self._buckets[number]
        return found

    def forget(self, lane: Lane[Any]) -> None:
        """``lane`` has moved on; its timer, if it has one, is stale. Most of them stale: they are cleared."""
        lane.ticket += 1
        if lane.timed:
            lane.timed = False
            self._stale += 1
            if self._stale > MANY and self._stale * 2 > self._entries:
                self._clear()

    def _clear(self) -> None:
        for number, bucket in tuple(self._buckets.items()):
            live = [entry for entry in bucket if entry[3].ticket == entry[2]]
            if live:
                self._buckets[number] = live
            else:
                del self._buckets[number]
        self._numbers = list(self._buckets)
        heapq.heapify(self._numbers)
        self._entries, self._stale = sum(map(len, self._buckets.values())), 0
