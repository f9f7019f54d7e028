"""One metric of one scope, second by second: what a budget is judged on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from advisor.gate.estimate import Estimate, Floats, Spread, mean_of, percentile_of, share_of
from advisor.gate.ledger import Ledger, Pairs, Samples
from loadtests.budgets import Budget
from loadtests.results import Generator

Mask = NDArray[np.bool_]


class Scope(NamedTuple):
    """Whose viewers; empty for all of them together."""

    region: str = ""
    cohort: str = ""


@dataclass(frozen=True, slots=True)
class Series(ABC):
    """Judged seconds in order; a sub-series is one of the same kind with fewer seconds."""

    @abstractmethod
    def estimate(self, sure: float) -> Estimate:
        """Of all seconds together."""

    @abstractmethod
    def by_second(self) -> Floats:
        """Each second's own value; NaN where it has too few samples for one."""

    @abstractmethod
    def score(self, limit: float) -> tuple[Floats, Floats]:
        """Part and whole of each second, whose ratio over a window orders windows as their values do."""

    @abstractmethod
    def take(self, rows: slice | Mask) -> Self:
        """Some of the seconds."""


@dataclass(frozen=True, slots=True)
class Ratio(Series):
    """A share, a mean, a rate, or the mean of a level."""

    parts: Floats
    wholes: Floats
    kind: str

    def estimate(self, sure: float) -> Estimate:
        """By kind: a share has no end beyond 0 and 1, a count is no surer than Poisson's."""
        if self.kind == "share":
            return share_of(self.parts, self.wholes, sure=sure)
        return mean_of(self.parts, self.wholes, counts=self.kind == "count", sure=sure)

    def by_second(self) -> Floats:
        """Parts over wholes."""
        wholes = np.where(self.wholes > 0, self.wholes, np.nan)
        return np.minimum(self.parts / wholes, 1.0) if self.kind == "share" else self.parts / wholes

    def score(self, limit: float) -> tuple[Floats, Floats]:  # noqa: ARG002 - the value itself orders
        """As they are."""
        return self.parts, self.wholes

    def take(self, rows: slice | Mask) -> Self:
        """Some of the seconds."""
        return replace(self, parts=self.parts[rows], wholes=self.wholes[rows])


@dataclass(frozen=True, slots=True)
class Percentile(Series):
    """A percentile of a distribution."""

    spread: Spread
    share: float

    def estimate(self, sure: float) -> Estimate:
        """Of the pooled samples."""
        return percentile_of(self.spread, self.share, sure=sure)

    def by_second(self) -> Floats:
        """Of each second's samples, where they are enough."""
        return self.spread.by_second(self.share)

    def score(self, limit: float) -> tuple[Floats, Floats]:
        """The share above the limit."""
        return self.spread.above(limit), self.spread.counts()

    def take(self, rows: slice | Mask) -> Self:
        """Some of the seconds."""
        return replace(self, spread=self.spread._replace(table=self.spread.table[rows]))


@dataclass(frozen=True, slots=True)
class Extreme(Series):
    """The largest or smallest sample or reading: counted, not estimated. NaN in seconds without one."""

    values: Floats
    largest: bool

    def estimate(self, sure: float) -> Estimate:  # noqa: ARG002 - exact
        """The extreme of all seconds."""
        seen = self.values[~np.isnan(self.values)]
        if not len(seen):
            return Estimate.exact(float("nan"), 0)
        return Estimate.exact(float(seen.max() if self.largest else seen.min()), len(seen))

    def by_second(self) -> Floats:
        """Each second's own."""
        return self.values

    def score(self, limit: float) -> tuple[Floats, Floats]:  # noqa: ARG002 - the value itself orders
        """As they are."""
        return np.nan_to_num(self.values), np.where(np.isnan(self.values), 0.0, 1.0)

    def take(self, rows: slice | Mask) -> Self:
        """Some of the seconds."""
        return replace(self, values=self.values[rows])


def series(ledger: Ledger, budget: Budget, scope: Scope, times: Sequence[int]) -> Series:
    """A budget's metric in one scope, at the seconds ``times``."""
    rows = _Rows(times)
    metric, stat = budget.what, budget.stat
    if metric.kind == "spread":
        samples, wanted = _samples(ledger, budget.metric, scope)
        if (percentile := budget.percentile) is not None:
            return Percentile(_table(samples, wanted, rows), percentile)
        return _moments(samples, wanted, rows, stat)
    if metric.subject == "generator":
        return _readings(ledger.generators, metric.name.partition(".")[2], rows, stat)
    column = ledger.columns[metric.name]
    assert isinstance(column, Pairs)
    chosen = rows.choose(column.at, column.cells, wanted_cells(ledger, scope))
    parts = rows.sums(chosen, np.frombuffer(column.parts, dtype=np.float64))
    if metric.kind in ("rate", "level"):
        return _plain(parts, "count" if metric.unit == "/s" else metric.kind, stat)
    return Ratio(parts, rows.sums(chosen, np.frombuffer(column.wholes, dtype=np.float64)), metric.kind)


def wanted_cells(ledger: Ledger, scope: Scope) -> NDArray[np.int64]:
    """Indices of the cells in a scope."""
    fits = (
        i for (region, cohort), i in ledger.cells.items() if _in(scope.region, region) and _in(scope.cohort, cohort)
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


def _samples(ledger: Ledger, metric: str, scope: Scope) -> tuple[Samples, NDArray[np.int64]]:
    column = ledger.columns.get(metric)
    if isinstance(column, Samples):
        return column, wanted_cells(ledger, scope)
    lags = Samples()
    for one in ledger.generators:
        lags.add(one.at, 0, {**one.lag.as_dict(), "bins": one.lag.bins})
    return lags, np.zeros(1, dtype=np.int64)


def _table(samples: Samples, cells: NDArray[np.int64], rows: _Rows) -> Spread:
    """Add up the sketches of each row, one sketch at a time: a sketch names each of its bins once."""
    mask, at = rows.choose(samples.at, samples.cells, cells)
    if not len(at):
        return Spread(np.zeros((rows.count, 0), dtype=np.int32), 0)
    bins, counts = np.frombuffer(samples.bins, dtype=np.int16), np.frombuffer(samples.counts, dtype=np.int32)
    first, width = int(bins.min()), int(bins.max()) - int(bins.min()) + 1
    table = np.zeros((rows.count, width), dtype=np.int32)
    ends = np.cumsum(np.frombuffer(samples.widths, dtype=np.int32), dtype=np.int64)
    for row, index in zip(at.tolist(), np.flatnonzero(mask).tolist(), strict=True):
        start, end = int(ends[index - 1]) if index else 0, int(ends[index])
        table[row, bins[start:end] - first] += counts[start:end]
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
