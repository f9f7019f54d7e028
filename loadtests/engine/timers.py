"""Absolute times at which lanes or paces are woken; one woken otherwise leaves a stale entry behind.

Times lie in buckets of a millisecond, and only the numbers of the buckets are a heap: at 30,000 timers a heap of the
entries themselves cost 9 % of the process (siftup and its comparisons of tuples, measured with perf).
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import Final, Generic, Protocol, TypeVar

PER_SECOND: Final = 1000
"""Buckets."""
MANY: Final = 1024
"""Stale entries that are not worth the clearing."""


class Sleeper(Protocol):
    """Who is woken, a lane say."""

    ticket: int
    """Tells its newest timer from older ones."""
    timed: bool
    """Whether a timer of its newest ticket is set."""


S = TypeVar("S", bound=Sleeper)


class Timers(Generic[S]):
    """Of equal times the first set is the first due. An entry is live while its sleeper holds its ticket."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[tuple[float, int, int, S]]] = {}
        """When, in which order it was asked for, the sleeper's ticket then, the sleeper."""
        self._numbers: list[int] = []
        """Of the buckets that there are, as a heap."""
        self._order = count()
        self._entries = self._stale = 0

    def __len__(self) -> int:
        return self._entries

    def add(self, sleeper: S, at: float) -> None:
        """Wake ``sleeper`` at ``at``, unless it gets another ticket before."""
        sleeper.timed = True
        self._entries += 1
        entry = (at, next(self._order), sleeper.ticket, sleeper)
        number = int(at * PER_SECOND)
        bucket = self._buckets.get(number)
        if bucket is None:
            self._buckets[number] = [entry]
            heapq.heappush(self._numbers, number)
        else:
            bucket.append(entry)

    def due(self, now: float) -> list[tuple[float, S]]:
        """Those that are due by ``now`` with their times, in order; they have no timer any more."""
        found: list[tuple[float, S]] = []
        last = int(now * PER_SECOND)
        while self._numbers and self._numbers[0] <= last:
            number = self._numbers[0]
            bucket = self._buckets[number]
            bucket.sort()
            taken = len(bucket) if number < last else sum(entry[0] <= now for entry in bucket)
            for at, _, ticket, sleeper in bucket[:taken]:
                if sleeper.ticket == ticket:
                    sleeper.timed = False
                    found.append((at, sleeper))
                else:
                    self._stale -= 1
            self._entries -= taken
            if taken < len(bucket):
                del bucket[:taken]
                break
            heapq.heappop(self._numbers)
            del self._buckets[number]
        return found

    def forget(self, sleeper: S) -> None:
        """``sleeper`` has moved on; its timer, if it has one, is stale. Most of them stale: they are cleared."""
        sleeper.ticket += 1
        if sleeper.timed:
            sleeper.timed = False
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
