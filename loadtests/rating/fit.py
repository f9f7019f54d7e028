"""CPU = fixed + requests · a + bytes · b + joins · c, fitted over the seconds of one climb, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from loadtests.region import Frozen
from loadtests.sketch import Sketch

COVERAGE: Final = 0.90
DRAWS: Final = 1000

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """What one worker did in one second of the climb, and what it took."""

    at: int
    step: int
    """Of the stairs, from 0; -1 while people join or nobody is here."""
    viewers: int
    joins: int
    requests: int
    errors: int
    bytes: int
    sockets: int
    cpu: float
    """Share of one core."""
    lag: Sketch
    sink: float
    """Share of a core that the busiest sink used."""
    others: float
    """Cores that others used."""
    disturbed: str = ""
    """Why this second says nothing about the generator; empty when it does."""
    memory: int = 0


class Costs(NamedTuple):
    """CPU seconds: of every second, and for each request, byte and join on top."""

    fixed: float
    request: float
    byte: float
    join: float


class Range(Frozen):
    """An estimate with the ends of its 90 % interval: of one climb, not from climb to climb."""

    low: float
    value: float
    high: float


def fit(seconds: Sequence[Second]) -> Costs:
    """Least squares with no cost below zero: what would be negative is left out, the most negative first."""
    return Costs(*map(float, _solve(*_equations(seconds))))


def drawn(seconds: Sequence[Second], times: int = DRAWS, seed: int = 1) -> list[Costs]:
    """Costs that might as well have come out: Student's t around the fit, as wide as what the fit leaves over."""
    rows, cpu = _equations(seconds)
    scale = np.maximum(np.abs(rows).max(axis=0), 1e-12)
    scaled = rows / scale
    middle, *_ = np.linalg.lstsq(scaled, cpu, rcond=None)  # with costs below zero, where noise makes them so
    freedom = max(len(cpu) - rows.shape[1], 1)
    spread = float(np.sum((cpu - scaled @ middle) ** 2)) / freedom
    covariance = spread * np.linalg.pinv(scaled.T @ scaled, hermitian=True)
    dice = np.random.default_rng(seed)
    steps = dice.multivariate_normal(np.zeros(rows.shape[1]), covariance, times, method="eigh")
    steps *= np.sqrt(freedom / dice.chisquare(freedom, (times, 1)))
    return [Costs(*map(float, draw)) for draw in np.maximum((middle + steps) / scale, 0.0)]


def _equations(seconds: Sequence[Second]) -> tuple[Array, Array]:
    """What happened in each second, and the CPU that it took."""
    rows = np.array([(1.0, s.requests, s.bytes, s.joins) for s in seconds], dtype=np.float64)
    return rows, np.array([s.cpu for s in seconds], dtype=np.float64)


def _solve(rows: Array, cpu: Array) -> Array:
    scale = np.abs(rows).max(axis=0)
    kept = [column for column in range(rows.shape[1]) if scale[column] > 0]
    costs: Array = np.zeros(rows.shape[1])
    while kept:
        found, *_ = np.linalg.lstsq(rows[:, kept] / scale[kept], cpu, rcond=None)
        if (found >= 0).all():
            costs[kept] = found / scale[kept]
            break
        kept.pop(int(found.argmin()))
    return costs


def ranged(value: float, draws: Sequence[float]) -> Range:
    """The interval of an estimate from what might as well have come out; it always holds the estimate itself."""
    low, high = np.quantile(draws, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]) if draws else (value, value)
    return Range(low=min(float(low), value), value=value, high=max(float(high), value))
