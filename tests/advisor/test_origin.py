"""The origin behind a CDN: closed forms, laws, and the example of docs/cdn.md."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.demands.demand import Demand
from advisor.demands.origin import NONE, Objects, OriginLoad, Share, fetches, origin_load, same_hit_ratio
from advisor.demands.origin import Path as Way
from advisor.interval import Interval
from loadtests.session import RequestKind

PAGE = Path(__file__).parents[2] / "docs" / "cdn.md"
OBJECTS = Objects(renditions=4, segment_seconds=2.0, playlist_ttl=1.0, segment_bits=4e6, playlist_bits=8e3)
SHARES: dict[RequestKind, Share] = {
    "segment": Share(requests=0.5, wire=0.99),
    "playlist": Share(requests=0.5, wire=0.01),
}


def asking(requests: float, wire: float = 0.0, spread: float = 0.0) -> Demand:
    """A region's demand; only these two count here."""
    none = Interval.exact(0.0)

    def known(value: float) -> Interval:
        low, high = value * (1 - spread), value * (1 + spread)
        return Interval(low=low, mid=value, high=high, coverage=0.9, samples=100)

    return Demand(
        region="id",
        viewers=Interval.exact(requests),
        wire=known(wire),
        requests=known(requests),
        joins=none,
        all_joins=0.0,
        wire_per_viewer=none,
        requests_per_viewer=none,
        wire_per_join=none,
        tested_viewers=1.0,
    )


def load(
    demand: Demand, hit: float = 0.0, *, collapsing: bool = True, pops: int = 1, shield: bool = False
) -> OriginLoad:
    path = Way(objects=OBJECTS, collapsing=collapsing, pops=pops, shield=shield, shares=SHARES)
    return origin_load(demand, same_hit_ratio(hit, SHARES), path)


def test_without_collapsing_the_origin_gets_the_misses() -> None:
    found = load(asking(40_000, 40e9), 0.95, collapsing=False)
    assert found.requests.mid == pytest.approx(2_000)
    assert found.wire.mid == pytest.approx(2e9)
    assert found.hit_ratio.mid == pytest.approx(0.95)


def test_without_collapsing_twice_the_viewers_are_twice_the_load() -> None:
    one, two = (load(asking(40_000 * times), 0.95, collapsing=False) for times in (1, 2))
    assert two.requests.mid == pytest.approx(2 * one.requests.mid)


def test_with_collapsing_viewers_do_not_count() -> None:
    one, many = (load(asking(40_000 * times), pops=20) for times in (1, 50))
    assert many.requests.mid == pytest.approx(one.requests.mid, rel=0.01)
    assert many.requests.mid == pytest.approx(20 * 4 * (1 / 2 + 1), rel=0.001)


def test_a_shield_makes_all_locations_one() -> None:
    found = load(asking(400_000, 40e9), pops=20, shield=True)
    assert found.requests.mid == pytest.approx(4 * (1 / 2 + 1), rel=0.001)
    assert found.shield_requests is not None
    assert found.shield_requests.mid == pytest.approx(20 * found.requests.mid, rel=0.01)
    assert found.wire.mid == pytest.approx(4 * (4e6 / 2 + 8e3), rel=0.001)


def test_few_viewers_do_not_make_a_location_fetch_what_nobody_asked_for() -> None:
    found = load(asking(2.0), pops=100)
    assert found.requests.mid == pytest.approx(2.0, rel=0.02)
    assert found.requests.high <= 2.0


def test_a_playlist_that_is_not_kept_goes_through_each_time() -> None:
    kept = OBJECTS.model_copy(update={"playlist_ttl": 0.0})
    path = Way(objects=kept, pops=20, shares=SHARES)
    assert origin_load(asking(1_000), {}, path).kinds["playlist"].requests.mid == pytest.approx(500)


def test_what_no_cache_keeps_goes_through_whatever_is_collapsed() -> None:
    path = Way(objects=OBJECTS, pops=20, shield=True, shares=SHARES, uncached={"segment": 0.1})
    found = origin_load(asking(10_000), {}, path).kinds["segment"].requests.mid
    assert found == pytest.approx(0.1 * 5_000 + 2, rel=0.01)


def test_personal_pages_are_never_kept() -> None:
    shares: dict[RequestKind, Share] = {"home": Share(requests=1.0, wire=1.0)}
    path = Way(objects=OBJECTS, shares=shares)
    assert origin_load(asking(10), {}, path).requests.mid == 10
    assert same_hit_ratio(0.9, shares) == {"home": NONE}


