"""One metric of one scope, second by second: what a budget is judged on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from advisor.gate.estimate import Estimate, Floats, Spread, mean_of, percentile_of, share_of
from advisor.texts import Message
from loadtests.budgets import Budget

Mask = NDArray[np.bool_]


class Invalid(NamedTuple):
    """Why something cannot be judged, and what to do about it."""

    reason: Message
    remedy: Message


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


@dataclass(frozen=True, slots=True)
class Unknown(Series):
    """What a run does not say, and why."""

    why: Invalid
    seconds: int

    def estimate(self, sure: float) -> Estimate:  # noqa: ARG002 - there is none
        """No figure."""
        return Estimate.exact(float("nan"), 0)

    def by_second(self) -> Floats:
        """No figure in any second."""
        return np.full(self.seconds, np.nan)

    def score(self, limit: float) -> tuple[Floats, Floats]:  # noqa: ARG002 - nothing to order
        """Nothing in any second."""
        return np.zeros(self.seconds), np.zeros(self.seconds)

    def take(self, rows: slice | Mask) -> Self:  # noqa: ARG002 - as unknown in part as in whole
        """The same."""
        return self


class Told(ABC):
    """Figures of one metric that a tool worked out itself, over its whole file."""

    @abstractmethod
    def series(self, budget: Budget, seconds: int) -> Series:
        """As a series; `Unknown` when the asked figure is not among them, or no ends to it can be told."""
