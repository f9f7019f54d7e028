"""What a CDN asks of the origin behind it: requests and bits per second from demand, hit ratios and the way between.

Two models, and which one holds is a matter of how the caches are set up:

* **Misses** (no request collapsing): the origin gets every request that no cache answered, ``demand x (1 - hit
  ratio)`` by kind, so it grows with the viewers.
* **Objects** (request collapsing: nginx ``proxy_cache_lock``, Varnish, CloudFront): of the requests for one object that
  miss together one goes on, so each edge location fetches each object once per lifetime. The origin then grows with
  renditions and edge locations, not with viewers; with a shield all edge locations count as one.

Objects, per edge location, by how often one is asked for:

* a playlist with a lifetime of ``T`` seconds that is asked for ``q`` times a second is fetched ``q / (1 + q T)`` times
  a second: an interval between fetches is one lifetime and the wait for the next request (renewal; J. Jung, A. Berger,
  H. Balakrishnan, "Modeling TTL-based Internet caches", INFOCOM 2003: hit ratio ``q T / (1 + q T)``). A lifetime of
  zero is no caching: every request goes through;
* a segment, an init and a key never change, so an object is fetched once where anybody asks for it: with ``n``
  requests in expectation, with probability ``1 - exp(-n)`` (Poisson).

Both are concave, so requests spread evenly over renditions and locations, as here, ask most of the origin (Jensen).
Collapsing is what the vendors describe for live events: CloudFront collapses at edge, regional cache and shield
(AWS, "Using CloudFront Origin Shield"); nginx and varnish here let one of 400 concurrent requests for a cold object
through (tests/real/test_caches.py). What is left out: objects evicted before their time, and stale answers during an
update, which only make the origin's load smaller or move it by one fetch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import FiniteFloat, NonNegativeFloat, PositiveFloat, PositiveInt

from advisor.demands.demand import Demand
from advisor.interval import Interval
from loadtests.region import Frozen
from loadtests.session import RequestKind

CHANGING: Final[frozenset[RequestKind]] = frozenset({"playlist", "master"})
"""Kinds whose objects have a lifetime; a segment's bytes never change, and it is made once."""
NEVER: Final[frozenset[RequestKind]] = frozenset({"home"})
"""Kinds that are taken as personal, so that no cache answers them (assumed)."""


class Share(Frozen):
    """What one kind of request is of a region's demand."""

    requests: NonNegativeFloat
    """Share of the requests."""
    wire: NonNegativeFloat
    """Share of the bits."""


class Objects(Frozen):
    """What there is to fetch, whoever watches."""

    renditions: PositiveInt
    """Playlists that viewers reload, each with its own segments."""
    segment_seconds: PositiveFloat
    playlist_ttl: NonNegativeFloat
    """Seconds that a cache keeps a playlist; 0 for not at all."""
    segment_bits: NonNegativeFloat
    """Bits of a segment on the wire, as a mean over the renditions."""
    playlist_bits: NonNegativeFloat


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The way from viewers to the origin."""

    objects: Objects
    collapsing: bool = True
    """Whether caches let one request for an object through and hold the others back meanwhile."""
    pops: int = 1
    """Edge locations that serve this region, each with a cache of its own."""
    shield: bool = False
    """Whether edge locations ask one cache in front of the origin instead of the origin."""
    uncached: Mapping[RequestKind, float] = field(default_factory=dict)
    """Share of a kind's requests that no cache keeps, 0 to 1: personal addresses, ``no-store``. They all go through."""
    shares: Mapping[RequestKind, Share] = field(default_factory=lambda: {"segment": Share(requests=1.0, wire=1.0)})
    """What each kind is of the demand; adds up to one."""


class KindLoad(Frozen):
    """One kind of request at the origin."""

    requests: Interval
    """Per second."""
    wire: Interval
    """bit/s."""


class OriginLoad(Frozen):
    """What reaches the origin, and the shield before it where there is one."""

    requests: Interval
    """Per second."""
    wire: Interval
    """bit/s."""
    hit_ratio: Interval
    """Share of the viewers' requests that never reach the origin."""
    shield_requests: Interval | None = None
    """Per second at the shield; None without one."""
    shield_wire: Interval | None = None
    kinds: dict[RequestKind, KindLoad]
    """The origin's, by kind."""


def origin_load(demand: Demand, hits: Mapping[RequestKind, Interval], path: Path) -> OriginLoad:
    """What the origin gets at this demand.

    ``hits``: hit ratio by kind, 0 to 1, for the model of misses (``path.collapsing`` false); a kind that is not there
    has none. With collapsing the lifetimes decide, and ``hits`` changes nothing: that is the point of it.
    """
    edge = {kind: _asked(demand, share) for kind, share in path.shares.items()}
    if not path.collapsing:
        origin = {kind: _missed(load, hits.get(kind, NONE)) for kind, load in edge.items()}
        return _total(edge, origin, origin if path.shield else None)
    at_pops = {kind: _through(kind, load, path, path.pops) for kind, load in edge.items()}
    if not path.shield:
        return _total(edge, at_pops, None)
    return _total(edge, {kind: _through(kind, load, path, 1) for kind, load in edge.items()}, at_pops)


NONE: Final = Interval.exact(0.0)


def same_hit_ratio(ratio: float, shares: Mapping[RequestKind, Share]) -> dict[RequestKind, Interval]:
    """One hit ratio for every kind that a cache may keep, as "95 %" is meant when nobody says of what."""
    return {kind: NONE if kind in NEVER else Interval.exact(ratio) for kind in shares}


