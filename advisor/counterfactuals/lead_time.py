"""New nodes sooner: one part of the time to capacity is shorter, so fewer must be ready before the surge."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import seconds
from advisor.models import Excuse
from advisor.plans.lead import Part, PartName
from advisor.texts import say
from loadtests.units import SECONDS, parse

BOOT: Final = 40.0
"""Start of an application that is no longer at the published 90 s (Hotstar, 2018) but still loads something; half of
what it takes now where that is less (assumed)."""
STOPPED: Final = 13.0
"""Restart of a stopped machine of a warm pool (kubernetes-sigs/karpenter#3798)."""


class LeadTime(Counterfactual):
    """One part of the time to capacity T takes so long at its high end, and all that it may take goes with new ÷ old.

    Nodes that must be ready before the surge: those for what watches then and what may come within T
    (`advisor.demands.rise`). What must be served at the peak stays.
    """

    words = ("boot=40s", "node=13s", "image=5s", "metrics=15s", "decision=15s")
    part: PartName = "boot"
    """Which of the five parts."""
    seconds: float = Field(ge=0, le=86400)
    """How long it takes at its high end."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:
        """A duration."""
        return cls.model_validate({"part": word, "seconds": parse(value, SECONDS, "40s")})

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:
        """A faster start of the application, and stopped machines that only wake up."""
        boot = _part(case, "boot").seconds.high
        faster = cls(part="boot", seconds=BOOT if boot > BOOT else boot / 2)
        woken = (cls(part="node", seconds=STOPPED),) if _part(case, "node").seconds.high > STOPPED else ()
        return (faster, *woken)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """Another wait, and with it another surge buffer."""
        part = _part(case, self.part)
        now = part.seconds.high
        if now == self.seconds:
            return None
        changed = case.waiting(part.at_most(self.seconds))
        return Changed(
            case=changed,
            what=say(f"whatif_part_{self.part}", new=seconds(self.seconds), old=seconds(now)),
            how=say("whatif_how_lead", new=seconds(changed.lead.total.high), old=seconds(case.lead.total.high)),
            confidence="derived",
        )


def _part(case: Case, name: PartName) -> Part:
    return next(part for part in case.lead.parts if part.name == name)
