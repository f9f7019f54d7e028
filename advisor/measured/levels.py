"""Load steps of a measurement: seconds with about the same number of viewers, in order of load.

Models fit on the lower steps and are judged on the top ones, so a step must be load, not time: a ramp passes through
many, and a plateau is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from advisor.blocks import BLOCK, stretches
from advisor.measured.measure import LOADED, Measurement
from advisor.measured.seconds import Second

WIDTH: Final = 1.15
"""A step holds loads up to this factor apart: seven steps to triple the load (assumed)."""


@dataclass(frozen=True, slots=True)
class Level:
    """One load step: whole blocks of `BLOCK` consecutive seconds whose mean load lies within `WIDTH`."""

    seconds: tuple[Second, ...]

    @property
    def viewers(self) -> float:
        """Mean viewers offered."""
        return float(np.mean([second.offered for second in self.seconds]))

    @property
    def blocks(self) -> int:
        """Blocks in it."""
        return len(self.seconds) // BLOCK

    @property
    def span(self) -> tuple[int, int]:
        """Its first and last second; others may lie between."""
        times = [second.at for second in self.seconds]
        return min(times), max(times)

    @property
    def broken(self) -> float:
        """Share of its seconds in which a budget was broken."""
        return sum(bool(second.broken) for second in self.seconds) / len(self.seconds)

    def means(self, rate: Callable[[Second], float]) -> list[float]:
        """The mean of each block."""
        values = np.array([rate(second) for second in self.seconds], dtype=np.float64)
        found: list[float] = values.reshape(-1, BLOCK).mean(axis=1).tolist()
        return found


def levels(measurement: Measurement, region: str = "") -> tuple[Level, ...]:
    """The load steps of the whole target, or of one region, from the lightest; blocks never bridge a gap."""
    seconds = measurement.region(region, LOADED) if region else measurement.whole(LOADED)
    steps: dict[int, list[Second]] = {}
    for block in blocks_of(seconds):
        load = sum(second.offered for second in block) / BLOCK
        if load > 0:
            steps.setdefault(math.floor(math.log(load) / math.log(WIDTH)), []).extend(block)
    return tuple(Level(tuple(part)) for _, part in sorted(steps.items()))


def blocks_of(seconds: Sequence[Second]) -> list[Sequence[Second]]:
    """Whole blocks of consecutive seconds, one after the other; what is left over is dropped."""
    runs = stretches([second.at for second in seconds])
    starts = (start for run in runs for start in range(run.start, run.stop - BLOCK + 1, BLOCK))
    return [seconds[start : start + BLOCK] for start in starts]
