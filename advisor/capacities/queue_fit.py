"""Waits below the limit: a queue that fits first-byte times over the load steps says where a latency budget breaks.

M/M/c: with c servers of capacity C = c/S together and load a = rate · S, a request waits longer than t with
probability P · exp(-(c - a) t / S), P by Erlang's C formula (Gross et al., "Fundamentals of Queueing Theory", 4th ed.,
section 2.3), so the p95 of the wait is ln(P / 0.05) · S / (c - a), or 0 where P <= 0.05. Fitted are c, C and the time
without a queue. It is an outlook beyond what was tested, wide on purpose and never beyond twice the tested rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.blocks import BLOCK, COVERAGE, RESAMPLES, seed_of
from advisor.capacities.queueing import lost
from advisor.interval import Interval
from advisor.measured.levels import levels
from advisor.measured.measure import Measurement
from advisor.measured.seconds import Second
from advisor.models import Model

Floats: TypeAlias = NDArray[np.float64]

SERVERS: Final = (1, 2, 4, 8, 16, 32, 64, 128)
"""Numbers of servers tried: more behave like these once a queue shows at all."""
SHARES: Final = np.geomspace(1.02, 4.0, 80)
"""Capacities tried, as multiples of the highest rate held: 1.7 % apart."""
BEYOND: Final = 2.0
"""No outlook beyond this multiple of the tested rate (house rule, docs/reading-a-report.md)."""
LEAST_BLOCKS: Final = 8
"""Fewest held blocks to fit three figures to."""
GREW: Final = 1.2
"""Growth of the p95 from the lightest third of the blocks to the heaviest that shows a queue (assumed)."""
LIKELY: Final = 1.1
"""Fits whose error is within this factor of the least are not told apart (assumed)."""
WIDER: Final = 1.15
"""Both ends are moved by this factor: arrivals in waves and services that are not exponential are not in the model
(assumed)."""
ADDING: Final = (1.0, 1.5, 2.0)
"""How the p95 of the wait w and of the rest b add: (b^p + w^p)^(1/p), from at the same moments (p = 1) to independently
(two exponential times of one mean: p = 1.5 is within 2 %)."""
TAIL: Final = 0.05


def beyond(model: Model, measurement: Measurement) -> Interval | None:
    """Rate per node at which p95 of segments would reach its budget; None where no queue shows, or too far off."""
    steps = levels(measurement)
    seconds = [one for step in steps for one in step.seconds if not one.broken and one.ttfb and one.total]
    rates, firsts, rest = _blocks(model, seconds, measurement.nodes)
    if len(rates) < LEAST_BLOCKS or not _grew(rates, firsts):
        return None
    allowed = measurement.scenario.budgets.segment_p95 - rest
    if allowed <= 0:
        return None
    tested = float(rates.max())
    fits = _Fits(rates, firsts)
    breaks = fits.breaks(allowed)
    drawn = fits.drawn(seed_of(f"{measurement.seed} beyond"))
    tail = (1.0 - COVERAGE) / 2
    low, mid, high = (float(end) for end in np.quantile(breaks[drawn], [tail, 0.5, 1.0 - tail]))
    low, high = max(tested, low / WIDER), high * WIDER
    if not (math.isfinite(high) and high <= BEYOND * tested and tested < mid):
        return None
    return Interval(low=min(low, mid), mid=mid, high=high, coverage=COVERAGE, samples=len(seconds))


def _blocks(model: Model, seconds: Sequence[Second], nodes: int) -> tuple[Floats, Floats, float]:
    """Rate per node and p95 of the first byte, per block of a load step; median p95 of what follows the first byte."""
    from_first = [(one.total.p95 - one.ttfb.p95) for one in seconds if one.total and one.ttfb]
    rates, firsts = [model.rate(one) / nodes for one in seconds], [one.ttfb.p95 for one in seconds if one.ttfb]
    whole = len(rates) // BLOCK * BLOCK
    means = np.array(rates[:whole], dtype=np.float64).reshape(-1, BLOCK).mean(axis=1)
    medians = np.median(np.array(firsts[:whole], dtype=np.float64).reshape(-1, BLOCK), axis=1)
    return means, medians, max(0.0, float(np.median(from_first))) if from_first else 0.0


def _grew(rates: Floats, firsts: Floats) -> bool:
    order = np.argsort(rates, kind="stable")
    third = max(1, len(order) // 3)
    light, heavy = float(np.median(firsts[order[:third]])), float(np.median(firsts[order[-third:]]))
    return 0 < GREW * light <= heavy


def waiting(servers: int, load: Floats) -> Floats:
    """`advisor.capacities.queueing.erlang_c` of many loads at once, each below ``servers``."""
    blocked = lost(servers, load)
    use = load / servers
    return np.asarray(blocked / (1.0 - use + use * blocked))


def wait_p95(servers: int, capacity: Floats, rates: Floats) -> Floats:
    """p95 of the wait in seconds; infinite from the capacity on."""
    use = np.minimum(rates / capacity, 1.0 - 1e-9)
    share = waiting(servers, use * servers)
    wait = np.log(np.maximum(share / TAIL, 1.0)) / (capacity * (1.0 - use))
    return np.where(rates < capacity, wait, np.inf)


class _Fits:
    """All fits of the grid: a cell is a number of servers, a capacity, and how the wait adds to what it comes upon."""

    def __init__(self, rates: Floats, firsts: Floats) -> None:
        self.rates, self.firsts = rates, firsts
        self.capacities = SHARES * float(rates.max())
        waits = np.concatenate([wait_p95(one, self.capacities[:, None], rates[None, :]) for one in SERVERS])
        cells = [_based(waits, firsts, power) for power in ADDING]
        self.bases = np.concatenate([base for base, _ in cells])
        self.errors = np.concatenate([errors for _, errors in cells])

    def breaks(self, allowed: float) -> Floats:
        """The rate at which each cell's p95 reaches what is allowed: found on a grid of loads."""
        use = np.linspace(0.0, 1.0, 401)[:-1]
        rates = use[None, :] * self.capacities[:, None]
        waits = np.concatenate([wait_p95(one, self.capacities[:, None], rates) for one in SERVERS])
        capacities = np.tile(self.capacities, len(SERVERS))
        found = []
        for number, power in enumerate(ADDING):
            base = self.bases[number * len(waits) : (number + 1) * len(waits), None]
            late = base**power + waits**power > allowed**power
            first = np.where(late.any(axis=1), late.argmax(axis=1), len(use)) / 400.0
            found.append(first * capacities)
        return np.concatenate(found)

    def drawn(self, seed: int) -> NDArray[np.int64]:
        """Cells: the best of every resample of the blocks, and all that the whole data does not tell from the best."""
        rng = np.random.default_rng(seed)
        count = len(self.rates)
        weights = rng.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES).T
        best = np.argmin(self.errors @ weights, axis=0)
        whole = self.errors.sum(axis=1)
        return np.concatenate([best, np.flatnonzero(whole <= LIKELY * whole.min())])


def _based(waits: Floats, firsts: Floats, power: float) -> tuple[Floats, Floats]:
    """The p95 without a queue that fits each row of waits best, and the errors as logarithms."""
    left = np.maximum(np.median(firsts[None, :] ** power - waits**power, axis=1), 1e-12)
    fitted = (left[:, None] + waits**power) ** (1.0 / power)
    return left ** (1.0 / power), np.abs(np.log(fitted / firsts[None, :]))
