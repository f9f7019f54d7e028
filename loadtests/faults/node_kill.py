"""A node's process is killed, and started again later."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from loadtests.faults import LastingFault, Need, StageOrder, Step


class NodeKill(LastingFault):
    """Every connection to the node is reset, new ones are refused; its viewers reconnect to what is left."""

    node: int = Field(default=0, ge=0)
    """Which node of the stage, from 0."""

    needs: ClassVar[tuple[Need, ...]] = ("staging",)

    @property
    def nodes_hit(self) -> int | None:
        """The one that dies."""
        return self.node

    def begins(self) -> Step:
        """Kill it."""
        return Step(f"node {self.node} is killed", StageOrder(do="kill", node=self.node))

    def ends(self) -> Step:
        """Start it; the order is answered once it serves."""
        return Step(f"node {self.node} is up again", StageOrder(do="start", node=self.node))
