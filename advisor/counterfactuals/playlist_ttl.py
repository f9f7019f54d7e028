"""Playlists that a cache keeps longer: fewer of its misses are playlists."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.demands.behind import HALF, SLACK
from advisor.figures import percent, seconds
from advisor.models import Excuse
from advisor.texts import Message, say
from loadtests.units import SECONDS, parse, show_duration


class PlaylistTtl(Counterfactual):
    """A cache keeps a playlist so long.

    A cache that asks once for all who wait misses once per TTL and playlist, so the playlist requests that reach the
    nodes go as old ÷ new TTL (assumed: many viewers on each playlist; each kind of request counts alike on a node).
    How often a viewer asks stays. Beyond half a segment a viewer sees segments late (`advisor.demands.behind.HALF`), so
    that is what is proposed, where playlists are kept for less. The TTL now is that of ``launch.cdn``, else what most
    answers of the run said; none is made up.
    """

    words = ("playlist_ttl=2s",)
    seconds: float | None = Field(default=None, gt=0, le=60)
    """The new TTL; half a segment when absent."""
    now: float | None = Field(default=None, gt=0, le=60)
    """The TTL in the run, where the user says it."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:  # noqa: ARG003 - there is one word
        """A duration, or ``OLD>NEW``."""
        old, _, new = value.rpartition(">")
        known = {"now": parse(old, SECONDS, "1s>2s")} if old else {}
        return cls(seconds=parse(new, SECONDS, "2s"), **known)

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:  # noqa: ARG003 - the same everywhere
        """Half a segment."""
        return (cls(),)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """The share of requests that reaches the nodes."""
        misses = case.usage.misses
        missed = sum(misses.values())
        if not missed or not misses.get("playlist"):
            return _excuse("whatif_no_cache", say("whatif_rehearse_cache"))
        length = case.usage.segment_seconds
        if self.seconds is None and length is None:
            return _excuse("whatif_no_segments", say("whatif_rehearse_hls"))
        now, new = self._now(case), self.seconds or HALF * (length or 0.0)
        if now is None:
            return _excuse("whatif_ttl_unknown", say("whatif_name_ttl"))
        if now == 0:
            return _excuse("whatif_ttl_zero", say("whatif_keep_playlists", new=seconds(new)))
        if self.seconds is None and now > new * (1 + SLACK):
            reason = say("whatif_ttl_long", now=seconds(now), half=seconds(new))
            return Excuse(about=ABOUT, reason=reason, remedy=say("whatif_keep_shorter", new=show_duration(new)))
        if now == new or (self.seconds is None and now > new):
            return None
        return self._kept(case, now, new)

    def _now(self, case: Case) -> float | None:
        said = case.asked.launch.cdn.playlist_ttl
        return self.now or (case.usage.playlist_ttl if said is None else said)

    def _kept(self, case: Case, now: float, new: float) -> Changed:
        misses, left = case.usage.misses, now / new
        polls = misses["playlist"] / sum(misses.values())
        changed = case.behind(1.0, 1.0 - polls * (1.0 - left))
        usage = replace(changed.usage, misses={**misses, "playlist": round(misses["playlist"] * left)})
        launch = changed.asked.launch
        cdn = launch.cdn.model_copy(update={"playlist_ttl": new})
        return Changed(
            case=replace(changed, usage=usage).launching(launch.model_copy(update={"cdn": cdn})),
            what=say("whatif_playlist_ttl", new=seconds(new), old=seconds(now)),
            how=say("whatif_how_playlist_ttl", polls=percent(polls), answers=f"{sum(misses.values()):,}"),
            confidence="assumed",
            price=say("whatif_stale", seconds=seconds(new)) if left < 1 else None,
        )


ABOUT: Final = "playlist_ttl"


def _excuse(reason: str, remedy: Message) -> Excuse:
    return Excuse(about=ABOUT, reason=say(reason), remedy=remedy)
