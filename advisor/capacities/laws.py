"""Laws of scalability: what throughput becomes of load, each linear in its coefficients, many weightings at a time.

With N the load and X the throughput, most laws are a sum for the time per unit of load, N / X, or for a power of it:

    (N / X)^p = a + b s(N) + c r(N)        a > 0, b >= 0, c >= 0

=============  ===  =============  ==========  =====================================================================
linear         1    none           none        no limit
logarithm      1    ln N           none        work that passes through a tree (coordination by levels)
Amdahl         1    N - 1          none        a serial share: Amdahl, AFIPS 1967
USL            1    N - 1          N (N - 1)   Gunther, "Guerrilla Capacity Planning", 2007, chapter 4
roof p         p    N^p            none        straight until a ceiling, the sharper the higher p (assumed form)
retrograde p   p    N^p            N^2p        the same, and it falls when pushed further (assumed form)
=============  ===  =============  ==========  =====================================================================

The roofs are the bounds of a closed queueing network (Denning and Buzen, "The Operational Analysis of Queueing Network
Models", 1978, section on asymptotes), joined by a p-norm: p = 1 is Amdahl with a free origin, and p without end is the
hard cliff of processor sharing. The power law, ln X = a + b ln N with b <= 1, has no ceiling at all.

Every fit is by least squares of relative errors, by enumeration of the few sets of coefficients above zero.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Term: TypeAlias = Callable[[Floats], Floats]

ORDERS: Final = (1.5, 2.0, 3.0, 4.0, 8.0)
"""Sharpness of the roofs: at the corner a roof of order p delivers 2^(-1/p) of its ceiling, 63 % to 92 %."""
_TINY: Final = 1e-300
_RIDGE: Final = 1e-10
"""Added to scaled normal equations, so that two terms that are alike on few points do not blow up."""


class Law(ABC):
    """One form of throughput over load."""

    name: str

    @abstractmethod
    def fit(self, loads: Floats, rates: Floats, weights: Floats) -> Floats:
        """Coefficients, one row for each row of ``weights`` (rows x points). ``rates`` is points, or rows x points."""

    @abstractmethod
    def log_rate(self, coefficients: Floats, loads: Floats) -> Floats:
        """Logarithm of X at ``loads``, one row for each row of ``coefficients``."""


@dataclass(frozen=True, slots=True)
class TimeLaw(Law):
    """(N / X)^order as a sum of terms; the first is the constant."""

    name: str
    terms: tuple[Term, ...]
    order: float = 1.0

    def fit(self, loads: Floats, rates: Floats, weights: Floats) -> Floats:
        """The sum that is nearest in relative terms."""
        times = (loads / np.broadcast_to(rates, weights.shape)) ** self.order
        basis = np.stack([term(loads) for term in self.terms], axis=1)
        return _above_zero(basis[None] / times[:, :, None], weights)

    def log_rate(self, coefficients: Floats, loads: Floats) -> Floats:
        """From the sum, back to throughput."""
        times = coefficients @ np.stack([term(loads) for term in self.terms])
        return np.log(loads) - np.log(np.maximum(times, _TINY)) / self.order


@dataclass(frozen=True, slots=True)
class PowerLaw(Law):
    """ln X = a + b ln N, with b at most 1."""

    name: str = "power"

    def fit(self, loads: Floats, rates: Floats, weights: Floats) -> Floats:
        """A straight line on double logarithmic paper."""
        x, total = np.log(loads), weights.sum(axis=1, keepdims=True)
        y = np.log(np.broadcast_to(rates, weights.shape) / loads)
        middle = (weights * x).sum(axis=1, keepdims=True) / total
        level = (weights * y).sum(axis=1, keepdims=True) / total
        spread = np.maximum((weights * (x - middle) ** 2).sum(axis=1, keepdims=True), _TINY)
        slope = np.minimum(0.0, (weights * (x - middle) * (y - level)).sum(axis=1, keepdims=True) / spread)
        return np.hstack([level - slope * middle, slope])

    def log_rate(self, coefficients: Floats, loads: Floats) -> Floats:
        """The line."""
        return coefficients[:, :1] + (1.0 + coefficients[:, 1:]) * np.log(loads)


def _constant(loads: Floats) -> Floats:
    return np.ones_like(loads)


def _contention(loads: Floats) -> Floats:
    return loads - 1.0


def _coherency(loads: Floats) -> Floats:
    return loads * (loads - 1.0)


def _to_the(power: float) -> Term:
    return lambda loads: loads**power


def _roofs(order: float) -> tuple[Law, Law]:
    flat, falling = _to_the(order), _to_the(2 * order)
    return (
        TimeLaw(f"roof {order:g}", (_constant, flat), order),
        TimeLaw(f"retrograde {order:g}", (_constant, flat, falling), order),
    )


USL: Final = TimeLaw("USL", (_constant, _contention, _coherency))

LAWS: Final[tuple[Law, ...]] = (
    TimeLaw("linear", (_constant,)),
    PowerLaw(),
    TimeLaw("logarithm", (_constant, np.log)),
    TimeLaw("Amdahl", (_constant, _contention)),
    USL,
    *(law for order in ORDERS for law in _roofs(order)),
)
"""All that compete. What each earns is in docs/capacity-science.md."""
UNJUDGED: Final = frozenset({"linear", "power", "logarithm", "Amdahl", "USL"})
"""Those that are heard when steps are too few to judge any: a sharp corner is believed only where one was seen."""


def _above_zero(basis: Floats, weights: Floats) -> Floats:
    """Minimise sum w (basis c - 1)^2 over c >= 0 with c_0 > 0, for each row; ``basis`` is rows x points x terms."""
    gram = np.einsum("bn,bni,bnj->bij", weights, basis, basis)
    target = np.einsum("bn,bni->bi", weights, basis)
    scale = np.sqrt(np.maximum(np.einsum("bii->bi", gram), _TINY))
    gram, target = gram / scale[:, :, None] / scale[:, None, :], target / scale
    best, found = np.full(len(weights), -np.inf), np.zeros_like(target)
    for columns in _sets(basis.shape[2]):
        part = gram[:, columns][:, :, columns] + _RIDGE * np.eye(len(columns))
        solved = np.linalg.solve(part, target[:, columns, None])[..., 0]
        gain = np.einsum("bi,bi->b", solved, target[:, columns])
        better = (solved >= 0).all(axis=1) & (solved[:, 0] > 0) & (gain > best + 1e-12)
        best = np.where(better, gain, best)
        row = np.zeros_like(target)
        row[:, columns] = solved
        found = np.where(better[:, None], row, found)
    return found / scale  # type: ignore[no-any-return]


def _sets(terms: int) -> list[list[int]]:
    """Every set of terms that holds the constant."""
    rest = range(1, terms)
    return [[0, *chosen] for size in range(terms) for chosen in combinations(rest, size)]
