"""Last miles to be measured against: what each viewer is promised, second by second."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final, NamedTuple

LENGTH: Final = 120
"""Seconds of a profile, then it begins anew."""
SLOWEST: Final = 5e5
FASTEST: Final = 1e7
"""Bits per second, of the steady rates; spread evenly on a logarithmic scale."""


class Profile(NamedTuple):
    """A `Delivery`."""

    rates: tuple[float, ...]
    trip: float

    def rate(self, second: int) -> float:
        """Bits per second."""
        return self.rates[second % LENGTH]

    def round_trip(self, request: int) -> float:
        """Always the same, so that its error can be told."""
        del request
        return self.trip

    def bits(self, start: float, end: float) -> float:
        """What is promised between two moments of the visit."""
        total, at = 0.0, start
        while at < end:
            until = min(math.floor(at) + 1.0, end)
            total += self.rate(int(at)) * (until - at)
            at = until
        return total


def steady(draw: random.Random) -> tuple[float, ...]:
    """One rate."""
    return (math.exp(draw.uniform(math.log(SLOWEST), math.log(FASTEST))),) * LENGTH


def variable(draw: random.Random) -> tuple[float, ...]:
    """A rate with a coefficient of variation of one half from second to second, and a memory of 0.7."""
    (typical, *_), spread, level, rates = steady(draw), math.sqrt(math.log(1.25)), 0.0, []
    for _ in range(LENGTH):
        level = 0.7 * level + math.sqrt(1 - 0.49) * draw.gauss(0, spread)
        rates.append(typical * math.exp(level))
    return tuple(rates)


def broken(draw: random.Random) -> tuple[float, ...]:
    """The same with a tenth of its seconds lost, one or two in a row."""
    rates, lost = list(variable(draw)), 0
    for second in range(LENGTH):
        if not lost and draw.random() < 0.07:
            lost = draw.choice((1, 2))
        if lost:
            rates[second], lost = 0.0, lost - 1
    return tuple(rates)


PROFILES: Final[dict[str, Callable[[random.Random], tuple[float, ...]]]] = {
    "steady": steady,
    "variable": variable,
    "outages": broken,
}


def profile(name: str, number: int) -> Profile | None:
    """Of a viewer; none for the name ``unshaped``."""
    if name == "unshaped":
        return None
    draw = random.Random(number)
    return Profile(PROFILES[name](draw), draw.uniform(0.02, 0.3))
