"""When bytes are through a last mile whose rate changes from second to second. Arithmetic only."""

from __future__ import annotations

from typing import Final

from loadtests.lastmile import Delivery

HORIZON: Final = 60
"""Seconds that are looked ahead at most for the end of an outage."""
KEPT: Final = 128
"""Seconds whose rate is remembered: a `Delivery` is asked for each once, in order; we look ahead and back again."""
MOST: Final = 1e12
"""Bits per second, for a trace that says infinity."""


class Throughput:
    """What one viewer's last mile carries; second 0 of its `Delivery` begins at ``since``."""

    __slots__ = ("_delivery", "_ends", "_first", "_since", "_speeds", "free_at", "speed")

    def __init__(self, delivery: Delivery, since: float) -> None:
        self._delivery, self._since = delivery, since
        self._first = 0
        """Second of the first of the speeds that are remembered."""
        self._speeds: list[float] = []
        self._move(since)

    def _move(self, at: float) -> None:
        self.free_at = at
        """When all that was taken so far is through."""
        second = self._second(at)
        self._ends = self._since + second + 1
        self.speed = self.speed_in(second)
        """Bytes per second at that moment."""
        if (past := second - self._first - 1) > KEPT:
            del self._speeds[:past]
            self._first += past

    def speed_in(self, second: int) -> float:
        """Bytes per second in that second of the visit."""
        index, speeds = max(second - self._first, 0), self._speeds
        while index >= len(speeds):
            rate = self._delivery.rate(self._first + len(speeds))
            speeds.append(min(max(rate, 0.0), MOST) / 8)
        return speeds[index]

    def mean_speed(self, now: float, seconds: int) -> float:
        """Bytes per second over the next ``seconds``."""
        first = self._second(now)
        return sum(self.speed_in(first + ahead) for ahead in range(seconds)) / seconds

    def opens(self, now: float) -> float:
        """Now, or in an outage its end."""
        second = first = self._second(now)
        while self.speed_in(second) == 0 and second - first < HORIZON:
            second += 1
        return now if second == first else self._since + second

    def begin(self, at: float) -> None:
        """Nothing was there to be carried before ``at``."""
        if at > self.free_at:
            self._move(at)

    def room(self, until: float) -> int:
        """Bytes that it carries from `free_at` to ``until``."""
        at = self.free_at
        if until <= self._ends:
            total = (until - at) * self.speed if until > at else 0.0
        else:
            second, total = self._second(at), 0.0
            while at < until:
                end = min(self._since + second + 1, until)
                total += self.speed_in(second) * (end - at)
                at, second = end, second + 1
        return int(total + 0.5)  # times are rounded: a byte that is through must not wait for the next look

    def through(self, size: int) -> float:
        """When ``size`` more bytes are through; in a long outage when to look again."""
        at, left = self.free_at, float(size)
        if self.speed and (soon := at + left / self.speed) <= self._ends:
            return soon
        second = self._second(at)
        for _ in range(HORIZON):
            end, speed = self._since + second + 1, self.speed_in(second)
            carried = speed * (end - at)
            if left <= carried:
                return at + left / speed if speed else at
            left -= carried
            at, second = end, second + 1
        return at

    def take(self, size: int) -> float:
        """``size`` bytes go through; when the last of them is."""
        at = self.through(size)
        if at < self._ends:
            self.free_at = at
        else:
            self._move(at)
        return at

    def _second(self, at: float) -> int:
        return max(int(at - self._since), 0)
