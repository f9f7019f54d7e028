"""The cheapest two shapes together, where no single one carries the demand for as little.

Two shapes pay where one is cheap for one resource and the other for another, or where a whole number of one leaves too
much over. Of n1 nodes of one shape and n2 of the other every draw asks, for each resource,

    (n1 − a) ÷ need1 + (n2 − b) ÷ need2  ≥  1 ÷ utilisation × z ÷ (z − 1)

where need is how many nodes of a shape alone would carry that draw, z the zones, and a + b the nodes that may be
missing (``lose_nodes`` and ``spare_nodes``), taken from whichever shape hurts more. Both counts are whole multiples of
the zones, and keep to the quotas of both shapes. With n2 = 0 this is the plan of the first shape alone. Candidates are
compared on each need at the planned quantile; the cheapest are then held against all draws, and grow until as many
draws are carried as the plan asks.

Where a quota holds a shape back, every count of every pair that keeps to the quotas is held against all draws, the
cheapest first, so that none is missed that carries the demand; and shapes are looked at because nothing of their quota
does the same for less money and fewer vCPUs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import combinations
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.blocks import Floats
from advisor.clouds.owned import Cover
from advisor.plans.headroom import ROUNDING, Headroom
from advisor.plans.transfer import Drawn
from loadtests.launch import Launch

Flags: TypeAlias = NDArray[np.bool_]

PER_RESOURCE: Final = 3
"""Shapes that are looked at because they are cheapest for a resource …"""
OVERALL: Final = 5
"""… and because alone they carry everything for least, or because most of them is paid for."""
CHECKED: Final = 6
"""Pairs that are held against all draws, the cheapest first."""
GROWN: Final = 4
"""Rows of nodes that a pair may grow by until it is enough; one that needs more is no better than another."""
TRIED: Final = 1000
"""Counts of two shapes that are held against all draws where a quota is tight; after them none is found."""
NONE: Final = 1e-9
"""Nodes that a draw needs at least, so that a link of unknown width, which is not asked, stays a number."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A shape that fits alone, or would but for its quota, with its need of each resource."""

    at: int
    """Its place among the offers, -1 for the node rehearsed."""
    price: float
    """USD per node and hour."""
    vcpus: float
    """Of a node; without end where nobody knows, which no quota holds but an unknown one."""
    quota: float
    """vCPUs that its quota has beside all that counts against it now; without end when nobody knows."""
    pool: str
    """What its quota is called; empty where that is not known."""
    catalog: str
    middles: Floats
    """Per resource: logarithm of what it carries."""
    wider: Floats
    """Per resource: sigma of it that comes on top."""
    alone: int
    """Nodes of it alone."""
    held: tuple[int, ...]
    """Of each zone, those that free reservations hold: they count against the quota already."""
    serving: int
    """Those that serve today."""
    used: float
    """vCPUs that count against the quota now, and to which its own may belong."""
    cover: Cover
    """What is paid for either way."""

    @property
    def room(self) -> float:
        """Nodes that its quota holds at most, with those that count against it already; without end when unknown."""
        return self.quota / self.vcpus + self.serving + sum(self.held) if np.isfinite(self.quota) else np.inf

    def reserved(self, nodes: Floats) -> Floats:
        """Of so many nodes those that are in free reservations."""
        return _in_zones(nodes, self.held)

    def paid(self, nodes: Floats, more: Floats | float = 0.0) -> Floats:
        """Of so many nodes those that are paid for either way, with ``more`` units of Reserved Instances at hand."""
        held = _in_zones(nodes, self.cover.rooms)
        units = np.floor((self.cover.units + more) / self.cover.each)
        covered: Floats = held + np.minimum(nodes - held, np.maximum(0.0, units))
        return covered

    def counted(self, nodes: Floats) -> Floats:
        """Of so many nodes those that count against the quota already, as they serve or are reserved."""
        return np.minimum(self.used / self.vcpus, np.minimum(nodes, self.serving + self.reserved(nodes)))


