"""How sure a share is: the exact interval of a binomial count."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log
from typing import Final

from advisor.interval import Interval

COVERAGE: Final = 0.90
_STEPS: Final = 60
"""Halvings: far below what is shown."""


def share(held: int, count: int, coverage: float = COVERAGE) -> Interval:
    """``held`` of ``count`` as a share with its interval; ValueError unless 0 <= held <= count and count > 0.

    Exact (Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 1934): the shares at which so many or more, or so few or fewer, are no rarer than half of what is
    left of the coverage. It covers at least as often as it says.
    """
    if not 0 <= held <= count or not count:
        raise ValueError(f"expected 0 <= held <= count and count > 0, found {held} of {count}")
    tail = (1.0 - coverage) / 2
    low = 0.0 if held == 0 else _where(lambda p: 1.0 - at_most(held - 1, count, p) >= tail)
    high = 1.0 if held == count else _where(lambda p: at_most(held, count, p) <= tail)
    mid = held / count
    return Interval(low=min(low, mid), mid=mid, high=max(high, mid), coverage=coverage, samples=count)


def at_most(held: int, count: int, chance: float) -> float:
    """The chance of ``held`` or fewer of ``count``, each with ``chance``."""
    if not 0.0 < chance < 1.0:
        return 1.0 if chance <= 0.0 or held >= count else 0.0
    terms = (
        lgamma(count + 1)
        - lgamma(one + 1)
        - lgamma(count - one + 1)
        + one * log(chance)
        + (count - one) * log(1 - chance)
        for one in range(held + 1)
    )
    return min(1.0, sum(exp(term) for term in terms))


def _where(holds: Callable[[float], bool]) -> float:
    """The least chance from which on ``holds`` is true."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
