"""Nodes of another size."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import number, percent
from advisor.models import Excuse
from advisor.texts import say


class NodeSize(Counterfactual):
    """Nodes that carry so many times as much of every resource.

    Taken to scale evenly (assumed: on EC2 a machine of fewer than 32 vCPUs has 5 Gbit/s to the internet whatever its
    size, "Amazon EC2 instance network bandwidth"; rehearse on the node that is meant). Fewer, larger nodes make the
    spare node and the whole multiple of the zones larger too; what helps is judged in nodes of today's size.
    """

    words = ("size=2",)
    size: float = Field(default=2.0, gt=0, le=100)
    """Times today's node."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:
        """A factor."""
        try:
            return cls.model_validate({word: float(value.removesuffix("x"))})
        except ValueError:
            raise ValueError(f"expected a factor from above 0 to 100, such as 2 or 0.5, found {value!r}") from None

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:  # noqa: ARG003 - the same everywhere
        """Twice and half as large."""
        return (cls(size=2.0), cls(size=0.5))

    def apply(self, case: Case) -> Changed | Excuse | None:
        """Capacity times the size."""
        if self.size == 1.0:
            return None
        return Changed(
            case=case.with_nodes(self.size),
            what=say("whatif_size", size=number(self.size))
            if self.size > 1
            else say("whatif_smaller", share=percent(self.size)),
            how=say("whatif_how_size"),
            confidence="assumed",
        )
