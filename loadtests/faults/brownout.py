"""The capacity of the nodes is cut to a share for a while."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from loadtests.faults import LastingFault, Need, StageOrder, Step
from loadtests.units import Share, show_share


class Brownout(LastingFault):
    """The usual trigger of a metastable failure: what could not be served comes again, beside what is asked anew.

    Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021: a trigger that is gone leaves a failure
    behind that feeds itself, most often by retries.
    """

    to: Share = Field(gt=0, lt=1)
    """Of the declared egress and requests per second, what is left."""
    node: int | None = Field(default=None, ge=0)
    """Which node of the stage, from 0; all of them when absent."""

    needs: ClassVar[tuple[Need, ...]] = ("staging", "capacity")
    """Of the stage."""

    @property
    def nodes_hit(self) -> int | None:
        """One, or all."""
        return self.node

    def begins(self) -> Step:
        """Cut it."""
        who = "every node" if self.node is None else f"node {self.node}"
        return Step(
            f"{who} is cut to {show_share(self.to)} of its capacity",
            StageOrder(do="share", node=self.node, share=self.to),
        )

    def ends(self) -> Step:
        """Give all of it back."""
        who = "every node" if self.node is None else f"node {self.node}"
        return Step(f"{who} has all of its capacity again", StageOrder(do="share", node=self.node, share=1.0))
