"""The modelled origin: nodes with the capacity that the stage keeps to, slots in front and a shared link. No I/O.

A simulated viewer stands for ``weight`` real ones who would be spread over the nodes, so as many nodes as that are
one `Node` of their joint capacity; only where viewers weigh more than all nodes do requests come in batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from loadtests.errors import InputError
from loadtests.staging.declared import Capacity, Slots
from loadtests.virtual.edge import Cache, Edge
from loadtests.virtual.link import Link

EVERYWHERE: Final = "*"
"""Stands for all regions where they share their nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginPlan:
    """Nodes per region (or `EVERYWHERE`), and what each of them carries: bit/s, requests/s, seconds."""

    nodes: Mapping[str, int] = field(default_factory=lambda: {EVERYWHERE: 1})
    egress: float | None = None
    rps: float | None = None
    latency: float = 0.0
    """Of each response, before it takes its place in the line: the service time."""
    edge: Edge | None = None
    """A cache in front of each region's nodes."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        Capacity(egress=self.egress, rps=self.rps)
        for region, nodes in self.nodes.items():
            if nodes < 1:
                raise InputError(f"nodes: {region} has {nodes}", hint="give every region one node at least")
        if self.latency < 0:
            raise InputError(f"the latency is {self.latency:g} s", hint="give no time before zero")


class Node:
    """So many real nodes as one; each simulated request counts ``weight`` times."""

    __slots__ = ("latency", "link", "refused", "size", "slots", "taken")

    def __init__(self, plan: OriginPlan, size: int, weight: int) -> None:
        share = size / weight
        self.size, self.latency = size, plan.latency
        self.slots = None if plan.rps is None else Slots(plan.rps * share)
        self.link = None if plan.egress is None else Link(plan.egress / 8.0 * share)
        self.taken = self.refused = 0
        """Requests answered with content, and refused."""


class Origin:
    """All nodes of a plan, for simulated viewers of one weight."""

    def __init__(self, plan: OriginPlan, weight: int, regions: Iterable[str] = ()) -> None:
        self._weight = weight
        self.pools = {region: _grouped(plan, nodes, weight) for region, nodes in plan.nodes.items()}
        self._caches = {} if plan.edge is None else {region: Cache(plan.edge, weight) for region in regions}
        self.nodes = [node for pool in self.pools.values() for node in pool]

    def node_of(self, region: str, number: int) -> Node:
        """The node that a viewer's connections go to: viewers take turns, as the engine's do."""
        pool = self.pools.get(region) or self.pools[EVERYWHERE]
        return pool[number // self._weight % len(pool)]

    def cache_of(self, region: str) -> Cache | None:
        """The edge of a region, where there is one."""
        return self._caches.get(region)


def _grouped(plan: OriginPlan, nodes: int, weight: int) -> list[Node]:
    groups = max(1, nodes // weight)
    return [Node(plan, nodes // groups + (index < nodes % groups), weight) for index in range(groups)]
