"""A run through a real cache, told thrice: by us from headers, by the cache itself, and by the origin behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import pytest

from advisor.advice import Advice
from advisor.advising import advise
from advisor.demands.behind import Origin
from advisor.demands.demand import Demand
from advisor.demands.origin import Objects, OriginLoad, Share, origin_load
from advisor.demands.origin import Path as Way
from advisor.interval import Interval
from advisor.models import Excuse
from loadtests.cached import CacheState
from loadtests.run import Run, read_run
from loadtests.session import RequestKind
from loadtests.staging import Cluster
from loadtests.staging.counts import NodeCounts
from tests.real.caching import Cache, nginx_cache, varnish_cache
from tests.real.processes import Started, fresh_port, locust
from tests.real.scenarios import plan, surge, write

pytestmark = pytest.mark.slow

HELD, END = 14, 34
"""Seconds: from here on the load is steady; here it ends."""
SHAPE: Final = surge(150, 151, (8, 5, 1, 21, 1))
"""Viewers come over eight seconds, so that their reloads are spread over the two of a target duration."""
RENDITIONS: Final = 3
SEGMENT: Final = 2.0
"""Of the stage's live stream: docs/staging.md."""
KINDS: Final[tuple[RequestKind, ...]] = ("master", "playlist", "segment")
Made = Callable[[Path, int], AbstractContextManager[Cache]]


@dataclass(frozen=True)
class Told:
    """One run through a cache."""

    run: Run
    cache: Cache
    origin: NodeCounts
    """Since its start: only this run, its preflight included."""
    counters: dict[str, int]

    @property
    def states(self) -> dict[RequestKind, Counter[CacheState]]:
        """What headers said, by our account."""
        found: dict[RequestKind, Counter[CacheState]] = {kind: Counter() for kind in KINDS}
        for window in self.run.windows:
            for kind, requests in window.requests.items():
                found[kind].update(requests.cache_states)
        return found

    def rate(self, kind: RequestKind, states: tuple[CacheState, ...] = ()) -> float:
        """Requests per second of a kind in the steady seconds, of all or of some states."""
        requests = [w.requests[kind] for w in self.run.windows if HELD <= w.at < END and kind in w.requests]
        total = sum(
            sum(one.cache_states.get(state, 0) for state in states) if states else one.count for one in requests
        )
        return total / (END - HELD)


def through(made: Made, folder: Path) -> Told:
    """150 viewers through a cache of its own, before an origin of its own."""
    port = fresh_port()
    (folder / "cache").mkdir()
    with Cluster(1, port=port) as cluster, made(folder / "cache", port) as cache:
        changes = {"surge": SHAPE, "launch": {"audience": {"id": 60000, "in": 40000}, "cdn": {"locations": 20}}}
        scenario = write(folder, plan(cache.url("live/master.m3u8"), **changes))
        words = ("--headless", "--only-summary", "--scenario", scenario, "--out", folder / "run")
        with Started(locust(*words), folder) as load:
            assert load.wait(70) == 0, load.stderr
        (counts,) = cluster.metrics()
        counters = cache.counters() if made is varnish_cache else {}
    return Told(read_run(folder / "run"), cache, counts, counters)


@pytest.fixture(scope="module")
def nginx_told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return through(nginx_cache, tmp_path_factory.mktemp("nginx-cache"))


@pytest.fixture(scope="module")
def varnish_told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return through(varnish_cache, tmp_path_factory.mktemp("varnish-cache"))


@pytest.fixture(scope="module")
def advice(nginx_told: Told) -> Advice:
    return advise([nginx_told.run])


def test_nginx_counted_the_same_hits_and_misses(nginx_told: Told) -> None:
    """Its access log, from run second zero on: every request of every kind, by its cache status."""
    zero = nginx_told.run.header.started_at.timestamp()
    theirs: dict[RequestKind, Counter[CacheState]] = {kind: Counter() for kind in KINDS}
    for entry in nginx_told.cache.logged():
        if entry.at >= zero:
            theirs[entry.kind][entry.state] += 1
    print(f"by us {nginx_told.states}")
    assert nginx_told.states == theirs


def test_the_origin_got_what_nginx_says_it_missed(nginx_told: Told) -> None:
    """Preflight included: to the origin it is a viewer like any other."""
    missed = Counter(entry.kind for entry in nginx_told.cache.logged() if entry.state in ("miss", "bypass"))
    got = {kind: nginx_told.origin.of(kind=kind) for kind in KINDS}
    print(f"origin {got}, nginx missed {dict(missed)}")
    assert got == missed


def test_each_segment_left_the_origin_once(nginx_told: Told) -> None:
    """Request collapsing: 150 viewers, one fetch per segment and rendition."""
    missed = [entry.uri for entry in nginx_told.cache.logged() if entry.kind == "segment" and entry.state == "miss"]
    assert len(missed) == len(set(missed))


@pytest.mark.parametrize("kind", ["playlist", "segment"])
def test_the_model_foretells_what_the_origin_got(nginx_told: Told, kind: RequestKind) -> None:
    """Within 10 %. nginx counts lifetimes in whole seconds and serves the last one out: max-age=1 lasts two."""
    seen, predicted = nginx_told.rate(kind, ("miss",)), foretold(nginx_told, kind, ttl=2.0).mid
    print(f"{kind}: {seen:.3f}/s at the origin, {predicted:.3f}/s foretold, {nginx_told.rate(kind):.1f}/s asked")
    assert seen == pytest.approx(predicted, rel=0.10)


