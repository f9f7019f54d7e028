"""Nodes spread over more zones, or fewer."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.models import Excuse
from advisor.texts import say
from loadtests.launch import MOST_ZONES


class Zones(Counterfactual):
    """Another number of zones z.

    What is left after losing one carries it all, so nodes go with z ÷ (z - 1), and come in multiples of z
    (docs/reading-a-report.md). With one zone nothing is kept for its loss.
    """

    words = ("zones=4",)
    zones: int = Field(ge=1, le=MOST_ZONES)
    """How many."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:
        """A whole number."""
        if not value.isdecimal():
            raise ValueError(f"expected a whole number, found {value!r}")
        return cls.model_validate({word: int(value)})

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:
        """One more and one fewer."""
        now = case.asked.launch.zones
        return tuple(cls(zones=zones) for zones in (now + 1, now - 1) if 1 <= zones <= MOST_ZONES)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """Another factor for the zone that may be lost."""
        launch = case.asked.launch
        if launch.zones == self.zones:
            return None
        return Changed(
            case=case.launching(launch.model_copy(update={"zones": self.zones})),
            what=say("whatif_zones", new=str(self.zones), old=str(launch.zones)),
            how=say("whatif_how_zones"),
            confidence="derived",
            price=say("whatif_one_zone") if self.zones == 1 else None,
        )
