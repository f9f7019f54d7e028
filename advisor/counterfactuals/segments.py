"""Longer or shorter segments: another number of requests for the same media."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import number, seconds
from advisor.models import Excuse
from advisor.texts import say
from loadtests.units import SECONDS, parse

BEHIND: Final = 3
"""Segments between the live moment and the player (RFC 8216, 6.3.3; hls.js liveSyncDurationCount)."""
LEAST: Final = 1.0
"""Shortest segment that is proposed: below it lies low-latency HLS with its own rules (assumed)."""


class Segments(Counterfactual):
    """Segments of another length.

    A viewer fetches one segment and reloads the playlist once per segment duration (RFC 8216, 6.3.4), so requests
    per viewer go as old ÷ new length. The media stay; headers and playlists go with the requests. A joiner fetches
    as many segments as before, so the bits of a join go as new ÷ old length, and its requests stay.
    """

    words = ("segments=2s",)
    seconds: float = Field(gt=0, le=60)
    """Seconds of media in each."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:  # noqa: ARG003 - there is one word
        """A duration."""
        return cls(seconds=parse(value, SECONDS, "2s"))

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:
        """Twice and half as long."""
        now = case.usage.segment_seconds
        if now is None or not 0.1 <= now <= 30:
            return (cls(seconds=4.0),)
        return tuple(cls(seconds=length) for length in (now * 2, now / 2) if length >= LEAST)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """Requests ÷ length, join bits × length."""
        now = case.usage.segment_seconds
        if now is None or case.scenario.stream.plugin_name() != "hls":
            return Excuse(about="segments", reason=say("whatif_no_segments"), remedy=say("whatif_rehearse_hls"))
        if self.seconds == now:
            return None
        rate = now / self.seconds
        overhead = 1.0 - case.usage.media
        later = BEHIND * (self.seconds - now)
        changed = case.costing(wire_viewer=case.usage.media + overhead * rate, wire_join=1 / rate, requests_viewer=rate)
        usage = replace(changed.usage, segments=1.0 / self.seconds)
        return Changed(
            case=replace(changed, usage=usage),
            what=say("whatif_segments", new=seconds(self.seconds), old=seconds(now)),
            how=say("whatif_how_segments", rate=number(rate), held=str(case.usage.seconds)),
            confidence="derived",
            price=say("whatif_later" if later > 0 else "whatif_sooner", seconds=seconds(abs(later))),
        )
