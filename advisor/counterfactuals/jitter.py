"""Joins spread out: every visit begins after a random wait, so the steepest second is less steep."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import seconds
from advisor.models import Excuse
from advisor.texts import say
from loadtests.units import SECONDS, parse


class Jitter(Counterfactual):
    """Every visit begins up to so much later, by a wait drawn evenly.

    Joins and viewers, second by second as measured, run through a moving mean of that length (the convolution with
    the wait's density), and the peak is reckoned anew from them: viewer cost · viewers + join cost · joins.
    """

    words = ("spread=60s",)
    seconds: int = Field(default=60, ge=1, le=3600)
    """Longest wait."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:  # noqa: ARG003 - there is one word
        """A duration of whole seconds."""
        length = parse(value, SECONDS, "60s")
        if length != int(length) or not 1 <= length <= 3600:
            raise ValueError(f"expected whole seconds from 1s to 60m, found {value!r}")
        return cls(seconds=int(length))

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:  # noqa: ARG003 - the same everywhere
        """Over a minute."""
        return (cls(),)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """A smoother curve."""
        if not case.usage.curves:
            return Excuse(about="jitter", reason=say("whatif_no_curve"), remedy=say("whatif_rehearse_again"))
        return Changed(
            case=case.spread(self.seconds),
            what=say("whatif_spread", seconds=seconds(self.seconds)),
            how=say("whatif_how_spread"),
            confidence="derived",
            price=say("whatif_waits", mean=seconds(self.seconds / 2)),
        )
