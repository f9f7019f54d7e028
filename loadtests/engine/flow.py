"""When bytes are through a last mile whose rate changes from second to second. Arithmetic only."""

from __future__ import annotations

from typing import Final

from loadtests.lastmile import Delivery

HORIZON: Final = 60
"""Seconds that are looked ahead at most for the end of an outage."""
KEPT: Final = 64
"""Seconds whose rate is remembered: a look goes on and back again within a few."""
MOST: Final = 1e12
"""Bits per second, for a trace that says infinity."""


class Flow:
    """What one viewer's last mile carries; second 0 of its `Delivery` begins at ``since``."""

    __slots__ = ("_delivery", "_since", "_speeds", "free_at")

    def __init__(self, delivery: Delivery, since: float) -> None:
        self._delivery, self._since = delivery, since
        self._speeds: dict[int, float] = {}
        self.free_at = since
        """When all that was taken so far is through."""

    def speed(self, second: int) -> float:
        """Bytes per second in that second of the visit."""
        speed = self._speeds.get(second)
        if speed is None:
            if len(self._speeds) > KEPT:
                self._speeds.clear()
            speed = self._speeds[second] = min(max(self._delivery.rate(second), 0.0), MOST) / 8
        return speed

    def mean_speed(self, now: float, seconds: int) -> float:
        """Bytes per second over the next ``seconds``."""
        first = self._second(now)
        return sum(self.speed(first + ahead) for ahead in range(seconds)) / seconds

    def opens(self, now: float) -> float:
        """Now, or in an outage its end."""
        second = first = self._second(now)
        while self.speed(second) == 0 and second - first < HORIZON:
            second += 1
        return now if second == first else self._since + second

    def begin(self, at: float) -> None:
        """Nothing was there to be carried before ``at``."""
        self.free_at = max(self.free_at, at)

    def room(self, until: float) -> int:
        """Bytes that it carries from `free_at` to ``until``."""
        at, second, total = self.free_at, self._second(self.free_at), 0.0
        while at < until:
            end = min(self._since + second + 1, until)
            total += self.speed(second) * (end - at)
            at, second = end, second + 1
        return int(total + 0.5)  # times are rounded: a byte that is through must not wait for the next look

    def through(self, size: int) -> float:
        """When ``size`` more bytes are through; in a long outage when to look again."""
        at, second, left = self.free_at, self._second(self.free_at), float(size)
        for _ in range(HORIZON):
            end, speed = self._since + second + 1, self.speed(second)
            carried = speed * (end - at)
            if left <= carried:
                return at + left / speed if speed else at
            left -= carried
            at, second = end, second + 1
        return at

    def take(self, size: int) -> float:
        """``size`` bytes go through; when the last of them is."""
        self.free_at = self.through(size)
        return self.free_at

    def _second(self, at: float) -> int:
        return max(int(at - self._since), 0)
