"""A ladder without one of its rungs: who played it plays the next one down."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import bits, percent
from advisor.models import Excuse
from advisor.texts import say
from loadtests.units import BITS_PER_SECOND, parse

NEAR: Final = 0.02
"""A rung is meant when its bit rate is named to within a fiftieth."""


class Ladder(Counterfactual):
    """The ladder without one rung.

    Who can play a rung can play the next one down that anybody played, so its share of play time moves there. The
    bits of segments go as new ÷ old mean bit rate, weighted with the measured play time at each rung; headers,
    playlists and the number of requests stay. Bit rates are those that the master playlist names.
    """

    words = ("ladder=-highest",)
    without: float | None = Field(default=None, gt=0)
    """Bit rate of the rung that is left out, bit/s; the highest that was played when absent."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:  # noqa: ARG003 - there is one word
        """``-highest``, or a minus and a bit rate."""
        if value == "-highest":
            return cls()
        if not value.startswith("-"):
            raise ValueError(f"expected a minus and a rung, such as -highest or -5Mbps, found {value!r}")
        return cls(without=parse(value[1:], BITS_PER_SECOND, "5Mbps"))

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:  # noqa: ARG003 - the same everywhere
        """Without the top rung."""
        return (cls(),)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """Another mean bit rate."""
        usage = case.usage
        rungs = sorted(usage.rungs)
        if not rungs:
            return Excuse(about="ladder", reason=say("whatif_no_rungs"), remedy=say("whatif_rehearse_again"))
        rung = rungs[-1] if self.without is None else min(rungs, key=lambda one: abs(one - (self.without or 0.0)))
        if self.without is not None and abs(rung - self.without) > NEAR * rung:
            played = ", ".join(bits(one) for one in rungs)
            return Excuse(
                about="ladder",
                reason=say("whatif_no_such_rung", rung=bits(self.without), played=played),
                remedy=say("whatif_name_a_rung"),
            )
        ladder = sorted({*rungs, *usage.ladder})
        if rung == ladder[0]:
            return Excuse(about="ladder", reason=say("whatif_lowest_rung"), remedy=say("whatif_name_a_rung"))
        lower = ladder[ladder.index(rung) - 1]
        share = usage.rungs[rung]
        factor = 1.0 - usage.media * share * (rung - lower) / usage.bitrate
        return Changed(
            case=_without(case, rung, lower).costing(wire_viewer=factor, wire_join=factor),
            what=say("whatif_ladder", rung=bits(rung), region=usage.region),
            how=say("whatif_how_ladder", share=percent(share), lower=bits(lower), held=str(usage.seconds)),
            confidence="derived",
            price=say("whatif_softer", share=percent(share), rung=bits(rung), lower=bits(lower)),
        )


def _without(case: Case, rung: int, lower: int) -> Case:
    """The case whose play time at ``rung`` went to ``lower``; costs are left as they were."""
    rungs = dict(case.usage.rungs)
    rungs[lower] = rungs.get(lower, 0.0) + rungs.pop(rung)
    ladder = tuple(one for one in case.usage.ladder if one != rung)
    return replace(case, usage=replace(case.usage, rungs=rungs, ladder=ladder))
