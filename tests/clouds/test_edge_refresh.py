"""CloudFront's file is made from what AWS says: prices by zone and tier, fees, quotas; what is missing is unknown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from moto import mock_aws

from advisor.cdns.offer import CdnOffer, load_offer, parse_offer
from advisor.clouds.aws import login
from advisor.clouds.edge import ZONES, EdgeMarket, edge_quotas, look_up_edge
from advisor.clouds.edge_file import changes, edge_text, lost
from advisor.clouds.price_list import ladder, product_of
from advisor.clouds.snapshot import EdgeQuotas
from loadtests.errors import InputError
from surgecast.catalogs import refresh_cdn
from tests.clouds.answers import Asked, answering, refusing
from tests.clouds.counter import counter
from tests.clouds.edge_answers import BORDERS, QUOTAS, edge_products, entry, listing, one, service_quotas, tiers
from tests.clouds.test_catalog_refresh import run

DAY = date(2026, 11, 27)
SHIPPED = load_offer("cloudfront")
ANSWERS: dict[str, Asked] = {
    "pricing:GetProducts": listing(edge_products().values()),
    "servicequotas:ListServiceQuotas": QUOTAS,
}


@pytest.fixture(autouse=True)
def _in_moto() -> Iterator[None]:
    with mock_aws():
        yield


def found(**answers: Asked) -> EdgeMarket:
    aws = login()
    answering(aws, ANSWERS | {name.replace("_", ":"): give for name, give in answers.items()})
    return look_up_edge(aws, "123456789012")


def offer(market: EdgeMarket) -> CdnOffer:
    return parse_offer("mine.yaml", edge_text(market, DAY))


def changed(**entries: str) -> Asked:
    """The price list with some entries in place of others, by usage type (``_`` for ``-``); empty: left out."""
    known = edge_products() | {name.replace("_", "-"): text for name, text in entries.items()}
    return listing(text for text in known.values() if text)


def test_list_prices_fees_and_tiers_come_out_as_those_that_ship() -> None:
    market = found()
    assert market.excuses == []
    mine = offer(market)
    assert mine.borders_gb == SHIPPED.borders_gb
    for name, zone in SHIPPED.zones.items():
        assert mine.zones[name].per_gb == pytest.approx(zone.per_gb), name
        assert mine.zones[name].per_10k == pytest.approx(zone.per_10k), name
        assert (mine.zones[name].regions, mine.zones[name].taken) == (zone.regions, zone.taken)
    assert mine.facts.prices is not None
    assert (mine.facts.prices.as_of, mine.facts.prices.confidence) == ("2026-11-27", "measured")
    assert set(ZONES) == set(SHIPPED.zones)


def test_shields_are_known_by_region_or_by_the_regions_name_and_nowhere_is_left_out() -> None:
    market = found()
    mine = offer(market)
    assert mine.shield is not None
    assert mine.shield.per_10k == pytest.approx(
        {"us-east-1": 0.0075, "ap-northeast-2": 0.009, "eu-central-1": 0.009, "sa-east-1": 0.016}
    )
    assert mine.shield.instead_of == {}, "what is advised is no longer there"
    assert "xx-nowhere-9" in market.shield
    assert "# A shield in xx-nowhere-9 is left out: nobody says where that is.\n" in edge_text(market, DAY)


def test_quotas_are_the_accounts_own() -> None:
    mine = offer(found())
    assert mine.limits is not None
    assert (mine.limits.egress, mine.limits.requests_per_second, mine.limits.distributions) == (400e9, 600_000, 210)
    assert mine.facts.limits is not None
    assert mine.facts.limits.source == "Service Quotas ListServiceQuotas, as applied to account 123456789012"


def test_a_quota_that_is_not_listed_stays_as_published_and_says_so() -> None:
    rate = service_quotas(("Requests per second per distribution", "L-1", 600_000.0, "None"))
    market = found(servicequotas_ListServiceQuotas=rate)
    mine, text = offer(market), edge_text(market, DAY)
    assert mine.limits is not None
    assert mine.facts.limits is not None
    assert (mine.limits.egress, mine.limits.requests_per_second, mine.limits.distributions) == (150e9, 600_000, 500)
    assert "not listed there: distributions, egress, from: CloudFront developer guide" in mine.facts.limits.source
    assert mine.facts.limits.as_of == "2026-11", "the older of both"
    assert "# Service Quotas does not list egress, distributions: as in the file that ships.\n" in text


@pytest.mark.parametrize(
    ("value", "unit", "egress"),
    [(150.0, "None", 150e9), (150_000.0, "Megabits/Second", 150e9), (9.0, "Furlongs", None), (0.0, "None", None)],
)
def test_a_quotas_unit_is_read_or_the_quota_is_unknown(value: float, unit: str, egress: float | None) -> None:
    quota = ("Data transfer rate per distribution", "L-1", value, unit)
    aws = login()
    answering(aws, {"servicequotas:ListServiceQuotas": service_quotas(quota)})
    assert edge_quotas(aws) == EdgeQuotas(egress=egress)


def test_what_no_api_tells_is_carried_over_with_its_own_date() -> None:
    mine = offer(found())
    for name in ("title", "sla", "cache_key_has_query", "notices", "quotas", "period", "tiers"):
        assert getattr(mine, name) == getattr(SHIPPED, name), name
    assert mine.facts.sla == SHIPPED.facts.sla


@pytest.mark.parametrize(
    "text",
    [
        "",
        entry("JP-DataTransfer-Out-Bytes", tiers(["0"] * 7)),
        entry("JP-DataTransfer-Out-Bytes", one("0.114", "TB")),
        entry("JP-DataTransfer-Out-Bytes", one("-1", "GB")),
        entry("JP-DataTransfer-Out-Bytes", one("1e400", "GB")),
        entry("JP-DataTransfer-Out-Bytes", [("0", "100", "GB", "0.1"), ("50", "Inf", "GB", "0.2")]),
        entry("JP-DataTransfer-Out-Bytes", [("5", "5", "GB", "0.1")]),
    ],
)
def test_a_price_that_is_missing_zero_or_odd_is_unknown_and_never_zero(text: str) -> None:
    market = found(pricing_GetProducts=changed(JP_DataTransfer_Out_Bytes=text))
    mine = offer(market)
    assert not any(mine.zones["japan"].per_gb)
    assert 0 not in mine.zones["japan"].per_gb
    assert mine.zones["europe"].per_gb[0] == 0.085
    tariff = mine.tariff("japan")
    assert tariff is None or tariff.charge(1.0) is None
    assert "# japan: a tier has no price in the list, or the list has two.\n" in edge_text(market, DAY)
    assert lost(SHIPPED, mine) == ["japan"]


def test_a_tier_that_is_missing_is_unknown_and_the_others_stand() -> None:
    gap = [("0", "10240", "GB", "0.114"), ("51200", "Inf", "GB", "0.086")]
    mine = offer(found(pricing_GetProducts=changed(JP_DataTransfer_Out_Bytes=entry("JP-DataTransfer-Out-Bytes", gap))))
    tariff = mine.tariff("japan")
    assert tariff is not None
    assert tariff.charge(10_240) == pytest.approx(10_240 * 0.114)
    assert tariff.charge(10_241) is None
    assert mine.zones["japan"].per_gb[2:] == (0.086,) * 5, "a zone with fewer tiers has the same price in several"
    assert lost(SHIPPED, mine) == []


def test_a_zone_of_two_with_different_prices_has_none() -> None:
    dearer = entry("ME-DataTransfer-Out-Bytes", tiers(["0.2"] * 7))
    mine = offer(found(pricing_GetProducts=changed(ME_DataTransfer_Out_Bytes=dearer)))
    assert mine.zones["africa-middle-east"].per_gb == ()
    alone = offer(found(pricing_GetProducts=changed(ME_DataTransfer_Out_Bytes="")))
    assert alone.zones["africa-middle-east"].per_gb == SHIPPED.zones["africa-middle-east"].per_gb


def test_a_plan_that_is_free_throughout_is_not_held_against_the_price() -> None:
    entries = [*edge_products().values(), entry("JP-DataTransfer-Out-Bytes", one("0.0000000000", "GB"))]
    assert offer(found(pricing_GetProducts=listing(entries))).zones["japan"].per_gb == SHIPPED.zones["japan"].per_gb
    odd = [*edge_products().values(), entry("JP-DataTransfer-Out-Bytes", one("0.1", "TB"))]
    assert offer(found(pricing_GetProducts=listing(odd))).zones["japan"].per_gb == (), "nobody can say which it is"


def test_a_fee_in_tiers_or_without_a_price_is_unknown() -> None:
    cheap = [("0", "1000000", "Requests", "0.000001"), ("1000000", "Inf", "Requests", "0.0000005")]
    given = changed(
        US_Requests_Tier2_HTTPS=entry("US-Requests-Tier2-HTTPS", cheap),
        EU_Requests_Tier2_HTTPS="",
        SAE1_Requests_OriginShield="",
    )
    market = found(pricing_GetProducts=given)
    mine = offer(market)
    assert (mine.zones["north-america"].per_10k, mine.zones["europe"].per_10k) == (None, None)
    assert mine.shield is not None
    assert "sa-east-1" not in mine.shield.per_10k
    assert "# europe: no fee for requests is in the list, or two are.\n" in edge_text(market, DAY)


def test_prices_that_may_not_be_read_stay_with_their_own_date_and_quotas_are_new() -> None:
    market = found(pricing_GetProducts=refusing("AccessDeniedException"))
    mine, text = offer(market), edge_text(market, DAY)
    assert mine.zones == SHIPPED.zones
    assert (mine.facts.prices, mine.shield) == (SHIPPED.facts.prices, SHIPPED.shield)
    assert mine.limits is not None
    assert mine.limits.distributions == 210
    told = "These credentials may not call pricing:GetProducts in us-east-1."
    assert f"# Not read, and as in the file that ships: {told}\n" in text
    assert "# Prices, fees and shields are as in the file that ships: none was found.\n" in text


def test_quotas_that_may_not_be_read_stay_and_prices_are_new() -> None:
    market = found(servicequotas_ListServiceQuotas=refusing("AccessDeniedException"))
    mine, text = offer(market), edge_text(market, DAY)
    assert "# Not read, and as in the file that ships: These credentials may not call servicequotas:" in text
    assert "Service Quotas does not list" not in text, "nobody knows what it lists"
    assert (mine.limits, mine.facts.limits) == (SHIPPED.limits, SHIPPED.facts.limits)
    assert mine.facts.prices is not None
    assert mine.facts.prices.as_of == "2026-11-27"


def test_the_same_answers_give_the_same_file_whatever_order_they_come_in() -> None:
    turned = listing(reversed(edge_products().values()), page=3)
    assert edge_text(found(), DAY) == edge_text(found(pricing_GetProducts=turned), DAY)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"product": 3}', "\x00", "[" * 100_000, json.dumps({"product": {}})])
def test_what_is_no_product_is_none(text: str) -> None:
    assert product_of(text) is None


def test_a_ladder_names_every_tier_and_what_lies_beyond_the_last() -> None:
    product = product_of(entry("x", [("0", "100", "GB", "0.5"), ("100", "200", "GB", "0")]))
    assert product is not None
    assert ladder([product], "GB") == {0.0: 0.5, 100.0: None, 200.0: None}
    assert ladder([product, product], "GB") == ladder([product], "GB")
    assert ladder([], "GB") == {}


def test_changes_are_told_by_kind() -> None:
    before = offer(found())
    assert list(changes(before, before)) == []
    dearer = changed(JP_DataTransfer_Out_Bytes=entry("JP-DataTransfer-Out-Bytes", tiers(["0.2"] * 7)))
    after = offer(found(pricing_GetProducts=dearer))
    assert list(changes(before, after)) == ["prices changed: japan"]
    assert "quotas changed: cloudfront" in list(changes(SHIPPED, after))


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, Asked], Path], tuple[int, str]]:
    """The command against a counter on loopback that has these answers."""

    def ask(answers: Mapping[str, Asked], out: Path) -> tuple[int, str]:
        with counter(answers) as address:
            monkeypatch.setenv("AWS_ENDPOINT_URL", address)
            return run("refresh", "--cdn", str(out))

    return ask


def test_the_command_writes_a_file_and_leaves_it_where_a_zone_would_lose_its_prices(
    tmp_path: Path, asking: Callable[[Mapping[str, Asked], Path], tuple[int, str]]
) -> None:
    out = tmp_path / "cf.yaml"
    code, text = asking({"GetProducts": listing(edge_products().values()), "ListServiceQuotas": QUOTAS}, out)
    assert code == 0, text
    assert "Reading account 123456789012 in us-east-1, which has CloudFront's prices and quotas." in text
    assert "! A shield in xx-nowhere-9 is left out" in text
    written = out.read_text(encoding="utf-8")
    assert parse_offer("cf.yaml", written).name == "cloudfront"
    code, text = asking({"GetProducts": changed(JP_DataTransfer_Out_Bytes="")}, out)
    assert code == 2
    assert f"japan could not be read this time, or no price there, so {out} is left as it is" in text
    assert out.read_text(encoding="utf-8") == written
    code, text = asking({"GetProducts": listing(edge_products().values())}, out)
    assert code == 0, text
    assert "! These credentials may not call servicequotas:ListServiceQuotas in us-east-1." in text
    assert "quotas changed: cloudfront" in text
    assert "not read" not in text.lower().replace("could not be read", "")


def test_without_a_price_or_a_quota_nothing_is_written(
    tmp_path: Path, asking: Callable[[Mapping[str, Asked], Path], tuple[int, str]]
) -> None:
    code, text = asking({}, tmp_path / "cf.yaml")
    assert code == 2
    assert "! These credentials may not call pricing:GetProducts in us-east-1." in text
    assert "neither a price nor a quota of CloudFront was found" in text
    code, text = asking({"GetProducts": listing([]), "ListServiceQuotas": service_quotas()}, tmp_path / "cf.yaml")
    assert code == 2
    assert "neither a price nor a quota of CloudFront was found" in text
    assert not (tmp_path / "cf.yaml").exists()


def test_what_is_not_of_cloudfront_is_not_written_over(tmp_path: Path) -> None:
    catalog, other = tmp_path / "ec2.yaml", tmp_path / "acme.yaml"
    catalog.write_text("name: x\nprovider: aws\nfacts: {}\noffers: {}\n", encoding="utf-8")
    with pytest.raises(InputError, match="offers"):
        refresh_cdn(catalog)
    text = edge_text(EdgeMarket(), DAY).replace("name: cloudfront", "name: acme")
    other.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is of the CDN 'acme'"):
        refresh_cdn(other)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give --out, --cdn or --egress"),
        (("--cdn", "x.yaml", "--region", "us-east-1"), "--region needs --out or --egress"),
        (("--cdn", "x.yaml", "--family", "c7g"), "--family needs --out"),
    ],
)
def test_words_that_do_nothing_are_refused(words: tuple[str, ...], message: str) -> None:
    code, text = run("refresh", *words)
    assert code == 2
    assert message in text


def test_the_list_shows_cdns_with_their_age_and_a_cdn_is_shown() -> None:
    code, text = run("list")
    assert code == 0
    (row,) = (line for line in text.splitlines() if line.startswith("tencent"))
    assert "stale, look it up again" in row
    assert text.split("\n\n")[1].startswith("CDN")
    code, text = run("show", "cloudfront")
    assert code == 0
    assert "limits: 150 Gbit/s and 250,000 requests/s a distribution, 500 distributions" in text
    code, text = run("show", "nowhere")
    assert code == 2
    assert "catalogue 'nowhere' is not known" in text


def test_borders_are_those_of_the_list() -> None:
    assert SHIPPED.borders_gb == BORDERS
