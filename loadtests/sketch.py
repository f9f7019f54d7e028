"""A mergeable latency sketch with at most 1 % relative error: a quantile is computed once, at the end, from sums.

DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch", VLDB 2019): a positive value
falls in bin ``ceil(log(value) / log(gamma))`` with ``gamma = (1 + a) / (1 - a)``; the middle of a bin is within a
share ``a`` of every value in it. Merging adds bins, so it is commutative, associative and loses nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Final, Self

import numpy as np
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

RELATIVE_ERROR: Final = 0.01
GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_PER_BIN: Final = 1.0 / math.log(GAMMA)
SMALLEST: Final = 1e-6
"""Values at or below a microsecond share the lowest bin."""
LOWEST_BIN: Final = math.ceil(math.log(SMALLEST) * _PER_BIN)


def bin_of(value: float) -> int:
    """The bin that holds ``value`` (seconds, or any positive quantity)."""
    return LOWEST_BIN if value <= SMALLEST else math.ceil(math.log(value) * _PER_BIN)


def middle_of(index: int) -> float:
    """The value that stands for a bin: within `RELATIVE_ERROR` of everything in it."""
    return 2.0 * GAMMA**index / (GAMMA + 1.0)


class Sketch:
    """Counts per bin, with exact count, sum, smallest and largest."""

    __slots__ = ("bins", "count", "largest", "smallest", "total")

    def __init__(self) -> None:
        self.bins: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.smallest = math.inf
        self.largest = -math.inf

    def add(self, value: float, times: int = 1) -> None:
        """Count ``value``; below zero is clock noise and counts as zero; what is no number fails."""
        if value < 0.0:
            value = 0.0
        index = bin_of(value)
        self.bins[index] = self.bins.get(index, 0) + times
        self.count += times
        self.total += value * times
        if value < self.smallest:
            self.smallest = value
        if value > self.largest:
            self.largest = value

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of many values at once, at a tenth of the cost of adding each."""
        sketch = cls()
        if values:
            known = np.maximum(np.array(values), 0.0)
            bins = np.ceil(np.log(np.maximum(known, SMALLEST)) * _PER_BIN).astype(np.int32)
            found, counts = np.unique(bins, return_counts=True)
            sketch.bins = dict(zip(found.tolist(), counts.tolist(), strict=True))
            sketch.count, sketch.total = len(known), float(known.sum())
            sketch.smallest, sketch.largest = float(known.min()), float(known.max())
        return sketch

    def merge(self, other: Sketch) -> Self:
        """Add another sketch into this one."""
        for index, count in other.bins.items():
            self.bins[index] = self.bins.get(index, 0) + count
        self.count += other.count
        self.total += other.total
        self.smallest = min(self.smallest, other.smallest)
        self.largest = max(self.largest, other.largest)
        return self

    def quantile(self, share: float) -> float:
        """The value below which ``share`` of the samples lie, within 1 %; NaN for an empty sketch."""
        if not self.count:
            return math.nan
        rank = share * (self.count - 1)
        seen = 0
        for index in sorted(self.bins):
            seen += self.bins[index]
            if seen > rank:
                return min(max(middle_of(index), self.smallest), self.largest)
        return self.largest

    def quantiles(self, *shares: float) -> list[float]:
        """Several at once, from one walk through the bins; the same figures as `quantile`."""
        if not self.count:
            return [math.nan] * len(shares)
        indices = list(self.bins)
        if indices == (ordered := sorted(indices)):  # as they are written
            seen = list(accumulate(self.bins.values()))
        else:
            indices, seen = ordered, list(accumulate(map(self.bins.__getitem__, ordered)))
        found = []
        for share in shares:
            place = bisect_right(seen, share * (self.count - 1))
            value = middle_of(indices[place]) if place < len(indices) else self.largest
            found.append(min(max(value, self.smallest), self.largest))
        return found

    def above(self, limit: float) -> int:
        """How many samples lie above ``limit``, within 1 % of it."""
        edge = bin_of(limit)
        return sum(count for index, count in self.bins.items() if index > edge)

    @property
    def mean(self) -> float:
        """Arithmetic mean, exact; NaN for an empty sketch."""
        return self.total / self.count if self.count else math.nan

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Sketch(count={self.count}, p50={self.quantile(0.5):.4g}, largest={self.largest:.4g})"

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: an empty sketch has only its count."""
        if not self.count:
            return {"count": 0}
        return {
            "count": self.count,
            "sum": round(self.total, 9),
            "min": round(self.smallest, 9),
            "max": round(self.largest, 9),
            "bins": dict(sorted(self.bins.items())),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read the JSON form; ValueError when its parts contradict one another."""
        sketch = cls()
        if data.keys() != {"count"} or data["count"]:
            sketch.bins = {int(index): int(count) for index, count in data["bins"].items()}
            sketch.count, sketch.total = int(data["count"]), float(data["sum"])
            sketch.smallest, sketch.largest = float(data["min"]), float(data["max"])
            sketch._check()
        return sketch

    def _check(self) -> None:
        added = sum(self.bins.values())
        if added != self.count or min(self.bins.values(), default=0) < 1:
            raise ValueError(f"the bins of a sketch add up to {added}, its count is {self.count}")
        if not 0 <= self.smallest <= self.largest < math.inf:
            raise ValueError(f"the smallest value of a sketch is {self.smallest}, the largest {self.largest}")
        if not self.smallest * 0.99 - SMALLEST <= self.mean <= self.largest * 1.01 + SMALLEST:
            raise ValueError(f"the sum of a sketch is {self.total}, which its {self.count} values cannot have")
        if bin_of(self.smallest * 0.99) > min(self.bins) or max(self.bins) > bin_of(self.largest * 1.01):
            raise ValueError(f"a sketch has bins outside {self.smallest} to {self.largest}")

    @classmethod
    def _validate(cls, data: object) -> Sketch:
        if isinstance(data, Sketch):
            return data
        if not isinstance(data, dict):
            raise ValueError("expected a sketch: {count, sum, min, max, bins}")
        try:
            return cls.from_dict(data)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a sketch: {error!r}") from error

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        json_form = core_schema.typed_dict_schema(
            {
                "count": core_schema.typed_dict_field(core_schema.int_schema(ge=0)),
                "sum": core_schema.typed_dict_field(core_schema.float_schema(), required=False),
                "min": core_schema.typed_dict_field(core_schema.float_schema(), required=False),
                "max": core_schema.typed_dict_field(core_schema.float_schema(), required=False),
                "bins": core_schema.typed_dict_field(
                    core_schema.dict_schema(core_schema.str_schema(pattern=r"^-?\d+$"), core_schema.int_schema(ge=1)),
                    required=False,
                ),
            },
            extra_behavior="forbid",
        )
        return core_schema.json_or_python_schema(
            json_schema=core_schema.chain_schema(
                [json_form, core_schema.no_info_plain_validator_function(cls._validate)]
            ),
            python_schema=core_schema.no_info_plain_validator_function(cls._validate),
            serialization=core_schema.plain_serializer_function_ser_schema(cls.as_dict),
        )


def merged(sketches: Iterable[Sketch]) -> Sketch:
    """One sketch with the samples of all."""
    result = Sketch()
    for sketch in sketches:
        result.merge(sketch)
    return result
