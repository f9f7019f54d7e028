"""The event split over CDNs: the cheapest first, limits kept, every other one with its reason; and laws."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cdns.offer import CdnOffer, Shield, load_offer, offer_names
from advisor.cdns.plan import bill
from advisor.cdns.shield import shield_of
from advisor.cdns.split import NOTHING, EdgeLoad, Shares, excuses, split, unplaced
from advisor.interval import Interval
from loadtests.caching import Caching
from loadtests.region import region_codes

SLACK = 1 + 1e-9
ALL = tuple(load_offer(name) for name in offer_names())


def asking(region: str, gbits: float, requests: float = 1000.0, gb: float = 1000.0, spread: float = 0.1) -> EdgeLoad:
    def around(mid: float) -> Interval:
        return Interval(low=mid * (1 - spread), mid=mid, high=mid * (1 + spread), coverage=0.9, samples=30)

    return EdgeLoad(region, 1e4, around(gbits * 1e9), around(requests), around(gb), around(requests * 600))


def carried(loads: list[EdgeLoad], names: tuple[str, ...], **settings: Any) -> tuple[Shares, list[str]]:
    """Shares, and the code of each CDN's reason as CDN REGION CODE."""
    caching = Caching.model_validate({"offers": names, **settings})
    offers = [load_offer(name) for name in names]
    shares = split(offers, loads, caching)
    why = [
        f"{one.about} {one.reason.values['region']} {one.reason.key}" for one in excuses(offers, loads, caching, shares)
    ]
    return shares, why


def test_the_cheapest_that_may_carries_all_and_the_dearer_one_says_so() -> None:
    shares, why = carried([asking("de", 10)], ("cloudfront", "bunny"))
    assert shares == {"de": {"bunny": 1.0}}
    assert why == ["cloudfront de cdn_dearer"]


def test_what_the_law_forbids_is_not_done_however_cheap() -> None:
    shares, why = carried([asking("de", 10), asking("id", 5)], ("cloudfront", "bunny"), allowed={"de": ["cloudfront"]})
    assert shares == {"de": {"cloudfront": 1.0}, "id": {"bunny": 1.0}}
    assert why == ["bunny de cdn_not_allowed", "cloudfront id cdn_dearer"]


def test_a_region_in_which_none_may_serve_is_carried_by_none() -> None:
    loads = [asking("de", 10)]
    shares, why = carried(loads, ("bunny",), allowed={"de": []})
    (left,) = unplaced(loads, shares)
    assert left.reason.values["share"] == "100%"
    assert left.reason.values["wire"] == "11 Gbit/s", "the high end"
    assert why == ["bunny de cdn_not_allowed"]


def test_the_next_takes_what_the_first_has_no_room_for() -> None:
    loads = [asking("de", 10, spread=0.0)]
    shares, why = carried(loads, ("bunny", "cloudfront", "tencent"), most_egress={"bunny": "4Gbps"})
    assert shares["de"] == pytest.approx({"bunny": 0.4, "tencent": 0.6})
    assert why == ["cloudfront de cdn_dearer"]
    assert list(unplaced(loads, shares)) == []


def test_requests_are_a_limit_too() -> None:
    shares, _ = carried(
        [asking("de", 1, requests=1e6, spread=0.0)], ("bunny", "cloudfront"), most_requests={"bunny": 1e5}
    )
    assert shares["de"] == pytest.approx({"bunny": 0.1, "cloudfront": 0.9})


def test_no_cdn_carries_more_than_its_share_of_the_event() -> None:
    shares, why = carried([asking("de", 10), asking("id", 30)], ("bunny", "cloudfront"), largest_share="60%")
    assert shares["id"] == pytest.approx({"bunny": 0.8, "cloudfront": 0.2})
    assert shares["de"] == pytest.approx({"cloudfront": 1.0})
    assert why == ["bunny de cdn_full"], "it is the cheaper one, and Indonesia has filled it"


def test_a_cheaper_one_that_is_full_is_not_called_dearer_nor_one_of_unknown_price() -> None:
    loads = [asking("ar", 10, spread=0.0), asking("br", 5, spread=0.0)]
    limits = {"bunny": "10Gbps", "alibaba": "1Mbps"}
    shares, why = carried(loads, ("cloudfront", "bunny", "alibaba"), most_egress=limits)
    assert shares == {"ar": {"bunny": 1.0}, "br": {"cloudfront": 1.0}}
    assert why == [
        "cloudfront ar cdn_dearer",
        "alibaba ar cdn_price_unknown",
        "bunny br cdn_full",
        "alibaba br cdn_price_unknown",
    ]
    limits["cloudfront"] = "2Gbps"
    shares, why = carried(loads, ("alibaba", "bunny", "cloudfront"), most_egress=limits)
    assert shares["br"] == pytest.approx({"cloudfront": 0.4, "alibaba": 0.0002})
    assert why[-1] == "bunny br cdn_full"


