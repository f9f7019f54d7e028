"""Do nodes add up? From rehearsals with different node counts: what n nodes deliver, and how many a demand needs.

Each node count gives one point, the plateau of the binding resource over all its runs; the laws of
`advisor.capacities.scalability` compete over nodes as they do over load. Whatever the nodes share (origin, database,
balancer, uplink) shows here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from pydantic import PositiveInt

from advisor.blocks import Floats
from advisor.capacities.scalability import LEAST_STEPS, REACH, Scalability, scalability
from advisor.interval import Interval
from advisor.measured.measure import Measurement
from advisor.models import Capacity, Excuse, Model, Unit
from advisor.texts import say
from loadtests.region import Frozen

ABOUT: Final = "nodes"
"""What excuses of this module are about."""
KEPT: Final = 0.95
"""A node among the most that carries less than this share of what a node among the fewest does: nodes do not add up.
More than plateaus differ by chance (assumed)."""
FAR: Final = 64
"""Up to so many times `NodeScaling.reach` the law's middle is looked at, and only to name a rehearsal."""
FAR_COUNTS: Final = 200
"""Node counts up to there, evenly by their logarithms."""


class NodeTotal(Frozen):
    """The limit of all nodes together, at one node count."""

    nodes: PositiveInt
    total: Interval
    """In the unit of the resource."""
    runs: PositiveInt


class LawShare(Frozen):
    """A law of scalability and its weight among all that compete."""

    law: str
    share: float


class NodeScaling(Frozen):
    """How the limit grows with the nodes: measured at two counts or more, fitted between and up to twice the most."""

    model: str
    """The resource that ran out."""
    unit: Unit
    counts: tuple[NodeTotal, ...]
    """At least two, rising."""
    laws: tuple[LawShare, ...]
    """The heaviest first; those under 1 % are left out."""

    @property
    def most(self) -> int:
        """Most nodes that were rehearsed."""
        return self.counts[-1].nodes

    @property
    def reach(self) -> int:
        """Most nodes that anything is said about."""
        return math.floor(REACH * self.most)

    @property
    def kept(self) -> float:
        """What a node of the most delivered, over what a node of the fewest did: 1 when nodes add up."""
        first, last = self.counts[0], self.counts[-1]
        return (last.total.mid / last.nodes) / (first.total.mid / first.nodes)

    def rate(self, nodes: int) -> Interval | Excuse:
        """What so many nodes deliver, in `unit`; an Excuse past `reach`."""
        if nodes > self.reach:
            return self._too_many(nodes)
        return self._curve.at(float(nodes), ABOUT)

    def total(self, nodes: int) -> Interval | Excuse:
        """What so many nodes deliver relative to one (the middle of what one does); an Excuse past `reach`."""
        found, one = self.rate(nodes), self.rate(1)
        if isinstance(found, Excuse) or isinstance(one, Excuse):
            return found if isinstance(found, Excuse) else one
        return found.scale(1.0 / one.mid)

    def worth(self, nodes: int) -> float:
        """What so many deliver, in what one does among the most rehearsed; past `reach` each does the average there."""
        within = min(nodes, self.reach)
        found = self.rate(within)
        assert isinstance(found, Interval)  # within reach
        return found.mid / (self.counts[-1].total.mid / self.most) * (nodes / within)

    def needed(self, demand: Interval) -> int | Excuse:
        """Fewest nodes whose low end carries the demand's high end, or why no number within `reach` does."""
        low, best = self._within
        enough = np.flatnonzero(low >= demand.high)
        if len(enough):
            return int(enough[0]) + 1
        if best < self.reach:
            told = {"most": f"{best:,}", "share": f"{low[best - 1] / demand.high:.0%}"}
            return self._crowded("excuse_nodes_retrograde", **told)
        return self._beyond(demand.high, math.ceil(self.reach * demand.high / low.max()))

    def _beyond(self, rate: float, least: int) -> Excuse:
        """Why no number is named, and how many nodes, ``least`` at least, the law's middle takes for so much.

        A rehearsal with a `REACH`-th of them would show it. Where its middle levels off below, no count would.
        """
        counts = np.unique(np.geomspace(self.reach, FAR * self.reach, FAR_COUNTS).astype(int))
        _, mid, _ = self._curve.ends(counts.astype(float))
        enough = np.flatnonzero(mid >= rate)
        if len(enough):
            return self._too_many(max(least, int(counts[enough[0]])))
        best = int(np.argmax(mid))
        told = {"most": f"{int(counts[best]):,}", "share": f"{mid[best] / rate:.0%}"}
        return self._crowded("excuse_nodes_ceiling", **told)

    def refusal(self, demand: Interval, nodes: int, filled: float = 1.0) -> Excuse | None:
        """Why so many nodes, headroom included, must not be named for a demand where nodes were seen not to add up.

        ``filled`` is how full a node is kept. All of the nodes must carry it too, while none is lost: more than deliver
        most get in each other's way.
        """
        if self.kept >= KEPT:
            return None
        least = self.needed(demand)
        if isinstance(least, Excuse):
            return least
        asked = demand.scale(1.0 / filled)
        full = self.needed(asked)
        if isinstance(full, Excuse) and full.reason.key == "excuse_nodes_retrograde":
            return full
        if nodes > self.reach:
            return self._too_many(nodes)
        low, best = self._within
        share = low[nodes - 1] / asked.high
        if nodes <= best or share >= 1:
            return None
        return self._crowded("excuse_nodes_crowded", nodes=f"{nodes:,}", most=f"{best:,}", share=f"{share:.0%}")

    def _crowded(self, reason: str, **told: str) -> Excuse:
        return Excuse(about=ABOUT, reason=say(reason, **told), remedy=say("remedy_nodes_retrograde"))

    def _too_many(self, nodes: int) -> Excuse:
        reason = say("excuse_nodes_far", nodes=f"{nodes:,}", most=f"{self.most:,}", reach=f"{REACH:g}")
        return Excuse(
            about=ABOUT, reason=reason, remedy=say("remedy_nodes_far", enough=f"{math.ceil(nodes / REACH):,}")
        )

    @property
    def _within(self) -> tuple[Floats, int]:
        """Low ends of what each node count from 1 to `reach` delivers, and the count that delivers most."""
        low, mid, _ = self._curve.ends(np.arange(1.0, self.reach + 1))
        return low, int(np.argmax(mid)) + 1

    @property
    def _curve(self) -> Scalability:
        return _fitted(self.counts)