def test_lifetimes_are_those_of_a_renewal_process() -> None:
    """A cache asked at random moments, played through: fetches per second, within three standard errors."""
    rng = np.random.default_rng(5)
    for asked, ttl in ((0.5, 1.0), (5.0, 1.0), (5.0, 4.0)):
        moments, until, fetched = np.cumsum(rng.exponential(1 / asked, 20_000)), -1.0, 0
        for at in moments:
            if at > until:
                fetched, until = fetched + 1, at + ttl
        objects = OBJECTS.model_copy(update={"renditions": 1, "playlist_ttl": ttl})
        expected = fetches("playlist", asked, objects, 1) * moments[-1]
        assert abs(fetched - expected) < 3 * math.sqrt(expected)


def test_segments_are_fetched_where_anybody_asks() -> None:
    """Requests thrown at random onto objects of many locations: how many are asked for at all."""
    rng = np.random.default_rng(6)
    objects = OBJECTS.model_copy(update={"renditions": 10, "segment_seconds": 1.0})
    for asked in (5, 100, 400):
        hit = [len(np.unique(rng.integers(0, 10 * 10, asked))) for _ in range(300)]
        assert fetches("segment", float(asked), objects, 10) == pytest.approx(float(np.mean(hit)), rel=0.03)


amounts = st.floats(0.01, 1e7)


@given(amounts, amounts, st.floats(0, 1), st.integers(1, 500), st.booleans(), st.booleans(), st.floats(0, 30))
def test_the_origin_never_gets_more_than_viewers_ask_for(
    requests: float, more: float, hit: float, pops: int, collapsing: bool, shield: bool, ttl: float
) -> None:
    """And more demand never asks less of it; nothing is NaN, and a shield never makes it worse."""
    path = Way(
        objects=OBJECTS.model_copy(update={"playlist_ttl": ttl}),
        collapsing=collapsing,
        pops=pops,
        shield=shield,
        shares=SHARES,
    )
    hits = same_hit_ratio(hit, SHARES)
    demand, larger = asking(requests, 1e6, 0.1), asking(requests + more, 1e6, 0.1)
    found, then = origin_load(demand, hits, path), origin_load(larger, hits, path)
    assert 0 <= found.requests.mid <= requests * (1 + 1e-9)
    assert found.requests.mid <= then.requests.mid * (1 + 1e-9)
    assert 0 <= found.hit_ratio.low <= found.hit_ratio.high <= 1
    bare = origin_load(demand, hits, replace(path, shield=False))
    assert found.requests.mid <= bare.requests.mid * (1 + 1e-9)


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_hits_never_ask_more_of_the_origin(one: float, other: float) -> None:
    fewer, more = sorted((one, other))
    demand = asking(1_000, 1e9)
    assert load(demand, more, collapsing=False).requests.mid <= load(demand, fewer, collapsing=False).requests.mid


def test_a_hit_ratio_that_is_not_sure_makes_the_load_less_sure() -> None:
    hit = Interval(low=0.9, mid=0.95, high=0.97, coverage=0.9, samples=500)
    path = Way(objects=OBJECTS, collapsing=False, shares=SHARES)
    found = origin_load(asking(1_000, 1e9, 0.1), {"segment": hit, "playlist": hit}, path).requests
    assert found.low == pytest.approx(900 * 0.03)
    assert found.mid == pytest.approx(1_000 * 0.05)
    assert found.high == pytest.approx(1_100 * 0.10)
    assert found.coverage == pytest.approx(0.8)


def test_products_keep_their_ends_in_order() -> None:
    one = Interval(low=1, mid=2, high=3, coverage=0.9, samples=10)
    assert one.times(one).high == 9


def test_the_worked_example_of_the_page_is_right() -> None:
    """Numbers in the page's example are those of `origin_load`."""
    text = PAGE.read_text(encoding="utf-8")
    name = "without collapsing, 95 % hits|collapsing, 20 locations|collapsing and a shield"
    rows = dict(re.findall(rf"^\| ({name}) \| ([\d,.]+) \|", text, re.MULTILINE))
    demand = asking(40_000, 40e9)
    assert rows == {
        "without collapsing, 95 % hits": f"{load(demand, 0.95, collapsing=False).requests.mid:,.0f}",
        "collapsing, 20 locations": f"{load(demand, pops=20).requests.mid:,.1f}",
        "collapsing and a shield": f"{load(demand, pops=20, shield=True).requests.mid:,.2f}",
    }
