"""Choosing the bit rate: what every player's rule is made of. The rules themselves stand with the players."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias


class Rung(NamedTuple):
    """One rendition of the ladder, in bits per second."""

    average: float
    """AVERAGE-BANDWIDTH, or BANDWIDTH where it is not given."""
    peak: float
    """BANDWIDTH."""


Ladder: TypeAlias = Sequence[Rung]
"""From the lowest to the highest."""


class Load(NamedTuple):
    """A segment that came; times in run seconds."""

    asked: float
    first: float
    """When its first byte was there."""
    came: float
    size: int
    """Bytes."""
    duration: float
    """Seconds of media."""
    buffered: float
    """Seconds of media ahead of the picture, with this segment."""


class Adaptation(ABC):
    """One viewer's choice of renditions, level 0 being the lowest; remembers what it has measured."""

    @abstractmethod
    def start(self, ladder: Ladder, first: float) -> int:
        """The level of the first segment; ``first`` is the peak of the rendition that the master lists first."""

    @abstractmethod
    def next(self, ladder: Ladder, level: int, load: Load) -> int:
        """The level of the next segment, after one of ``level`` came."""


class Ewma:
    """An exponentially weighted moving average that is not drawn towards zero by its beginning.

    est ← x (1 − a^w) + a^w est with a = ½^(1 / half-life); the value is est / (1 − a^(sum of w)). The same in hls.js
    (src/utils/ewma.ts), dash.js (ThroughputModel.js, `_updateEwmaValues`) and Shaka (lib/abr/ewma.js).
    """

    __slots__ = ("_estimate", "_half_life", "weight")

    def __init__(self, half_life: float) -> None:
        self._half_life = half_life
        self._estimate = self.weight = 0.0

    def sample(self, weight: float, value: float) -> None:
        """Take in a value; half-life and weight are in the same unit."""
        kept = 0.5 ** (weight / self._half_life)
        self._estimate = value * (1 - kept) + kept * self._estimate
        self.weight += weight

    @property
    def value(self) -> float:
        """The average so far; not a number before the first sample."""
        share = 1 - 0.5 ** (self.weight / self._half_life)
        return self._estimate / share if share else math.nan


class Throughput:
    """Bits per second as the lower of a fast and a slow average: quick to fall, slow to rise."""

    __slots__ = ("_fast", "_slow")

    def __init__(self, fast: float, slow: float) -> None:
        self._fast, self._slow = Ewma(fast), Ewma(slow)

    def sample(self, weight: float, bits_per_second: float) -> None:
        """Take in a measurement."""
        self._fast.sample(weight, bits_per_second)
        self._slow.sample(weight, bits_per_second)

    @property
    def is_known(self) -> bool:
        """Whether anything was measured; half-lives and weights are seconds."""
        return self._fast.weight > 0

    @property
    def value(self) -> float:
        """The estimate."""
        return min(self._fast.value, self._slow.value)


def highest(ladder: Ladder, bits_per_second: float) -> int:
    """The highest level whose peak fits; the lowest when none does."""
    fitting = (level for level in reversed(range(len(ladder))) if ladder[level].peak <= bits_per_second)
    return next(fitting, 0)