def test_a_sliver_is_no_reason_for_one_more_cdn_unless_no_other_can_carry_it() -> None:
    loads = [asking("de", 10, spread=0.0)]
    names = ("bunny", "tencent", "cloudfront")
    shares, why = carried(loads, names, most_egress={"bunny": "50Mbps"})
    assert shares["de"] == {"tencent": 1.0}
    assert why == ["bunny de cdn_full", "cloudfront de cdn_dearer"]
    shares, _ = carried(loads, names, most_egress={"bunny": "50Mbps", "tencent": "6Gbps"})
    assert shares["de"] == pytest.approx({"tencent": 0.6, "cloudfront": 0.4}), "two carry it as well"
    tight = {"bunny": "50Mbps", "tencent": "6Gbps", "cloudfront": "3.96Gbps"}
    shares, _ = carried(loads, names, most_egress=tight)
    assert shares["de"] == pytest.approx({"bunny": 0.005, "tencent": 0.6, "cloudfront": 0.395}), "nothing is lost"
    shares, _ = carried(loads, names, most_egress={"bunny": "9.95Gbps"})
    assert shares["de"] == pytest.approx({"bunny": 0.995, "tencent": 0.005}), "nor is the rest"


def test_one_cdn_alone_cannot_keep_a_share_below_all() -> None:
    loads = [asking("de", 10)]
    shares, why = carried(loads, ("bunny",), largest_share="60%")
    assert shares["de"] == pytest.approx({"bunny": 0.6})
    (left,) = unplaced(loads, shares)
    assert left.reason.key == "cdn_unplaced"
    assert why == []


def test_unknown_prices_come_last_and_unknown_zones_not_at_all() -> None:
    shares, why = carried([asking("ar", 10)], ("alibaba", "tencent", "cloudfront"))
    assert shares == {"ar": {"cloudfront": 1.0}}
    assert why == ["alibaba ar cdn_price_unknown", "tencent ar cdn_zone_unknown"]
    assert carried([asking("ar", 10)], ("alibaba",))[0] == {"ar": {"alibaba": 1.0}}


def test_a_full_one_says_so_where_something_is_left() -> None:
    loads = [asking("de", 10), asking("fr", 5)]
    shares, why = carried(loads, ("bunny",), most_egress={"bunny": "3Gbps"})
    assert shares["fr"] == {}
    assert why == ["bunny fr cdn_full"]
    assert len(list(unplaced(loads, shares))) == 2


def with_shield(load: EdgeLoad, asked: float | None) -> EdgeLoad:
    return replace(load, shield_requests=None if asked is None else Interval.exact(asked))


def test_a_cdn_whose_shield_costs_nobody_knows_what_comes_after_one_that_says_it() -> None:
    loads = [with_shield(asking("de", 10), 1e6)]
    settings = {"shield": True, "origin": "aws:ap-southeast-1"}
    shares, why = carried(loads, ("bunny", "cloudfront"), **settings)
    assert shares == {"de": {"cloudfront": 1.0}}
    assert why == ["bunny de cdn_price_unknown"]
    assert carried(loads, ("bunny", "cloudfront"))[0] == {"de": {"bunny": 1.0}}, "without a shield it is the cheaper"
    assert carried(loads, ("tencent", "bunny"), **settings)[0] == {"de": {"bunny": 1.0}}, "as far as they are known"
    unknown = [with_shield(asking("de", 10), None)]
    assert carried(unknown, ("cloudfront", "bunny"), **settings)[0] == {"de": {"bunny": 1.0}}
    assert carried(unknown, ("alibaba", "bunny"), **settings)[0] == {"de": {"bunny": 1.0}}, "nothing of it is known"


def test_the_fee_of_a_shield_decides_who_is_cheapest() -> None:
    loads = [with_shield(asking("de", 10), 1e6)]
    caching = Caching.model_validate({"shield": True, "origin": "aws:ap-southeast-1"})
    cloudfront, bunny = load_offer("cloudfront"), load_offer("bunny")
    for fee, cdn in ((0.001, "bunny"), (1e6, "cloudfront")):
        offers = [cloudfront, bunny.model_copy(update={"shield": Shield(provider="aws", per_10k={"us-east-1": fee})})]
        assert split(offers, loads, caching) == {"de": {cdn: 1.0}}
        bills = [bill(offer, loads, caching, shield_of(offer, caching.origin)).total for offer in offers]
        usd = {offer.name: one.mid for offer, one in zip(offers, bills, strict=True) if one}
        assert min(usd, key=lambda name: usd[name]) == cdn
        (why,) = excuses(offers, loads, caching, {"de": {cdn: 1.0}})
        assert why.reason.key == "cdn_dearer"


