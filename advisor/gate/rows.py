"""From what a run holds of a metric to the `Series` that a budget judges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.foreign import Samples
from advisor.gate.estimate import Floats, Spread
from advisor.gate.evidence import Evidence, Pairs
from advisor.gate.sentences import say
from advisor.gate.series import Extreme, Invalid, Mask, Percentile, Ratio, Scope, Series, Unknown
from loadtests.budgets import Budget
from loadtests.results import Generator


def series(evidence: Evidence, budget: Budget, scope: Scope, times: Sequence[int]) -> Series:
    """A budget's metric in one scope, at the seconds ``times``."""
    rows = _Rows(times)
    if budget.what.subject == "generator":
        return _of_generators(evidence.generators, budget, rows)
    match evidence.columns.get(budget.metric):
        case Samples() as samples:
            return _distribution(samples, wanted_cells(evidence, scope), rows, budget)
        case Pairs() as pairs:
            return _sums(pairs, wanted_cells(evidence, scope), rows, budget)
        case None:
            remedy = evidence.recordable[budget.metric]
            return Unknown(Invalid(say("not_told", metric=budget.metric), say(remedy)), len(times))
        case told:
            return told.series(budget, len(times))


def _distribution(samples: Samples, wanted: NDArray[np.int64], rows: _Rows, budget: Budget) -> Series:
    if (percentile := budget.percentile) is not None:
        return Percentile(_table(samples, wanted, rows), percentile)
    return _moments(samples, wanted, rows, budget.stat)


def _sums(pairs: Pairs, wanted: NDArray[np.int64], rows: _Rows, budget: Budget) -> Series:
    metric = budget.what
    chosen = rows.choose(pairs.at, pairs.cells, wanted)
    parts = rows.sums(chosen, np.frombuffer(pairs.parts, dtype=np.float64))
    if metric.kind in ("rate", "level"):
        return _plain(parts, "count" if metric.unit == "/s" else metric.kind, budget.stat)
    return Ratio(parts, rows.sums(chosen, np.frombuffer(pairs.wholes, dtype=np.float64)), metric.kind)


def wanted_cells(evidence: Evidence, scope: Scope) -> NDArray[np.int64]:
    """Indices of the cells in a scope."""
    fits = (
        i for (region, cohort), i in evidence.cells.items() if _in(scope.region, region) and _in(scope.cohort, cohort)
    )
    return np.fromiter(fits, dtype=np.int64)


def _in(wanted: str, found: str) -> bool:
    return wanted in ("", found)


class _Rows:
    """Where each judged second stands."""

    def __init__(self, times: Sequence[int]) -> None:
        self.count = len(times)
        self._row = np.full(max(times, default=0) + 2, -1, dtype=np.int64)
        self._row[list(times)] = np.arange(len(times))

    def choose(self, at: object, cells: object, wanted: NDArray[np.int64]) -> tuple[Mask, NDArray[np.int64]]:
        """Which entries of a column count, and in which row each stands."""
        seconds = np.minimum(np.frombuffer(at, dtype=np.int32), len(self._row) - 1)  # type: ignore[call-overload]
        rows = self._row[seconds]
        used = np.zeros(1 << 16, dtype=np.bool_)
        used[wanted] = True
        mask = (rows >= 0) & used[np.frombuffer(cells, dtype=np.uint16)]  # type: ignore[call-overload]
        return mask, rows[mask]

    def sums(self, chosen: tuple[Mask, NDArray[np.int64]], values: Floats) -> Floats:
        """Entries added up by row."""
        mask, rows = chosen
        return np.asarray(np.bincount(rows, weights=values[mask], minlength=self.count), dtype=np.float64)


def _of_generators(generators: Sequence[Generator], budget: Budget, rows: _Rows) -> Series:
    if budget.what.kind != "spread":
        return _readings(generators, budget.metric.partition(".")[2], rows, budget.stat)
    lags = Samples()
    for one in generators:
        lags.add(one.at, 0, one.lag.as_dict())
    return _distribution(lags, np.zeros(1, dtype=np.int64), rows, budget)


def _table(samples: Samples, cells: NDArray[np.int64], rows: _Rows) -> Spread:
    """The sketches of each row added up."""
    mask, at = rows.choose(samples.at, samples.cells, cells)
    first, table = samples.table(np.flatnonzero(mask), at, rows.count)
    return Spread(table, first)


def _moments(samples: Samples, cells: NDArray[np.int64], rows: _Rows, stat: str) -> Series:
    mask, row = chosen = rows.choose(samples.at, samples.cells, cells)
    if stat == "mean":
        totals, counts = np.frombuffer(samples.totals, dtype=np.float64), np.frombuffer(samples.samples, dtype=np.int32)
        return Ratio(rows.sums(chosen, totals), rows.sums(chosen, counts.astype(np.float64)), "mean")
    largest = stat == "max"
    values = np.full(rows.count, -np.inf if largest else np.inf)
    ends = np.frombuffer(samples.largest if largest else samples.smallest, dtype=np.float64)
    (np.maximum if largest else np.minimum).at(values, row, ends[mask])
    return Extreme(np.where(np.isinf(values), np.nan, values), largest)


def _readings(generators: Sequence[Generator], name: str, rows: _Rows, stat: str) -> Series:
    at = np.array([one.at for one in generators], dtype=np.int32)
    found = np.array([getattr(one, name) for one in generators], dtype=np.float64)
    zero = np.zeros(len(at), dtype=np.uint16)
    chosen = rows.choose(at.tobytes(), zero.tobytes(), np.zeros(1, dtype=np.int64))
    if name != "cpu":
        return _plain(rows.sums(chosen, found), "level" if name == "sockets" else "count", stat)
    busiest = np.zeros(rows.count)
    np.maximum.at(busiest, chosen[1], found[chosen[0]])
    return _plain(busiest, "level", stat)


def _plain(values: Floats, kind: str, stat: str) -> Series:
    if stat in ("min", "max"):
        return Extreme(values, stat == "max")
    return Ratio(values, np.ones(len(values)), kind)