def _asked(demand: Demand, share: Share) -> KindLoad:
    return KindLoad(requests=demand.requests.scale(share.requests), wire=demand.wire.scale(share.wire))


def _missed(load: KindLoad, hit: Interval) -> KindLoad:
    """Ends cross: most misses at the lowest hit ratio."""
    miss = Interval(low=1 - hit.high, mid=1 - hit.mid, high=1 - hit.low, coverage=hit.coverage, samples=hit.samples)
    return KindLoad(requests=load.requests.times(miss), wire=load.wire.times(miss))


def _through(kind: RequestKind, load: KindLoad, path: Path, places: int) -> KindLoad:
    """What caches fetch at ``places`` locations, and what they may not keep."""
    uncached = min(1.0, path.uncached.get(kind, 0.0))
    kept = KindLoad(requests=load.requests.scale(1 - uncached), wire=load.wire.scale(1 - uncached))
    fetched = _fetched(kind, kept, path.objects, places)
    return KindLoad(
        requests=_sum([fetched.requests, load.requests.scale(uncached)]),
        wire=_sum([fetched.wire, load.wire.scale(uncached)]),
    )


def _fetched(kind: RequestKind, load: KindLoad, objects: Objects, pops: int) -> KindLoad:
    """What caches at ``pops`` locations fetch between them; never more than they are asked for."""
    if kind in NEVER or not load.requests.high:
        return load
    requests = _foretold(kind, load.requests, objects, pops)
    return KindLoad(requests=requests, wire=_each_end(requests, lambda rate: rate * _bits(kind, load, objects)))


ROUNDING: Final = 1.0
"""Seconds that a cache may keep an object past its lifetime: nginx reckons in whole seconds and serves the last one out
(measured: docs/cdn.md), which is what the low end takes."""
WAVES: Final = 0.15
"""Share by which objects are fetched less often than the model says where requests come in waves: an eighth was
measured (docs/cdn.md), rounded up."""
OVER: Final = 0.05
"""Share by which more may be fetched than the model says: 2 % where it was measured (docs/cdn.md), rounded up."""


def _foretold(kind: RequestKind, asked: Interval, objects: Objects, pops: int) -> Interval:
    """With the model's own error as it was measured; never more than is asked for."""
    kept = objects.playlist_ttl + ROUNDING if objects.playlist_ttl else 0.0
    longer = objects.model_copy(update={"playlist_ttl": kept})
    low = fetches(kind, asked.low, longer, pops) * (1 - WAVES)
    middle = fetches(kind, asked.mid, objects, pops)
    high = min(asked.high, fetches(kind, asked.high, objects, pops) * (1 + OVER))
    return Interval(low=low, mid=middle, high=high, coverage=min(asked.coverage, 0.9), samples=asked.samples)


def fetches(kind: RequestKind, asked: float, objects: Objects, pops: int) -> FiniteFloat:
    """Fetches per second by ``pops`` locations of one kind that is asked for ``asked`` times a second in all."""
    if kind in CHANGING:
        places = pops * (objects.renditions if kind == "playlist" else 1)
        return asked / (1 + asked / places * objects.playlist_ttl)
    if kind != "segment":  # an init or key is one object for a whole event: fetched once, and kept
        return 0.0
    born = objects.renditions / objects.segment_seconds
    each = asked / (pops * born)
    return pops * born * -math.expm1(-each)


def _bits(kind: RequestKind, load: KindLoad, objects: Objects) -> float:
    """Of one fetch: renditions are fetched alike, whatever viewers prefer."""
    if kind == "segment":
        return objects.segment_bits
    if kind == "playlist":
        return objects.playlist_bits
    return load.wire.mid / load.requests.mid if load.requests.mid else 0.0


def _each_end(interval: Interval, of: Callable[[float], float]) -> Interval:
    """A rising function of an interval, end by end."""
    low, mid, high = (of(end) for end in (interval.low, interval.mid, interval.high))
    return Interval(low=low, mid=mid, high=high, coverage=interval.coverage, samples=interval.samples)


def _total(
    edge: Mapping[RequestKind, KindLoad],
    origin: Mapping[RequestKind, KindLoad],
    shield: Mapping[RequestKind, KindLoad] | None,
) -> OriginLoad:
    requests, wire = _sum([one.requests for one in origin.values()]), _sum([one.wire for one in origin.values()])
    asked = _sum([one.requests for one in edge.values()])
    return OriginLoad(
        requests=requests,
        wire=wire,
        hit_ratio=_spared(requests, asked),
        shield_requests=_sum([one.requests for one in shield.values()]) if shield else None,
        shield_wire=_sum([one.wire for one in shield.values()]) if shield else None,
        kinds=dict(origin),
    )


def _spared(requests: Interval, asked: Interval) -> Interval:
    """Demand and load rise together, so ends are compared with their like, then put in order."""
    pairs = ((requests.low, asked.low), (requests.mid, asked.mid), (requests.high, asked.high))
    low, mid, high = (1 - load / of if of else 0.0 for load, of in pairs)
    ends = {"low": min(low, mid, high), "mid": mid, "high": max(low, mid, high)}
    return Interval(**ends, coverage=requests.coverage, samples=requests.samples)


def _sum(parts: list[Interval]) -> Interval:
    """The parts hang on one demand and rise together, so their coverage is that of the least sure."""
    low, mid, high = (sum(getattr(part, end) for part in parts) for end in ("low", "mid", "high"))
    coverage = min(part.coverage for part in parts)
    samples = [part.samples for part in parts if part.samples]
    return Interval(low=low, mid=mid, high=high, coverage=coverage, samples=min(samples, default=0))