def _in_zones(nodes: Floats, rooms: Sequence[int]) -> Floats:
    """Of so many nodes, spread evenly over the zones, those for which there is room."""
    each = np.ceil(nodes / len(rooms))
    held: Floats = np.minimum(each[..., None], rooms).sum(axis=-1)
    return np.minimum(nodes, held)


def paid(one: Candidate, other: Candidate, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Of so many of both shapes those that are paid for: of Reserved Instances that fit both, the first takes its own.

    What nodes of either take today is taken as used by others where a shape is looked at alone; together it is theirs.
    """
    if one.cover.reach != other.cover.reach:
        return one.paid(first), other.paid(second)
    ones = one.paid(first, other.cover.own)
    taken = (ones - _in_zones(first, one.cover.rooms)) * one.cover.each
    return ones, other.paid(second, one.cover.own - taken)


def cost(one: Candidate, other: Candidate, first: Floats, second: Floats) -> Floats:
    """USD per hour of so many of both, on top of what is paid for."""
    ones, others = paid(one, other, first, second)
    total: Floats = (first - ones) * one.price + (second - others) * other.price
    return total


class Pair(NamedTuple):
    """So many of one and so many of the other."""

    one: Candidate
    other: Candidate
    nodes: tuple[int, int]

    @property
    def cost(self) -> float:
        """USD per hour, on top of what is paid for."""
        return float(cost(self.one, self.other, *map(np.array, self.nodes)))

    @property
    def rank(self) -> tuple[float, int]:
        """Cheapest first, then fewest nodes."""
        return self.cost, sum(self.nodes)

    @property
    def quotas(self) -> tuple[float, float]:
        """VCPUs that may run of each shape, or of both where they share a quota, with those that count already."""
        (one, other), both = self[:2], zip(self[:2], self.nodes, strict=True)
        first, second = (float(shape.counted(np.array(count))) for shape, count in both)
        ones, others = first and first * one.vcpus, second and second * other.vcpus
        if is_shared(one, other):
            return (min(one.quota, other.quota) + ones + others,) * 2
        return one.quota + ones, other.quota + others

    @property
    def paid(self) -> tuple[int, int]:
        """Of each shape those that are paid for either way."""
        first, second = paid(self.one, self.other, *map(np.array, self.nodes))
        return int(first), int(second)

    @property
    def owned(self) -> tuple[int, int]:
        """Of these, those that Reserved Instances cover."""
        reserved = (int(one.reserved(np.array(count))) for one, count in zip(self[:2], self.nodes, strict=True))
        first, second = (max(0, count - held) for count, held in zip(self.paid, reserved, strict=True))
        return first, second


@dataclass(frozen=True, slots=True)
class Wanted:
    """What any plan of the region must do."""

    parts: tuple[Drawn, ...]
    rank: int
    """Place of the draw, in order of need, that must still be carried."""
    times: float
    """By how much what stands must exceed a draw's need: 1 ÷ utilisation × z ÷ (z − 1)."""
    missing: int
    """Nodes that may be missing beside a zone."""
    zones: int
    least: int
    most: int


def wanted(parts: tuple[Drawn, ...], rank: int, launch: Launch, steps: Sequence[Headroom]) -> Wanted:
    """A launch's rules as the pairs must keep them."""
    factor = float(np.prod([step.on(np.ones(1))[0] for step in steps if step.name in ("utilisation", "zones")]))
    missing = launch.lose_nodes + launch.spare_nodes
    return Wanted(parts, rank, factor, missing, launch.zones, launch.minimum_nodes, launch.most_nodes)


def shortlist(candidates: Sequence[Candidate], *, is_tight: bool = False) -> list[Candidate]:
    """Those that a cheapest pair may be made of; ``is_tight`` where it must keep to a quota that holds some back."""
    paid_for = {one.at: one.cover.paid(one.alone) for one in candidates}
    chosen = sorted(candidates, key=lambda one: (one.alone - paid_for[one.at]) * one.price)[:OVERALL]
    covered = (one for one in candidates if paid_for[one.at])
    chosen += sorted(covered, key=lambda one: -paid_for[one.at] * one.price)[:OVERALL]
    for resource in range(len(candidates[0].middles) if candidates else 0):
        ranked = sorted(candidates, key=lambda one: np.log(one.price) - one.middles[resource])
        chosen += ranked[:PER_RESOURCE]
    if is_tight:
        chosen += _sparing(candidates)
    return list({one.at: one for one in chosen}.values())


def _sparing(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """Of each quota the shapes that no other of it beats in money and in vCPUs: alone, and for each resource."""
    pools: dict[tuple[str, float], list[Candidate]] = {}
    for one in (one for one in candidates if np.isfinite(one.vcpus)):
        pools.setdefault((one.pool or one.catalog, one.quota), []).append(one)
    for shapes in pools.values():
        price, vcpus = (np.array([getattr(one, name) for one in shapes]) for name in ("price", "vcpus"))
        shares = np.exp([-one.middles for one in shapes]).T
        for each in (np.array([float(one.alone) for one in shapes]), *shares):
            fewest = np.inf
            for index in np.lexsort((vcpus * each, price * each)):
                if vcpus[index] * each[index] < fewest:
                    fewest = vcpus[index] * each[index]
                    yield shapes[index]


def cheapest(rule: Wanted, candidates: Sequence[Candidate], below: float, *, is_tight: bool = False) -> Pair | None:
    """The cheapest two shapes that carry the demand for less than ``below`` USD per hour; None without such a pair.

    ``is_tight`` where a quota holds shapes back: then all counts of them are tried.
    """
    short = shortlist(candidates, is_tight=is_tight)
    carried = {one.at: _carried_at(rule, one) for one in short}
    each = [(one, other, carried[one.at], carried[other.at]) for one, other in combinations(short, 2)]
    if is_tight:
        return _tried(rule, [_Counts.of(rule, *four) for four in each], below)
    pairs = [counts.pair(int(np.argmin(counts.cost))) for four in each if len((counts := _Counts.of(rule, *four)).cost)]
    best: Pair | None = None
    for pair in sorted((pair for pair in pairs if pair.cost < below), key=lambda pair: pair.rank)[:CHECKED]:
        grown = _grown(rule, pair, below if best is None else best.cost)
        best = grown or best
    return best


def _tried(rule: Wanted, all_counts: Sequence[_Counts], below: float) -> Pair | None:
    """The cheapest of all counts that carries what is asked: one that does not grows by a row, and waits its turn."""
    orders = [np.argsort(counts.cost, kind="stable") for counts in all_counts]
    queue = [
        (float(c.cost[o[0]]), at, 0, 0) for at, (c, o) in enumerate(zip(all_counts, orders, strict=True)) if len(o)
    ]
    heapify(queue)
    known: dict[int, list[Floats]] = {}
    for _ in range(TRIED):
        if not queue or queue[0][0] >= below:
            return None
        _, at, place, more = heappop(queue)
        counts, order = all_counts[at], orders[at]
        found = counts.pair(int(order[place]), more * rule.zones)
        if carries(rule, found, known):
            return found
        if not more and place + 1 < len(order):
            heappush(queue, (float(counts.cost[order[place + 1]]), at, place + 1, 0))
        grown = counts.pair(int(order[place]), (more + 1) * rule.zones)
        if more + 1 < GROWN and is_allowed(rule, grown):
            heappush(queue, (grown.cost, at, place, more + 1))
    return None


def _carried_at(rule: Wanted, one: Candidate) -> Floats:
    """Share of the demand that a node carries of each resource, at the quantile that is planned for."""
    needs = [_need(part, one, index) for index, part in enumerate(rule.parts)]
    return np.array([1.0 / np.partition(need, rule.rank)[rule.rank] for need in needs])


def _need(part: Drawn, one: Candidate, index: int) -> Floats:
    """Nodes of a shape alone, in every draw, for one resource."""
    need: Floats = np.exp(np.minimum(part.base - one.wider[index] * part.scores, part.most) - one.middles[index])
    return np.maximum(need, NONE)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Every count of one shape that keeps to the rules with the fewest of the other beside it."""

    one: Candidate
    other: Candidate
    first: Floats
    second: Floats
    cost: Floats

    @classmethod
    def of(cls, rule: Wanted, one: Candidate, other: Candidate, ones: Floats, others: Floats) -> _Counts:
        """On what a node of each carries at the planned quantile."""
        zones = rule.zones
        most = min(max(one.alone, zones + 1), one.room + 1)
        first = np.arange(zones, most, zones, dtype=np.float64)
        taken = np.minimum(rule.missing, first)
        left = rule.times - (first - taken)[:, None] * ones
        worst = np.maximum(
            (rule.missing - taken)[:, None] + left / others,
            rule.missing + (rule.times - first[:, None] * ones) / others,
        ).max(axis=1)
        second = zones * np.maximum(1.0, np.ceil(worst / zones * (1 - ROUNDING) - ROUNDING))
        second = np.maximum(second, zones * np.ceil((rule.least - first) / zones))
        allowed = (first + second <= rule.most) & _is_within(one, other, first, second)
        first, second = first[allowed], second[allowed]
        return cls(one, other, first, second, cost(one, other, first, second))

    def pair(self, index: int, more: int = 0) -> Pair:
        """One of them, with so many more of the second shape."""
        return Pair(self.one, self.other, (int(self.first[index]), int(self.second[index]) + more))


def _grown(rule: Wanted, pair: Pair, below: float) -> Pair | None:
    """The pair with as many more of the second shape as all draws ask; None where that is no longer cheaper."""
    known: dict[int, list[Floats]] = {}
    for more in range(GROWN):
        grown = pair._replace(nodes=(pair.nodes[0], pair.nodes[1] + more * rule.zones))
        if grown.cost >= below or not is_allowed(rule, grown):
            return None
        if carries(rule, grown, known):
            return grown
    return None


def is_allowed(rule: Wanted, pair: Pair) -> bool:
    """Whether a pair keeps to the quotas, and to the nodes that there may be."""
    first, second = (np.array([float(count)]) for count in pair.nodes)
    return sum(pair.nodes) <= rule.most and bool(_is_within(pair.one, pair.other, first, second).all())


def is_shared(one: Candidate, other: Candidate) -> bool:
    """Whether two shapes count against one quota.

    Quotas are the same where they are called alike. Where what one is called is not known: of one catalogue, equal
    quotas are taken as one and the same and different ones as two (assumed); of two catalogues, which may call one
    quota by two figures, both shapes are held against the smaller.
    """
    if one.pool and other.pool:
        return one.pool == other.pool
    return one.quota == other.quota or one.catalog != other.catalog


def _is_within(one: Candidate, other: Candidate, first: Floats, second: Floats) -> Flags:
    """Whether so many of both keep to their quotas, beside what counts there already and is not their own."""
    ones = (first - one.counted(first)) * one.vcpus
    others = (second - other.counted(second)) * other.vcpus
    if is_shared(one, other):
        shared: Flags = ones + others <= min(one.quota, other.quota)
        return shared
    apart: Flags = (ones <= one.quota) & (others <= other.quota)
    return apart


def carries(rule: Wanted, pair: Pair, known: dict[int, list[Floats]]) -> bool:
    """Whether a pair carries as many draws as the plan asks, whichever nodes are missing.

    ``known`` keeps the share of each draw that a node of a shape carries, resource by resource.
    """
    for shape in pair[:2]:
        if shape.at not in known:
            known[shape.at] = [1.0 / _need(part, shape, index) for index, part in enumerate(rule.parts)]
    held = np.full(rule.parts[0].base.shape, np.inf)
    for ones, others in zip(known[pair.one.at], known[pair.other.at], strict=True):
        for taken in (min(rule.missing, pair.nodes[0]), max(0, rule.missing - pair.nodes[1])):
            standing = pair.nodes[0] - taken, max(0, pair.nodes[1] - (rule.missing - taken))
            np.minimum(held, standing[0] * ones + standing[1] * others, out=held)
    enough = int(np.count_nonzero(held >= rule.times * (1 - 2 * ROUNDING)))
    return enough > rule.rank
