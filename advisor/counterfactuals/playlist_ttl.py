"""Playlists that a cache keeps longer: fewer of its misses are playlists."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import percent, seconds
from advisor.models import Excuse
from advisor.texts import say
from loadtests.units import SECONDS, parse


class PlaylistTtl(Counterfactual):
    """A cache keeps a playlist so long.

    A cache that asks once for all who wait misses once per TTL and playlist, so the playlist requests that reach the
    nodes go as old ÷ new TTL (assumed: many viewers on each playlist; each kind of request counts alike on a node).
    How often a viewer asks stays. Beyond half a segment a viewer sees segments late, so that is the most proposed.
    """

    words = ("playlist_ttl=2s",)
    seconds: float = Field(gt=0, le=60)
    """The new TTL."""
    now: float = Field(default=1.0, gt=0, le=60)
    """The TTL in the run, which no answer tells: a second, half of the stage's segment (assumed)."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:  # noqa: ARG003 - there is one word
        """A duration, or ``OLD>NEW``."""
        old, _, new = value.rpartition(">")
        known = {"now": parse(old, SECONDS, "1s>2s")} if old else {}
        return cls(seconds=parse(new, SECONDS, "2s"), **known)

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:  # noqa: ARG003 - the same everywhere
        """Twice as long."""
        return (cls(seconds=2.0),)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """The share of requests that reaches the nodes."""
        misses = case.usage.misses
        missed = sum(misses.values())
        if not missed or not misses.get("playlist"):
            return Excuse(about="playlist_ttl", reason=say("whatif_no_cache"), remedy=say("whatif_rehearse_cdn"))
        if self.seconds == self.now:
            return None
        left = self.now / self.seconds
        polls = misses["playlist"] / missed
        changed = case.behind(1.0, 1.0 - polls * (1.0 - left))
        usage = replace(changed.usage, misses={**misses, "playlist": round(misses["playlist"] * left)})
        return Changed(
            case=replace(changed, usage=usage),
            what=say("whatif_playlist_ttl", new=seconds(self.seconds), old=seconds(self.now)),
            how=say("whatif_how_playlist_ttl", polls=percent(polls), answers=f"{missed:,}"),
            confidence="assumed",
            price=say("whatif_stale", seconds=seconds(self.seconds)) if left < 1 else None,
        )
