"""How many nodes carry a load together: the one place that says how nodes add up."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeVar

import numpy as np

from advisor.blocks import Floats
from advisor.capacities.nodecount import NodeScaling

Amount = TypeVar("Amount", float, Floats)

COUNTS: Final = 300
"""Node counts at which the law is asked, evenly by their logarithms; others lie between them."""


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
    counts, worth = _worth(scaling)
    beyond = np.maximum(0.0, nodes - worth[-1]) * counts[-1] / worth[-1]
    return np.asarray(np.interp(np.minimum(nodes, worth[-1]), worth, counts) + beyond)


def apart(nodes: Floats, scaling: NodeScaling | None) -> Floats:
    """As many as would carry the same if nodes added up: what `together` makes ``nodes`` of."""
    if scaling is None:
        return nodes
    counts, worth = _worth(scaling)
    beyond = np.maximum(0.0, nodes - counts[-1]) * worth[-1] / counts[-1]
    return np.asarray(np.interp(np.minimum(nodes, counts[-1]), counts, worth) + beyond)


def filled(nodes: Floats, share: float, scaling: NodeScaling | None) -> Floats:
    """As many as carry, each filled to ``share``, what ``nodes`` do when they are full."""
    if scaling is None:
        return nodes / share
    return np.maximum(nodes, together(apart(nodes, scaling) / share, scaling))


def stretched(nodes: float, share: float, scaling: NodeScaling | None) -> tuple[float, float]:
    """How many would do if nodes added up, and as many times more are needed, filled to ``share``, as they do not.

    Nobody has measured it of another shape than the one rehearsed: as many times more are taken to be needed (assumed).
    """
    if scaling is None:
        return nodes, 1.0
    alone, full = float(apart(np.asarray(nodes), scaling)), float(filled(np.asarray(nodes), share, scaling))
    return alone, full * share / alone


@lru_cache(maxsize=32)
def _worth(scaling: NodeScaling) -> tuple[Floats, Floats]:
    """Some node counts from 0, and for each the most that so many or fewer deliver, in what one does among the most."""
    counts = np.unique(np.append(np.geomspace(1, scaling.reach, COUNTS).astype(int), scaling.reach))
    worth = np.maximum.accumulate([scaling.worth(int(count)) for count in counts])
    return np.append(0.0, counts), np.append(0.0, worth)
