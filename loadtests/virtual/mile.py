"""What a last mile makes of a response: when its last byte is there. Pure.

The link and the last mile are two pipes one behind the other with room between them (the kernel's buffers hold a
segment), so a response is whole when the slower of the two has passed it on.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from loadtests.lastmile import Delivery

if TYPE_CHECKING:
    from loadtests.virtual.exchange import Guest

SMALL: Final = 16 * 1024
"""Bytes: a playlist beside a segment shares the last mile with it, a segment waits for the one before."""
LONGEST: Final = 600
"""Seconds after which a response counts as never delivered: longer than any player waits."""


class Remembered:
    """A delivery whose seconds may be gone back to, as a playlist beside a segment does."""

    __slots__ = ("_inner", "_rates", "round_trip")

    def __init__(self, inner: Delivery) -> None:
        self._inner, self._rates = inner, array("d")
        self.round_trip = inner.round_trip

    def rate(self, second: int) -> float:
        """Bits per second."""
        rates = self._rates
        while len(rates) <= second:
            rates.append(self._inner.rate(len(rates)))
        return rates[second]


def carry(guest: Guest, size: int, first: float, last: float) -> float:
    """When a response of ``size`` bytes is there that left its node from ``first`` to ``last``, without the way."""
    delivery = guest.delivery
    assert delivery is not None
    busy = guest.mile_free > first
    if busy and size <= SMALL:
        done = finish(delivery, first - guest.viewer.join_at, 2 * size) + guest.viewer.join_at
        guest.mile_free += max(done - first, 0.0) / 2
    else:
        start = guest.mile_free if busy else first
        done = finish(delivery, start - guest.viewer.join_at, size) + guest.viewer.join_at
        guest.mile_free = done
    return done if done > last else last


def finish(delivery: Delivery, start: float, size: int) -> float:
    """The second of the visit at which ``size`` bytes that begin at ``start`` have been delivered."""
    bits, at = 8.0 * size, start
    second = int(at)
    while second - start < LONGEST:
        rate = delivery.rate(second)
        if rate * (second + 1 - at) >= bits:
            return at + bits / rate
        bits -= rate * (second + 1 - at)
        second += 1
        at = float(second)
    return start + LONGEST
