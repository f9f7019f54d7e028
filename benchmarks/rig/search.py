"""Finds how many viewers a client holds: a coarse climb once, then a fine one in each round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from benchmarks.rig.measured import Measured

COARSE: Final = 1.25
STEPS: Final = 6
ATTEMPTS: Final = 4
FINE: Final = (0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25)
"""Of what the coarse climb held, whose steps are 25 % wide."""
BELOW: Final = (0.5, 0.58, 0.66, 0.74, 0.82, 0.9)
"""Tried when none of those was held."""

Climb: TypeAlias = Callable[[tuple[int, ...]], list[Measured]]


def best(measured: Sequence[Measured]) -> Measured | None:
    """The step with the most viewers that was held."""
    return max((one for one in measured if one.held), key=lambda one: one.viewers, default=None)


def coarse(climb: Climb, start: int, most: int) -> list[Measured]:
    """Climb from ``start``: lower if not even the first step is held, higher if the last one is."""
    found: list[Measured] = []
    for _ in range(ATTEMPTS):
        levels = tuple(level for k in range(STEPS) if (level := round(start * COARSE**k)) <= most)
        if not levels:
            break
        now = climb(levels)
        found += now
        if best(now) is None:
            start = round(start / COARSE**STEPS)
        elif len(now) == len(levels) and now[-1].held:
            start = round(levels[-1] * COARSE)
        else:
            break
    return found


def fine(climb: Climb, around: int, most: int, first: int = 0) -> list[Measured]:
    """Climb by 4 to 5 % a step near ``around``, after one step at ``first`` (0 for none)."""
    found: list[Measured] = []
    for shares in (FINE, BELOW):
        levels = {level for share in shares if first < (level := round(around * share)) <= most}
        found = climb(tuple(sorted(levels | ({first} if first else set()))))
        if best([one for one in found if one.viewers > first * 1.1]) is not None:
            break
    return found
