"""How many nodes carry a load together: the one place that says how nodes add up."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from advisor.blocks import Floats
from advisor.capacities.nodecount import NodeScaling
from advisor.models import Excuse

Amount = TypeVar("Amount", float, Floats)


def nodes_for(load: Amount, per_node: Amount) -> Amount:
    """Nodes, not yet whole, that carry ``load``, in the unit of ``per_node``, if N carry N times what one carries."""
    return load / per_node


def together(nodes: Floats, scaling: NodeScaling | None) -> Floats:
    """As many as it takes where nodes were measured not to add up; ``nodes`` unchanged where that was not measured.

    ``nodes`` are of what a node carries at the most nodes that were rehearsed, as `advisor.capacities.capacity` gives
    it. Past twice these, the law says nothing more: a node is then taken to carry what it does there on the average.
    Where nodes were seen not to add up, no such plan is named (`NodeScaling.refusal`).
    """
    if scaling is None:
        return nodes
    counts = np.arange(1, scaling.reach + 1)
    rates = [rate for count in counts if not isinstance(rate := scaling.rate(int(count)), Excuse)]
    each = scaling.counts[-1].total.mid / scaling.most
    worth = np.maximum.accumulate(np.array([rate.mid for rate in rates]) / each)
    worth, counts = np.append(0.0, worth), np.append(0, counts)
    beyond = np.maximum(0.0, nodes - worth[-1]) * counts[-1] / worth[-1]
    return np.asarray(np.interp(np.minimum(nodes, worth[-1]), worth, counts) + beyond)
