"""Fewer viewers let in at once, or more of them than planned."""

from __future__ import annotations

import re
from typing import Final, Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import percent
from advisor.models import Excuse
from advisor.texts import say

_CHANGE: Final = re.compile(r"(?P<sign>[+-])(?P<number>\d+(?:\.\d+)?)%")


class WaitingRoom(Counterfactual):
    """So many times the viewers, such as when a waiting room holds the last tenth of them back.

    All demand is proportional to the audience; so is how far the launch is from what was tested.
    """

    words = ("viewers=-10%",)
    factor: float = Field(default=0.9, gt=0, le=100)
    """Viewers then over viewers now."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:  # noqa: ARG003 - there is one word
        """A percentage with its sign."""
        match = _CHANGE.fullmatch(value)
        factor = 1.0 + float(f"{match['sign']}{match['number']}") / 100 if match else 0.0
        if not 0 < factor <= 100:
            raise ValueError(f"expected a change above -100% and up to +9900%, such as -10%, found {value!r}")
        return cls(factor=factor)

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:  # noqa: ARG003 - the same everywhere
        """A tenth fewer."""
        return (cls(),)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """Demand times the factor."""
        if self.factor == 1.0:
            return None
        key = "whatif_fewer" if self.factor < 1 else "whatif_more"
        return Changed(
            case=case.audience(self.factor),
            what=say(key, share=percent(abs(1 - self.factor))),
            how=say("whatif_how_viewers"),
            confidence="derived",
            price=say("whatif_turned_away", viewers=f"{case.edge.viewers.mid * (1 - self.factor):,.0f}")
            if self.factor < 1
            else None,
        )
