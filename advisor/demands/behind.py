"""The origin behind a region's CDN at the launch: what it must carry, by which model, from which inputs.

Inputs come from the rehearsal where it shows them, else from ``launch.cdn`` of the scenario; each says where from. What
nobody knows is not made up: without a cache in the rehearsal there is no hit ratio, and the origin's load stands as a
table over ratios; without the number of edge locations the load is that of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pydantic import NonNegativeFloat

from advisor import figures
from advisor.demands.caches import CacheEvidence, kept_for
from advisor.demands.demand import Demand
from advisor.demands.origin import Objects, OriginLoad, Path, Share, origin_load, same_hit_ratio
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.texts import Message, say
from loadtests.caching import Caching
from loadtests.region import Frozen
from loadtests.results import SeenStream
from loadtests.scenario import Audience
from loadtests.session import RequestKind

RATIOS: Final = (0.90, 0.95, 0.98, 0.99)
"""Hit ratios that the table shows: what CDNs are asked for with live video (assumed)."""
HALF: Final = 0.5
"""Share of a segment that a playlist may be kept: AWS Elemental MediaPackage sets max-age so (User Guide, "CDN
configuration recommendations"); a player without news reloads after half a target duration (RFC 8216, 6.3.4)."""
LOW_HIT: Final = 0.90
"""Hit ratio of segments below which the cache key is suspect: their bytes never change (assumed)."""
MUCH: Final = 0.01
"""Share of a kind that bypasses caches from which the reader is told (assumed)."""


class AtRatio(Frozen):
    """The origin's load at one hit ratio of every kind, without request collapsing."""

    ratio: NonNegativeFloat
    requests: Interval
    """Per second."""
    wire: Interval
    """bit/s."""


class Origin(Frozen):
    """The origin behind one region's CDN at the peak of the launch."""

    objects: Objects
    shares: dict[RequestKind, Share]
    """What each kind is of the region's demand."""
    inputs: tuple[Message, ...]
    """Where the inputs are from."""
    today: OriginLoad | Excuse
    """At the hit ratios of the rehearsal, without request collapsing: it grows with the viewers."""
    location: OriginLoad
    """With request collapsing, one edge location that serves the whole region."""
    locations: OriginLoad | Excuse
    """With request collapsing, the edge locations of ``launch.cdn.locations`` between them."""
    shielded: OriginLoad | None = None
    """With request collapsing and a shield, where ``launch.cdn.shield`` says so."""
    table: tuple[AtRatio, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one region: its demand, what caches said, the stream, and how the CDN is set up."""

    demand: Demand
    caches: CacheEvidence
    stream: SeenStream | None
    audience: Audience
    caching: Caching


def origin(seen: Seen) -> Origin | Excuse:
    """The origin's load, or why it cannot be told."""
    code, kinds = seen.demand.region, seen.caches.kinds
    segments = kinds.get("segment")
    if segments is None or not segments.requests:
        return Excuse(about=code, reason=say("excuse_no_segments", region=code), remedy=say("remedy_lower_baseline"))
    shares = shares_of(seen.caches)
    seconds = segment_seconds(seen.demand, shares)
    found = Inputs(*_renditions(seen), *_playlist_ttl(seen, seconds), seconds)
    objects = Objects(
        renditions=found.renditions,
        segment_seconds=found.segment_seconds,
        playlist_ttl=found.playlist_ttl,
        segment_bits=_segment_bits(seen, found.segment_seconds),
        playlist_bits=_mean_bits(seen.caches, "playlist"),
    )
    uncached = {kind: one.bypassed for kind, one in kinds.items() if one.bypassed}
    path = Path(objects=objects, shares=shares, uncached=uncached)
    return Origin(
        objects=objects,
        shares=shares,
        inputs=(found.renditions_from, found.ttl_from),
        today=_today(seen, path),
        location=origin_load(seen.demand, {}, path),
        locations=_locations(seen, path),
        shielded=_shielded(seen, path),
        table=tuple(_at(seen.demand, ratio, path) for ratio in RATIOS),
    )


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs and where they are from."""

    renditions: int
    renditions_from: Message
    playlist_ttl: float
    ttl_from: Message
    segment_seconds: float


def shares_of(caches: CacheEvidence) -> dict[RequestKind, Share]:
    """What each kind was of the region's requests and bits while budgets held."""
    requests = sum(one.requests for one in caches.kinds.values())
    bits = sum(one.bits for one in caches.kinds.values())
    return {
        kind: Share(requests=one.requests / requests, wire=one.bits / bits if bits else 0.0)
        for kind, one in sorted(caches.kinds.items())
        if one.requests
    }


def segment_seconds(demand: Demand, shares: dict[RequestKind, Share]) -> float:
    """A viewer who watches fetches one segment per segment's length, for there is no separate audio yet."""
    return 1.0 / (demand.requests_per_viewer.mid * shares["segment"].requests)


def _renditions(seen: Seen) -> tuple[int, Message]:
    if seen.caching.renditions is not None:
        return seen.caching.renditions, say("origin_renditions_given", count=str(seen.caching.renditions))
    if seen.stream is not None:
        return seen.stream.variants, say("origin_renditions_seen", count=str(seen.stream.variants))
    steps = {step for cohort in seen.audience.cohorts.values() for step in cohort.renditions}
    return len(steps), say("origin_renditions_assumed", count=str(len(steps)))


def _playlist_ttl(seen: Seen, segment: float) -> tuple[float, Message]:
    given = seen.caching.playlist_ttl
    if given is not None:
        return given, say("origin_ttl_given", ttl=figures.seconds(given))
    lifetimes = seen.caches.kinds["playlist"].lifetimes if "playlist" in seen.caches.kinds else {}
    if (kept := kept_for(lifetimes)) is not None:
        share = figures.percent(lifetimes[kept[0]] / sum(lifetimes.values()))
        return kept[1], say("origin_ttl_seen", lifetime=kept[0], ttl=figures.seconds(kept[1]), share=share)
    half = segment * HALF
    return half, say("origin_ttl_none", ttl=figures.seconds(half))


def _segment_bits(seen: Seen, seconds: float) -> float:
    """Of all renditions alike: as the ladder declares them, else as large as what viewers watched."""
    if seen.stream is not None and seen.stream.variants > 1:
        steps = [rate for step, rate in seen.stream.bitrates.items() if step != "auto"]
        if steps:
            return seconds * sum(steps) / len(steps)
    return _mean_bits(seen.caches, "segment")


def _mean_bits(caches: CacheEvidence, kind: RequestKind) -> float:
    one = caches.kinds.get(kind)
    return one.bits / one.requests if one and one.requests else 0.0


def _today(seen: Seen, path: Path) -> OriginLoad | Excuse:
    code = seen.demand.region
    if not seen.caches.hits:
        return Excuse(about=code, reason=say("excuse_no_cache", region=code), remedy=say("remedy_no_cache"))
    missing = [kind for kind in ("segment", "playlist") if kind in path.shares and kind not in seen.caches.hits]
    if missing:
        reason = say("excuse_part_cache", region=code, kinds=", ".join(missing))
        return Excuse(about=code, reason=reason, remedy=say("remedy_no_cache"))
    return origin_load(seen.demand, seen.caches.hits, replace(path, collapsing=False))


def _locations(seen: Seen, path: Path) -> OriginLoad | Excuse:
    if seen.caching.locations is None:
        reason = say("excuse_locations", region=seen.demand.region)
        return Excuse(about=seen.demand.region, reason=reason, remedy=say("remedy_locations"))
    return origin_load(seen.demand, {}, replace(path, pops=seen.caching.locations))


def _shielded(seen: Seen, path: Path) -> OriginLoad | None:
    if not seen.caching.shield:
        return None
    return origin_load(seen.demand, {}, replace(path, pops=seen.caching.locations or 1, shield=True))


def _at(demand: Demand, ratio: float, path: Path) -> AtRatio:
    load = origin_load(demand, same_hit_ratio(ratio, path.shares), replace(path, collapsing=False))
    return AtRatio(ratio=ratio, requests=load.requests, wire=load.wire)


def planned_load(found: Origin, caching: Caching) -> OriginLoad | Excuse:
    """The load that the launch's own settings lead to."""
    if not caching.collapsing:
        return found.today
    return found.shielded or found.locations


def warnings(seen: Seen, found: Origin) -> Iterator[Message]:
    """What is wrong with how the stream is cached, with its numbers."""
    yield from _about_lifetime(seen, found)
    code, kinds = seen.demand.region, seen.caches.kinds
    segments = kinds["segment"]
    if segments.hit and segments.hit.high < LOW_HIT and segments.bypassed < MUCH:
        yield say("warn_segments_miss", region=code, hit=figures.percent(segments.hit.mid))
    if segments.bypassed >= MUCH:
        requests = seen.demand.requests.mid * found.shares["segment"].requests * segments.bypassed
        load = figures.rate(requests, "requests/s")
        yield say("warn_segments_bypass", region=code, share=figures.percent(segments.bypassed), requests=load)


def _about_lifetime(seen: Seen, found: Origin) -> Iterator[Message]:
    objects, code = found.objects, seen.demand.region
    share = found.shares.get("playlist")
    if share is None:
        return
    half = objects.segment_seconds * HALF
    asked = seen.demand.requests.mid * share.requests
    if objects.playlist_ttl == 0:
        better = replace(_path(found), objects=objects.model_copy(update={"playlist_ttl": half}))
        kept = origin_load(seen.demand, {}, better).kinds["playlist"].requests.mid
        yield say(
            "warn_ttl_zero",
            region=code,
            requests=figures.rate(asked, "requests/s"),
            half=figures.seconds(half),
            kept=figures.rate(kept, "requests/s"),
        )
    elif objects.playlist_ttl > half * (1 + SLACK):
        key = "warn_ttl_stalls" if objects.playlist_ttl >= objects.segment_seconds * (1 - SLACK) else "warn_ttl_long"
        yield say(
            key,
            region=code,
            ttl=figures.seconds(objects.playlist_ttl),
            half=figures.seconds(half),
            mean=figures.seconds(objects.playlist_ttl / 2),
            segment=figures.seconds(objects.segment_seconds),
        )


SLACK: Final = 0.1
"""The length of a segment is read from counts; so much may be chance (assumed)."""


def _path(found: Origin) -> Path:
    return Path(objects=found.objects, shares=found.shares)