def test_volume_used_before_can_turn_the_choice() -> None:
    """CloudFront above 5 PB a month costs US$0.020 a GB in Europe, less than Tencent's 0.0616."""
    loads = [asking("de", 10, requests=0.0)]
    assert carried(loads, ("cloudfront", "tencent"))[0]["de"] == {"tencent": 1.0}
    used = {"cloudfront": {"europe": 6e6}}
    assert carried(loads, ("cloudfront", "tencent"), used_gb=used)[0]["de"] == {"cloudfront": 1.0}


def test_no_region_and_no_cdn_is_no_trouble() -> None:
    assert split(ALL, [], Caching()) == {}
    loads = [asking("de", 0.0, requests=0.0, gb=0.0)]
    assert split((), loads, Caching()) == {"de": {}}
    assert len(list(unplaced(loads, {"de": {}}))) == 1
    assert split(ALL, loads, Caching())["de"]


@st.composite
def events(draw: st.DrawFn) -> tuple[list[CdnOffer], list[EdgeLoad], Caching]:
    offers = draw(st.lists(st.sampled_from(ALL), min_size=1, max_size=5, unique_by=lambda offer: offer.name))
    names = [offer.name for offer in offers]
    codes = draw(st.lists(st.sampled_from(region_codes()), min_size=1, max_size=6, unique=True))
    size = st.floats(0, 1e5)
    loads = [asking(code, draw(size), draw(size), draw(size), draw(st.floats(0, 0.9))) for code in codes]
    some = st.sets(st.sampled_from(names))
    caching = Caching.model_validate(
        {
            "offers": names,
            "allowed": {code: sorted(draw(some)) for code in draw(st.sets(st.sampled_from(codes)))},
            "most_egress": {name: f"{draw(st.floats(1e-3, 1e5)):.6f}Gbps" for name in draw(some)},
            "most_requests": {name: draw(st.floats(1e-3, 1e6)) for name in draw(some)},
            "largest_share": f"{draw(st.floats(0.01, 1)) * 100:.6f}%",
        }
    )
    return offers, loads, caching


@given(events())
def test_splitting_never_exceeds_a_limit_and_loses_nothing(
    event: tuple[list[CdnOffer], list[EdgeLoad], Caching],
) -> None:
    offers, loads, caching = event
    shares = split(offers, loads, caching)
    whole = sum(load.peak.high for load in loads)
    for offer in offers:
        taken = {load.region: shares[load.region].get(offer.name, 0.0) for load in loads}
        egress = math.fsum(taken[load.region] * load.peak.high for load in loads)
        requests = math.fsum(taken[load.region] * load.requests.high for load in loads)
        assert egress <= caching.most_egress.get(offer.name, math.inf) * SLACK
        assert requests <= caching.most_requests.get(offer.name, math.inf) * SLACK
        assert egress <= caching.largest_share * whole * SLACK
        for code, share in taken.items():
            assert share == 0 or offer.name in caching.allowed.get(code, (offer.name,))
    left = {one.about for one in unplaced(loads, shares)}
    for load in loads:
        carried = sum(shares[load.region].values())
        assert carried <= SLACK
        assert (carried < 1 - NOTHING) == (load.region in left)
    told = {(one.about, one.reason.values["region"]) for one in excuses(offers, loads, caching, shares)}
    taken_pairs = {(name, code) for code, names in shares.items() for name in names}
    assert told | taken_pairs == {(offer.name, load.region) for offer in offers for load in loads}
    assert not told & taken_pairs


@given(st.sampled_from(ALL), st.sampled_from(region_codes()), st.floats(0, 1e6), st.floats(1, 10), st.floats(0, 1e7))
def test_a_bill_never_falls_as_the_event_grows_and_is_never_nan(
    offer: CdnOffer, region: str, gb: float, more: float, used: float
) -> None:
    zone = offer.zone_of(region)
    caching = Caching.model_validate({"used_gb": {offer.name: {zone: used}} if zone else {}})
    little, much = (
        bill(offer, [asking(region, 1.0, requests=size / 10, gb=size)], caching).total for size in (gb, gb * more)
    )
    assert little is not None or much is None, "what is not known of a little is not known of more"
    if little is not None and much is not None:
        assert little.low <= much.low * SLACK + 1e-9
        assert little.high <= much.high * SLACK + 1e-9
        assert all(math.isfinite(end) and end >= 0 for end in (little.low, little.mid, little.high))