@lru_cache(maxsize=32)
def _fitted(counts: tuple[NodeTotal, ...]) -> Scalability:
    return scalability([(float(one.nodes), one.total) for one in counts])


def node_scaling(model: Model, measurement: Measurement) -> NodeScaling | None:
    """How the model's limit grows with the nodes; None unless it was reached at two node counts or more."""
    counts = [one for nodes in measurement.counts if (one := _total(model, measurement.of_nodes(nodes)))]
    if len(counts) < LEAST_STEPS:
        return None
    return scaling_of(type(model).plugin_name(), model.unit, counts)


def scaling_of(model: str, unit: Unit, counts: Sequence[NodeTotal]) -> NodeScaling:
    """From limits at two node counts or more; ``ValueError`` for fewer."""
    ordered = sorted(counts, key=lambda one: one.nodes)
    if len(ordered) < LEAST_STEPS:
        raise ValueError(f"expected at least two node counts, found {len(ordered)}")
    shares = scalability([(float(one.nodes), one.total) for one in ordered]).shares
    laws = tuple(LawShare(law=one.law, share=one.share) for one in shares if one.share >= 0.01)
    return NodeScaling(model=model, unit=unit, counts=tuple(ordered), laws=laws)


def _total(model: Model, measurement: Measurement) -> NodeTotal | None:
    """None where the limit was not reached: what was merely carried says nothing of growth."""
    found = model.fit(measurement)
    if not isinstance(found, Capacity) or not found.saturated or found.per_node.low <= 0:
        return None
    total = found.per_node.scale(float(measurement.nodes))
    return NodeTotal(nodes=measurement.nodes, total=total, runs=len(measurement.runs))
