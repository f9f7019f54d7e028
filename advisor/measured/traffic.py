"""What each kind of request was, second by second: how many, how many bits, and what caches said of them.

Kept beside the `Second`s, which are over all kinds. Rows are one per region, kind and second; what headers said of
ages, lifetimes and vendors is only added up, over the phases that show what a viewer costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from loadtests.cached import CacheState
from loadtests.session import RequestKind
from loadtests.sketch import Sketch

SPARED: Final[frozenset[CacheState]] = frozenset({"hit", "stale", "shield_hit"})
"""States in which the origin got no request; a revalidation is one, though its answer has no body."""
COSTING: Final = frozenset({"baseline", "ramp", "peak"})
"""The phases of `advisor.measured.measure.LOADED`."""


class Row(NamedTuple):
    """One kind in one second of one region."""

    at: int
    requests: int
    bits: float
    """Bodies and headers on the wire, without refusals."""
    told: int
    """Requests of which headers said how a cache did."""
    spared: int
    """Of ``told``: those that the origin never saw."""
    bypassed: int
    """Of ``told``: those that no cache may keep."""

    def plus(self, other: Row) -> Row:
        """Both, of the same second."""
        told, spared, bypassed = self.told + other.told, self.spared + other.spared, self.bypassed + other.bypassed
        return Row(self.at, self.requests + other.requests, self.bits + other.bits, told, spared, bypassed)


@dataclass(slots=True)
class Traffic:
    """One kind of request of one region, over all runs."""

    rows: list[Row] = field(default_factory=list)
    states: Counter[CacheState] = field(default_factory=Counter)
    vendors: Counter[str] = field(default_factory=Counter)
    lifetimes: Counter[str] = field(default_factory=Counter)
    age: Sketch = field(default_factory=Sketch)

    def add(self, at: int, requests: Mapping[str, Any], age: Sketch | None) -> None:
        """What one cohort asked for of this kind: fields of `Requests`, those that are there."""
        told = spared = bypassed = 0
        seen = requests.get("cache_states") or requests.get("cache") or {}  # older runs say hit or miss
        for state, count in seen.items():
            told += count
            spared += count if state in SPARED else 0
            bypassed += count if state == "bypass" else 0
            self.states[state] += count
        size = requests.get("bytes", 0) + requests.get("head_bytes", 0) - requests.get("refused_bytes", 0)
        row = Row(at, requests.get("count", 0), 8.0 * max(0, size), told, spared, bypassed)
        if self.rows and self.rows[-1].at == at:
            row = self.rows.pop().plus(row)
        self.rows.append(row)
        if vendors := requests.get("cache_vendors"):
            self.vendors.update(vendors)
        if lifetimes := requests.get("lifetimes"):
            self.lifetimes.update(lifetimes)
        if age is not None and age.count:
            self.age.merge(age)
            self.age.total = 0.0  # nobody needs a mean, and its last bits would depend on the order of adding

    def extend(self, other: Traffic, offset: int) -> None:
        """With another run behind it, its seconds moved."""
        self.rows += [row._replace(at=row.at + offset) for row in other.rows] if offset else other.rows
        self.states.update(other.states)
        self.vendors.update(other.vendors)
        self.lifetimes.update(other.lifetimes)
        self.age.merge(other.age)


RegionTraffic = dict[RequestKind, Traffic]


@dataclass(slots=True)
class Kinds:
    """The traffic of one run under way, by region and kind."""

    regions: dict[str, RegionTraffic] = field(default_factory=dict)

    def of(self, region: str, kind: RequestKind) -> Traffic:
        """Where what a region asks for of one kind is added; seconds come in order."""
        kinds = self.regions.setdefault(region, {})
        if kind not in kinds:
            kinds[kind] = Traffic()
        return kinds[kind]


def pooled(runs: Iterable[tuple[int, Mapping[str, RegionTraffic]]]) -> dict[str, RegionTraffic]:
    """Of several runs. Each comes with what is added to its seconds, so that runs stay apart."""
    found: dict[str, RegionTraffic] = {}
    for offset, regions in runs:
        for region, kinds in regions.items():
            for kind, one in kinds.items():
                found.setdefault(region, {}).setdefault(kind, Traffic()).extend(one, offset)
    return found
