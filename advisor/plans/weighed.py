"""The offers of one region, drawn, and each of them weighed: so many nodes at such a price."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from advisor.blocks import Floats
from advisor.interval import Interval
from advisor.offers.offer import Offer
from advisor.plans.asked import Asked
from advisor.plans.constraints import Constraint
from advisor.plans.transfer import Drawn, Resource
from loadtests.region import Fact


class Rehearsed(NamedTuple):
    """What is known of the node rehearsed, once it is planned."""

    nodes: int
    likely: Interval
    binding: str
    constraints: tuple[Constraint, ...]
    ready: float
    """Share of the nodes that must stand before the surge."""
    raw: float = math.inf
    """Nodes before headroom, not yet whole, if they add up."""
    more: float = 1.0
    """As many times more are needed, of any shape, where nodes were measured not to
    (`advisor.plans.together.stretched`)."""
    bound: Literal["needed", "at_most"] = "needed"


class Weighed(NamedTuple):
    """One offer that fits; ``at`` is its place among the offers, -1 for the node rehearsed."""

    offer: Offer
    at: int
    nodes: int
    price: Fact[float] | None
    paid: int = 0
    """Nodes that are paid for already, and so cost nothing on top."""
    raw: float = math.inf
    """Nodes before headroom, not yet whole."""

    @property
    def full(self) -> float:
        """USD per hour of all nodes; without end when nobody knows."""
        return math.inf if self.price is None else self.price.value * self.nodes

    @property
    def cost(self) -> float:
        """The same of those that are not paid for already."""
        return math.inf if self.price is None else self.price.value * (self.nodes - self.paid)

    def dearer(self, best: Weighed) -> float:
        """Share by which it costs more than another, of what that costs in full."""
        return (self.cost - best.cost) / best.full if math.isfinite(best.full) else -1.0

    @property
    def rank(self) -> tuple[float, int, int]:
        """Cheapest first, then fewest nodes, then as they were named."""
        return self.cost, self.nodes, self.at


class Market(NamedTuple):
    """The offers of one region, drawn."""

    asked: Asked
    rehearsed: Rehearsed
    found: tuple[Resource, ...]
    parts: tuple[Drawn, ...]
    raw: Floats
    """Nodes of every offer before headroom, not yet whole; NaN where what it carries is not known."""

    def ready(self, nodes: int) -> int:
        """Of so many nodes those that must stand before the surge."""
        return min(nodes, math.ceil(nodes * self.rehearsed.ready))
