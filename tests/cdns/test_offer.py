"""CDNs that may be bought: facts with an origin each, refused with field and remedy, warned of when they are old."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor.cdns.offer import EVERYWHERE, load_offer, offer_names, offers_of, parse_offer, stale
from advisor.cdns.plan import bill
from advisor.cdns.split import EdgeLoad
from advisor.interval import Interval
from loadtests.caching import Caching
from loadtests.cities import atlas
from loadtests.errors import InputError
from loadtests.region import load_region, region_codes
from tests.house.tree import blocks, inline_code, read, rows

PAGE = Path("docs/cdn.md")
DATED = {"source": "x", "as_of": "2026-11", "confidence": "measured"}


def example() -> str:
    """The CDN of the page."""
    (text,) = (block.text for block in blocks(PAGE, "yaml") if block.text.startswith("name:"))
    return text


def changed(**fields: Any) -> str:
    data = yaml.safe_load(example()) | fields
    return yaml.safe_dump({name: value for name, value in data.items() if value is not None})


@pytest.mark.parametrize("name", offer_names())
def test_a_cdn_that_ships_is_called_as_its_file_and_knows_our_regions(name: str) -> None:
    offer = load_offer(name)
    assert offer.name == name
    named = {code for zone in offer.zones.values() for code in (*zone.regions, *zone.taken)}
    assert named <= {*region_codes(), EVERYWHERE}
    for region in offer.shield.per_10k if offer.shield else ():
        assert atlas().find(f"{offer.shield.provider}:{region}") if offer.shield else None
    assert all(rule.source and rule.as_of for rule in offer.notices)


def test_cloudfront_knows_every_region_and_its_first_tier_is_the_regions_own_price() -> None:
    offer = load_offer("cloudfront")
    for code in region_codes():
        zone = offer.zone_of(code)
        assert zone is not None, code
        tariff = offer.tariff(zone)
        assert tariff is not None
        assert tariff.prices[0] == load_region(code).egress_usd_per_gb.value, code


@pytest.mark.parametrize(
    "fields",
    [
        {"credits": [{"below": "99%", "share": "30%"}, {"below": "99.9%", "share": "10%"}]},
        {"credits": [{"below": "99.99%", "share": "30%"}]},
        {"credits": [{"below": "99%", "share": "30%"}, {"below": "99%", "share": "10%"}]},
        {"sla": None},
    ],
)
def test_credits_fall_from_what_is_promised(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected falling levels from sla down"):
        parse_offer("acme.yaml", changed(**fields))


def test_an_answer_says_of_which_plans_it_is() -> None:
    answer = {"severity": "production_down", "within": "1h", "plans": []}
    with pytest.raises(InputError, match="support"):
        parse_offer("acme.yaml", changed(support=[answer]))


def test_the_page_lists_the_cdns_that_ship() -> None:
    listed = {next(iter(inline_code(row[0]))) for row in rows(PAGE) if len(row) == 4 and row[0].startswith("`")}
    assert set(offer_names()) <= listed


def test_the_example_of_the_page_is_one() -> None:
    offer = parse_offer("acme.yaml", example())
    tariff = offer.tariff("asia")
    assert tariff is not None
    assert tariff.charge(10_000) == pytest.approx(10_000 * 0.04 * 1.1), "in dollars"
    assert tariff.charge(100_001) is None
    assert (offer.zone_of("pk"), offer.zone_of("br")) == ("asia", "elsewhere")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed(facts={}), r"facts\.prices: missing; every figure needs a source"),
        (changed(usd=None), r"usd: missing; what is one EUR in US dollars\?"),
        (changed(borders_gb=[10000]), "expected 2 prices, one per tier, found 3"),
        (changed(zones={"a": {"regions": ["id"]}, "b": {"taken": ["id"]}}), "id in two zones; keep one"),
        (changed(sla="101%"), "sla: expected at most 100%"),
        (changed(price=1), "price: unknown key"),
        (
            changed(facts={"prices": DATED | {"as_of": "2026-11-31"}}),
            r"facts\.prices\.as_of: as_of '2026-11-31' is in no",
        ),
        (changed(notices=[DATED | {"days": 3, "as_of": "2026-02-30"}]), r"notices\.0\.as_of"),
        (changed(usd=DATED | {"value": 1.1, "as_of": "2026"}), "usd: as_of '2026' is in no calendar"),
        (changed(tiers="stairs"), "tiers: Input should be 'marginal' or 'reached'"),
        (changed(zones={"a": {"regions": ["id"], "per_gb": [-1, 0, 0]}}), "greater than or equal to 0"),
        (changed(zones={"a": {"regions": ["id"], "per_gb": [float("nan")] * 3}}), "zones"),
        (changed(name="../etc"), "name: String should match pattern"),
        (changed(quotas={"service": "x; rm -rf", "region": "r", "egress": "e", "requests_per_second": "q"}), "service"),
        (
            changed(notices=[DATED | {"days": 0}]),
            r"notices\.0\.days",
        ),
        ("[]", "expected a mapping of fields, found list"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_its_field(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        parse_offer("acme.yaml", text)
    assert "acme.yaml" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"offers": ["acme"]}, r"launch\.cdn\.offers: no CDN is called 'acme' \(known: alibaba"),
        ({"allowed": {"id": ["tencent"]}}, r"launch\.cdn\.allowed\.id: 'tencent' is not one of launch\.cdn\.offers"),
        ({"most_egress": {"bunny": "1Gbps"}}, r"most_egress: 'bunny'"),
        ({"most_requests": {"bunny": 1}}, r"most_requests: 'bunny'"),
        ({"used_gb": {"bunny": {}}}, r"used_gb: 'bunny'"),
        ({"used_gb": {"cloudfront": {"mars": 1}}}, r"used_gb\.cloudfront: no zone 'mars' \(known: north-america"),
        ({"offers": [], "allowed": {"id": ["x"]}}, r"not one of launch\.cdn\.offers \(none\)"),
    ],
)
def test_a_setting_that_names_what_is_not_known_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        offers_of(Caching.model_validate(settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"offers": ["../x"]},
        {"origin": "atlantis"},
        {"origin": "aws:mars-1"},
        {"largest_share": "0%"},
        {"used_gb": {"cloudfront": {"europe": -1}}},
        {"used_gb": {"cloudfront": {"europe": float("inf")}}},
        {"most_egress": {"cloudfront": "0Gbps"}},
        {"most_requests": {"cloudfront": float("nan")}},
        {"watched": "0s"},
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_anything_starts(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Caching.model_validate(settings)


def test_an_offer_named_twice_is_one() -> None:
    assert len(offers_of(Caching(offers=("bunny", "bunny")))) == 1
    assert offers_of(Caching(offers=())) == ()


def test_old_facts_are_warned_of_and_fresh_ones_are_not() -> None:
    offers = [load_offer("cloudfront"), load_offer("tencent"), load_offer("alibaba")]
    (only,) = stale(offers, date(2026, 11, 27))
    assert only.values["catalog"] == "tencent"
    assert {warning.values["catalog"] for warning in stale(offers, date(2027, 8, 1))} == {"cloudfront", "tencent"}


def test_settings_of_the_page_are_settings() -> None:
    (text,) = (block.text for block in blocks(PAGE, "yaml") if block.text.startswith("launch:"))
    caching = Caching.model_validate(yaml.safe_load(text)["launch"]["cdn"])
    assert [offer.name for offer in offers_of(caching)] == ["cloudfront", "tencent"]


def test_a_bill_over_two_zones_with_requests_is_the_pages_sum() -> None:
    """Indonesia and Thailand share a zone, and pass the borders of its tiers together; Brazil is in another one."""
    loads = [
        EdgeLoad(code, 0.0, Interval.exact(0.0), Interval.exact(0.0), Interval.exact(gb), Interval.exact(requests))
        for code, gb, requests in (("id", 45_000.0, 3e7), ("th", 15_000.0, 1e7), ("br", 10_241.0, 2e7))
    ]
    found = bill(load_offer("cloudfront"), loads, Caching())
    assert found.requests is not None
    assert found.total is not None
    assert {zone: usd and round(usd.mid, 2) for zone, usd in found.traffic.items()} == {
        "asia-pacific": 6_160.80,
        "south-america": pytest.approx(1_126.51, abs=0.006),
    }
    assert found.requests.mid == pytest.approx(92.00)
    assert found.total.mid == pytest.approx(7_379.31, abs=0.006)
    used = bill(load_offer("cloudfront"), loads[:1], Caching(used_gb={"cloudfront": {"asia-pacific": 10_000}}))
    assert used.traffic["asia-pacific"] is not None
    assert used.traffic["asia-pacific"].mid == pytest.approx(240 * 0.120 + 40_960 * 0.100 + 3_800 * 0.095)


def test_the_examples_of_the_page_are_what_is_charged() -> None:
    cloudfront = load_offer("cloudfront")
    asia, south, europe = (cloudfront.tariff(zone) for zone in ("asia-pacific", "south-america", "europe"))
    assert asia is not None
    assert south is not None
    assert europe is not None
    charged = [asia.charge(60_000), south.charge(10_241), 4_000 * 0.0120, 2_000 * 0.0220]
    assert all(amount is not None for amount in charged)
    charged.append(sum(amount or 0.0 for amount in charged))
    said = [
        float(row[3].replace(",", ""))
        for row in rows(PAGE)
        if len(row) == 4 and row[3].endswith((".80", ".51", ".00", ".31"))
    ]
    assert said == pytest.approx([round(amount or 0.0, 2) for amount in charged], abs=0.005)
    assert europe.charge(500, used=9_740) == pytest.approx(42.50)
    assert europe.charge(500, used=10_240) == pytest.approx(40.00)
    for figure in ("$42.50", "$40.00", "2,800 yuan", "1,999 × 0.44 = 879.56", "2,000 × 0.39 = 780"):
        assert figure in read(PAGE)
