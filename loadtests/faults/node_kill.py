"""A node's process is killed, and started again later."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from loadtests.faults import LastingFault, Need, StageOrder, Step


class NodeKill(LastingFault):
    """Every connection to the node is reset, new ones are refused; its viewers reconnect to what is left."""

    node: int | None = Field(default=None, ge=0)
    """Which node of the stage, from 0; all of them when absent."""

    needs: ClassVar[tuple[Need, ...]] = ("staging",)
    """Of the stage."""

    @property
    def nodes_hit(self) -> int | None:
        """The one that dies, or all."""
        return self.node

    @property
    def _who(self) -> str:
        return "every node" if self.node is None else f"node {self.node}"

    def begins(self) -> Step:
        """Kill it."""
        return Step(f"{self._who} is killed", StageOrder(do="kill", node=self.node))

    def ends(self) -> Step:
        """Start it; the order is answered once it serves."""
        return Step(f"{self._who} is up again", StageOrder(do="start", node=self.node))
