"""A cache in front of the nodes of each region: playlists for a while, segments for good, one fetch for many. No I/O.

Its own capacity is not modelled. Of the ``weight`` real requests behind a simulated one that misses, one goes to the
nodes and the others wait for it, unless misses are not collapsed: then all go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from loadtests.arrivals import seed_of
from loadtests.cached import HIT, MISS
from loadtests.errors import InputError

if TYPE_CHECKING:
    from loadtests.virtual.content import Answer
    from loadtests.virtual.exchange import Exchange

SEGMENT_SECONDS: Final = 60.0
"""How long a segment is kept: longer than anybody asks for it (its bytes never change)."""
MANY: Final = 4096
"""Answers kept before the old ones are cleared away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """``ttl``: seconds that a playlist is kept; ``hit``: a fixed share of hits instead of a cache's own."""

    ttl: float = 1.0
    hit: float | None = None
    collapse: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.ttl < 0 or not 0 <= (self.hit or 0.0) <= 1:
            raise InputError(f"the edge keeps playlists {self.ttl:g} s and hits {self.hit}", hint="give 1s, or 95%")

    def described(self) -> dict[str, float]:
        """As numbers, for the header of a run."""
        own = {"ttl": self.ttl, "collapse": float(self.collapse)}
        return own if self.hit is None else {"hit": self.hit}


class Kept(NamedTuple):
    """An answer and until when it is fresh."""

    answer: Answer
    until: float


class Cache:
    """One region's edge."""

    def __init__(self, edge: Edge, weight: int) -> None:
        self._edge, self._weight = edge, weight
        self._kept: dict[str, Kept] = {}
        self._waiting: dict[str, list[Exchange]] = {}

    def look(self, exchange: Exchange, now: float) -> Answer | None:
        """What is kept, or None; then `ask` says whether somebody is on the way already."""
        guest = exchange.lane.visit
        if self._edge.hit is not None:
            drawn = seed_of(guest.viewer.seed, guest.requests) / 2**64
            if drawn >= self._edge.hit:
                guest.tally.cached(exchange.get.kind, MISS)
                return None
            exchange.hit = True
            guest.tally.cached(exchange.get.kind, HIT)
            return None
        kept = self._kept.get(exchange.get.url)
        if kept is None or kept.until <= now:
            return None
        guest.tally.cached(exchange.get.kind, HIT)
        return kept.answer

    def ask(self, exchange: Exchange) -> float:
        """How much of a simulated request goes to the nodes: all, one real one, or nothing (it waits)."""
        if self._edge.hit is not None:
            return 0.0 if exchange.hit else 1.0
        guest, url = exchange.lane.visit, exchange.get.url
        if not self._edge.collapse:
            guest.tally.cached(exchange.get.kind, MISS)
            return 1.0
        if (waiting := self._waiting.get(url)) is not None:
            waiting.append(exchange)
            guest.tally.cached(exchange.get.kind, HIT)
            return -1.0
        self._waiting[url] = []
        one = seed_of(guest.viewer.seed, guest.requests) % self._weight == 0
        guest.tally.cached(exchange.get.kind, MISS if one else HIT)
        return 1.0 / self._weight

    def lost(self, exchange: Exchange) -> list[Exchange]:
        """The request that others waited for has come to nothing: one of them asks anew."""
        return self._waiting.pop(exchange.get.url, []) if exchange.part < 1.0 else []

    def came(self, exchange: Exchange, *, playlist: bool, now: float) -> list[Exchange]:
        """The nodes have answered: keep it, and hand it to those who waited."""
        url = exchange.get.url
        if self._edge.hit is None and exchange.answer.status == 200:
            if len(self._kept) > MANY:
                self._kept = {url: kept for url, kept in self._kept.items() if kept.until > now}
            self._kept[url] = Kept(exchange.answer, now + (self._edge.ttl if playlist else SEGMENT_SECONDS))
        return self._waiting.pop(url, [])