@pytest.mark.parametrize("kind", ["playlist", "segment"])
@pytest.mark.parametrize("fixture", ["nginx_told", "varnish_told"])
def test_the_interval_holds_what_the_origin_got(
    fixture: str, kind: RequestKind, request: pytest.FixtureRequest
) -> None:
    """At the lifetime that the origin said, whatever the cache makes of it."""
    told: Told = request.getfixturevalue(fixture)
    interval = foretold(told, kind, ttl=1.0)
    assert interval.low <= told.rate(kind, ("miss",)) <= interval.high


def foretold(told: Told, kind: RequestKind, ttl: float) -> Interval:
    """`origin_load` for this run's own load and one edge location."""
    asked = told.rate(kind)
    objects = Objects(renditions=RENDITIONS, segment_seconds=SEGMENT, playlist_ttl=ttl, segment_bits=0, playlist_bits=0)
    path = Way(objects=objects, shares={kind: Share(requests=1.0, wire=1.0)})
    return origin_load(asking(asked), {}, path).requests


def test_the_advice_reads_the_same_hit_ratio(nginx_told: Told, advice: Advice) -> None:
    for region in advice.regions:
        for kind in ("playlist", "segment"):
            one = region.cdn.caches.kinds[kind]
            assert one.hit is not None
            assert one.told == one.requests
            assert one.hit.low <= one.hit.mid <= one.hit.high <= 1
            assert next(iter(one.lifetimes)) == {"playlist": "max-age=1", "segment": "max-age=31536000"}[kind]
        assert region.cdn.caches.vendors.keys() == {"nginx"}
    told, spared = (
        sum(sum(one.values()) for one in nginx_told.states.values()),
        sum(one["hit"] + one["stale"] for one in nginx_told.states.values()),
    )
    ours = [kind for region in advice.regions for kind in region.cdn.caches.kinds.values() if kind.hit]
    mean = sum(kind.hit.mid * kind.told for kind in ours if kind.hit) / sum(kind.told for kind in ours)
    assert mean == pytest.approx(spared / told, abs=0.03)


def test_the_advice_knows_the_stream_and_plans_the_origin(advice: Advice) -> None:
    for region in advice.regions:
        origin = region.cdn.origin
        assert isinstance(origin, Origin)
        assert origin.objects.renditions == RENDITIONS
        assert origin.objects.segment_seconds == pytest.approx(SEGMENT, rel=0.1)
        assert origin.objects.playlist_ttl == 1.0
        assert isinstance(origin.today, OriginLoad)
        assert isinstance(origin.locations, OriginLoad)
        expected = 20 * (RENDITIONS * (1 / SEGMENT + 1) + 1)  # each location: segments, playlists, the master playlist
        assert origin.locations.requests.mid == pytest.approx(expected, rel=0.1)
        assert origin.today.requests.mid > 10 * origin.locations.requests.mid
        assert not isinstance(region.cdn.planned, Excuse)


def test_varnish_counted_the_same_hits_and_misses(varnish_told: Told) -> None:
    """`varnishstat` counts from its start, preflight included: four requests, all of them misses."""
    ours = sum(varnish_told.states.values(), Counter[CacheState]())
    print(f"by us {dict(ours)}, by Varnish {varnish_told.counters['MAIN.cache_hit']}")
    assert ours["hit"] == varnish_told.counters["MAIN.cache_hit"]
    assert ours["miss"] <= varnish_told.counters["MAIN.cache_miss"] <= ours["miss"] + 4


def test_the_origin_got_what_varnish_fetched(varnish_told: Told) -> None:
    assert varnish_told.origin.requests - varnish_told.origin.of(kind="other") == sum(
        varnish_told.counters[f"MAIN.{name}"] for name in ("cache_miss",)
    )


@pytest.mark.parametrize("kind", ["playlist", "segment"])
def test_the_model_foretells_what_the_origin_behind_varnish_got(varnish_told: Told, kind: RequestKind) -> None:
    """Never more, and within 20 %: reloads come in waves, so a cache waits longer for the next than the model says."""
    seen, predicted = varnish_told.rate(kind, ("miss",)), foretold(varnish_told, kind, ttl=1.0).mid
    print(f"{kind}: {seen:.3f}/s at the origin, {predicted:.3f}/s foretold, {varnish_told.rate(kind):.1f}/s asked")
    assert 0.8 * predicted < seen < 1.05 * predicted


def test_varnish_tells_ages(varnish_told: Told) -> None:
    ages = [w.requests["segment"].cache_age for w in varnish_told.run.windows if "segment" in w.requests]
    assert sum(age.count for age in ages) > 0
    assert max(age.largest for age in ages if age.count) < 60


@pytest.mark.parametrize("made", [nginx_cache, varnish_cache], ids=["nginx", "varnish"])
def test_of_many_requests_for_a_cold_object_one_reaches_the_origin(made: Made, tmp_path: Path) -> None:
    """400 at once (feasible: what `advisor/demands/origin.py` stands on)."""
    port = fresh_port()
    with Cluster(1, port=port, latency=0.3) as cluster, made(tmp_path, port) as cache, ThreadPoolExecutor(400) as pool:
        asked = pool.map(lambda _: urlopen(cache.url("live/master.m3u8"), timeout=20).status, range(400))
        assert set(asked) == {200}
        (counts,) = cluster.metrics()
        assert counts.of(kind="master") == 1


def asking(requests: float) -> Demand:
    """A demand of so many requests per second, known exactly."""
    one = Interval.exact(0.0)
    return Demand(
        region="id",
        viewers=one,
        wire=one,
        requests=Interval.exact(requests),
        joins=one,
        all_joins=0.0,
        wire_per_viewer=one,
        requests_per_viewer=one,
        wire_per_join=one,
        tested_viewers=1.0,
    )
