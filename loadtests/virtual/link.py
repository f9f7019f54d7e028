"""A link that all open responses share, as the stage's egress line does it, in closed form. No I/O, no clock.

The line gives turns of `CHUNK` bytes in a circle, so that all open responses advance together: processor sharing
(Kleinrock, JACM 14, 1967), in which a small response takes a smaller part of each round. With ``level`` the bytes
that a response with full turns has been sent since the link was busy,

    d level / dt = rate / (sum of the parts),      a response that needs k turns is whole at its level + k * CHUNK

so nothing is reckoned while nobody comes or goes, and each coming and going costs one step in a heap.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING, Final

from loadtests.staging.declared import CHUNK

if TYPE_CHECKING:
    from loadtests.virtual.exchange import Exchange

CLOSE: Final = 1e-6
"""Bytes: a response with less than that to go is whole."""
ROUNDING: Final = 4e-16
"""Of a time, as a share of it: what less than this is to go could not be waited for."""


class Link:
    """``rate`` in bytes per second; ``chunk`` bytes a turn, 0 for plain processor sharing."""

    def __init__(self, rate: float, chunk: int = CHUNK) -> None:
        self.rate, self._chunk = rate, chunk
        self._level, self._since, self._parts = 0.0, 0.0, 0.0
        self.heap: list[tuple[float, int, float, Exchange]] = []
        """When each response is whole (as a level), the order of coming, its part of a round, the response."""
        self._order = count()
        self._free_at = 0.0
        self.alarm = 0.0
        """When somebody has promised to call `finished`; 0 when nobody has."""

    def backlog(self, now: float) -> float:
        """Seconds the link needs for all that it has taken on."""
        return max(self._free_at - now, 0.0)

    def charge(self, size: float, now: float) -> None:
        """Bytes that go out without a turn: refusals."""
        self._free_at = max(self._free_at, now) + size / self.rate

    def join(self, exchange: Exchange, size: int, now: float, share: float = 1.0) -> float:
        """Take on a response of ``size`` bytes with its head, ``share`` of them on this link; when its first leaves."""
        self._advance(now)
        turn = self._chunk or size
        turns = -(-size // turn)
        part = share * (size / (turns * turn) if self._chunk else 1.0)
        free_at, wait = self._free_at, self._parts * self._chunk / self.rate
        if free_at <= now:
            free_at, wait = now, 0.0
        self._free_at = free_at + share * size / self.rate
        heapq.heappush(self.heap, (self._level + turns * turn, next(self._order), part, exchange))
        self._parts += part
        return now + min(wait, free_at - now)

    def due(self, now: float) -> float:
        """When the next response will be whole if nobody comes."""
        left = self.heap[0][0] - self._level
        return now + left * self._parts / self.rate if left > 0.0 else now

    def finished(self, now: float) -> list[Exchange]:
        """The responses that are whole by ``now``, in order; they have left."""
        self._advance(now)
        heap, whole = self.heap, []
        edge = self._level + CLOSE + (ROUNDING * now * self.rate / self._parts if heap else 0.0)
        while heap and heap[0][0] <= edge:
            _, _, part, exchange = heapq.heappop(heap)
            self._parts -= part
            whole.append(exchange)
        if not heap:
            self._level = self._parts = 0.0
        return whole

    def open(self) -> list[Exchange]:
        """The responses under way, in the order in which they came."""
        return [exchange for _, _, _, exchange in sorted(self.heap, key=lambda entry: entry[1])]

    def drop(self, lost: set[Exchange], now: float) -> None:
        """Clients that have gone: what they have not been sent is not sent."""
        self._advance(now)
        stay = []
        for entry in self.heap:
            if entry[3] in lost:
                self._parts -= entry[2]
                self._free_at -= (entry[0] - self._level) * entry[2] / self.rate
            else:
                stay.append(entry)
        heapq.heapify(stay)
        self.heap = stay
        if not stay:
            self._level = self._parts = 0.0

    def _advance(self, now: float) -> None:
        if self.heap:
            self._level += (now - self._since) * self.rate / self._parts
        self._since = now
