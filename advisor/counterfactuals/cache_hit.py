"""A cache in front that answers another share of the requests itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

from pydantic import Field

from advisor.changes.case import Case, Changed
from advisor.counterfactuals import Counterfactual
from advisor.figures import percent
from advisor.models import Excuse
from advisor.texts import say
from loadtests.units import read_share


class CacheHit(Counterfactual):
    """Another cache hit ratio h.

    The nodes serve what misses, so their requests and bits go as (1 - h') ÷ (1 - h), h being read from the answers of
    the run. Where no answer named a cache, the nodes are taken to have served everybody (h = 0), and every kind of
    request is taken to hit alike (assumed). What the viewers take, and so the CDN's egress, stays.
    """

    words = ("cache_hit=98%",)
    ratio: float | None = Field(default=None, ge=0, le=1)
    """The new ratio; when absent, half of what misses now would hit."""

    @classmethod
    def read(cls, word: str, value: str) -> Self:  # noqa: ARG003 - there is one word
        """A share."""
        return cls(ratio=read_share(value))

    @classmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:  # noqa: ARG003 - the same everywhere
        """Half of the misses."""
        return (cls(),)

    def apply(self, case: Case) -> Changed | Excuse | None:
        """The share that reaches the nodes."""
        seen = case.usage.hit_ratio
        if seen is None and self.ratio is None:
            return Excuse(about="cache_hit", reason=say("whatif_no_cache"), remedy=say("whatif_rehearse_cdn"))
        now = seen or 0.0
        ratio = now + (1 - now) / 2 if self.ratio is None else self.ratio
        if ratio == now:
            return None
        if now >= 1.0:
            return Excuse(about="cache_hit", reason=say("whatif_all_hits"), remedy=say("whatif_rehearse_cdn"))
        missed = (1 - ratio) / (1 - now)
        hits, misses = _shared(case.usage.hits, case.usage.misses, missed)
        changed = case.behind(missed, missed)
        answers = f"{sum(hits.values()) + sum(misses.values()):,}"
        first = seen is None
        return Changed(
            case=replace(changed, usage=replace(changed.usage, hits=hits, misses=misses)),
            what=say("whatif_cache_first" if first else "whatif_cache", new=percent(ratio), old=percent(now)),
            how=say("whatif_how_cache_first" if first else "whatif_how_cache", left=percent(missed), answers=answers),
            confidence="assumed" if first else "derived",
        )


def _shared(hits: Mapping[str, int], misses: Mapping[str, int], missed: float) -> tuple[dict[str, int], dict[str, int]]:
    """The answers as they would be: of each kind's misses only ``missed`` are left."""
    left = {kind: round(count * missed) for kind, count in misses.items()}
    return {kind: hits.get(kind, 0) + misses.get(kind, 0) - left.get(kind, 0) for kind in {**hits, **misses}}, left
