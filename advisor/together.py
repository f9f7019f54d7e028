"""How many nodes carry a load together: the one place that says how nodes add up."""

from __future__ import annotations

from typing import TypeVar

from advisor.blocks import Floats

Amount = TypeVar("Amount", float, Floats)


def nodes_for(load: Amount, per_node: Amount) -> Amount:
    """Nodes, not yet whole, that carry ``load`` together, in the unit of ``per_node``.

    Nodes add up: N carry N times what one carries (assumed; the report says so). A law that is measured over several
    node counts belongs here.
    """
    return load / per_node
