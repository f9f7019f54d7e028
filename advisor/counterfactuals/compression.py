"""Smaller playlists (gzip, brotli): how much of the traffic that could save at most."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import percent
from advisor.models import Excuse
from advisor.texts import say
from loadtests.units import read_share


class Compression(Counterfactual):
    """Playlists of so many of their bytes.

    Bits of a viewer go as 1 - p · (1 - left), p being the measured share of wire bits that are playlists. How well a
    playlist compresses is not in a run, so what is shown by itself is the bound: playlists that weigh nothing.
    """

    words = ("playlists=20%",)
    left: float = Field(default=0.0, ge=0, le=1)
    """Share of their bytes that is left."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:  # noqa: ARG003 - there is one word
        """A share."""
        return cls(left=read_share(value))

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:  # noqa: ARG003 - the same everywhere
        """The bound."""
        return (cls(),)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """Fewer bits, the same requests."""
        share = case.usage.playlists
        if not share:
            return Excuse(about="compression", reason=say("whatif_no_playlists"), remedy=say("whatif_rehearse_hls"))
        if self.left == 1.0:
            return None
        factor = 1.0 - share * (1.0 - self.left)
        changed = case.costing(wire_viewer=factor, wire_join=factor)
        usage = replace(changed.usage, playlists=share * self.left / factor, media=changed.usage.media / factor)
        return Changed(
            case=replace(changed, usage=usage),
            what=say("whatif_playlists", left=percent(self.left)) if self.left else say("whatif_no_weight"),
            how=say("whatif_how_playlists", share=percent(share)),
            confidence="derived" if self.left == 0 else "assumed",
        )
