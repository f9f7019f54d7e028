"""Nodes that may be fuller, or must be emptier."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import percent
from advisor.models import Excuse
from advisor.texts import say
from loadtests.units import read_share


class Utilisation(Counterfactual):
    """Another target utilisation u: nodes go with 1 ÷ u."""

    words = ("utilisation=80%",)
    share: float | None = Field(default=None, gt=0, le=1)
    """The new one; when absent, ten points more, 95 % at most."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:  # noqa: ARG003 - there is one word
        """A share."""
        return cls(share=read_share(value))

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:  # noqa: ARG003 - the same everywhere
        """Ten points more."""
        return (cls(),)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """Another margin."""
        launch = case.asked.launch
        now = launch.target_utilisation
        share = max(now, min(0.95, round(now + 0.1, 9))) if self.share is None else self.share
        if share == now:
            return None
        return Changed(
            case=case.launching(launch.model_copy(update={"target_utilisation": share})),
            what=say("whatif_utilisation", new=percent(share), old=percent(now)),
            how=say("whatif_how_utilisation"),
            confidence="derived",
            price=say("whatif_less_margin", left=percent(1 - share), was=percent(1 - now)) if share > now else None,
        )
