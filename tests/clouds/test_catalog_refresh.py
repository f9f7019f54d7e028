"""A catalogue is made from what AWS says: the same answers give the same file, and what is not said is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from moto import mock_aws

from advisor.clouds.aws import Aws, Refused, action_of, login, region_names
from advisor.clouds.catalog_file import catalog_text, changes
from advisor.clouds.market import Market, look_up, price_of
from advisor.clouds.quotas import class_of, is_standard
from advisor.cluster.fitting import MIB, eks_allocatable, machine_of
from advisor.offers.catalog import catalog_of, load, parse_catalog, parsed, stock_of
from advisor.offers.offer import Offer
from advisor.offers.shelves import list_lines, show_lines
from loadtests.errors import InputError
from loadtests.launch import Launch
from surgecast.catalogs import refresh_catalog
from surgecast.cli import surgecast
from tests.clouds.answers import answering, price_list, product, quotas, refusing
from tests.clouds.everywhere import told_everywhere

DAY = date(2026, 11, 27)
REGIONS = ("ap-southeast-3", "us-east-1")
PRICES = {"us-east-1": {"c7gn.4xlarge": "0.9984000000", "c7g.4xlarge": "0.58", "c7g.large": "0.0000000000"}}
ANSWERS = {
    "pricing:GetProducts": price_list(PRICES, page=1),
    "servicequotas:GetServiceQuota": quotas({"L-1216C47A": 640.0, "L-34B43A08": 256.0, "L-DB2E81BA": 8.0}),
    "servicequotas:GetAWSDefaultServiceQuota": quotas({"L-3819A6DF": 0.0}),
}


@pytest.fixture(scope="module")
def found() -> Iterator[Market]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        aws = login()
        answering(aws, ANSWERS)
        yield look_up(aws, REGIONS, ("c7g", "c7gn", "g5"))


def offers(market: Market) -> dict[str, Offer]:
    return {one.name: one for one in parse_catalog("mine.yaml", catalog_text("mine", market, DAY))}


def test_what_is_found_reads_back_with_a_source_for_every_figure(found: Market) -> None:
    assert found.excuses == []
    offer = offers(found)["c7gn.4xlarge"]
    assert (offer.vcpus and offer.vcpus.value, offer.memory_gib and offer.memory_gib.value) == (16, 32)
    assert offer.egress_in_region is not None
    assert (offer.egress_in_region.value, offer.egress_in_region.confidence) == (50e9, "measured")
    assert offer.egress_in_region.as_of == "2026-11-27"
    assert (offer.burst_in_region and offer.burst_in_region.value, offer.egress and offer.egress.value) == (50e9, 5e9)
    assert (offer.flow and offer.flow.value) == 5e9
    assert {region: fact.value for region, fact in offer.quota_vcpus.items()} == dict.fromkeys(REGIONS, 640)
    assert {region: fact.value for region, fact in offer.quota_spot_vcpus.items()} == dict.fromkeys(REGIONS, 256)


def test_the_sustained_rate_is_not_the_burst(found: Market) -> None:
    offer = offers(found)["c7g.4xlarge"]
    assert offer.egress_in_region is not None
    assert offer.burst_in_region is not None
    assert (offer.egress_in_region.value, offer.burst_in_region.value) == (7.5e9, 15e9)


def test_a_price_that_is_missing_or_zero_is_unknown(found: Market) -> None:
    known = offers(found)
    price = known["c7gn.4xlarge"].price_in("us-east-1")
    assert price is not None
    assert (price.value, price.confidence) == (0.9984, "measured")
    assert known["c7gn.4xlarge"].price_in("ap-southeast-3") is None
    assert known["c7g.large"].price_in("us-east-1") is None
    assert "usd" not in catalog_text("mine", Market(found.shapes, found.zones, found.zone_counts), DAY)


def test_zones_are_those_of_the_region_and_none_where_a_type_is_not_sold(found: Market) -> None:
    zones = offers(found)["c7gn.4xlarge"].zones
    assert zones is not None
    assert zones["ap-southeast-3"] == 0
    assert 0 < zones["us-east-1"] <= found.zone_counts["us-east-1"]
    assert "eu-west-1" not in zones


def test_a_family_with_a_quota_of_its_own_does_not_get_that_of_the_standard_ones(found: Market) -> None:
    gpu = offers(found)["g5.xlarge"]
    assert {region: fact.value for region, fact in gpu.quota_vcpus.items()} == dict.fromkeys(REGIONS, 8)
    assert {region: fact.value for region, fact in gpu.quota_spot_vcpus.items()} == dict.fromkeys(REGIONS, 0)
    named = {"c7gn.4xlarge": "c", "im4gn.large": "im", "u-6tb1.metal": "u", "mac2-m2.metal": "mac", "x2gd.large": "x"}
    assert {name: class_of(name) for name in named} == named
    ours = {"im4gn.large": True, "x2gd.large": False, "inf2.xlarge": False, "dl1.24xlarge": False}
    assert {name: is_standard(name) for name in ours} == ours


def test_the_same_answers_give_the_same_file_whatever_order_they_come_in(found: Market) -> None:
    turned = Market(
        dict(reversed(found.shapes.items())),
        dict(reversed(found.zones.items())),
        dict(reversed(found.zone_counts.items())),
        dict(reversed(found.prices.items())),
        dict(reversed(found.quotas.items())),
    )
    assert catalog_text("mine", turned, DAY) == catalog_text("mine", found, DAY)


def test_a_node_of_eks_keeps_what_its_formula_says(found: Market) -> None:
    """c7g.4xlarge: 8 interfaces of 30 addresses give 234 pods, 27,322 MiB and 15,890 m (docs/cluster.md)."""
    machine = machine_of(offers(found)["c7g.4xlarge"])
    assert machine is not None
    kept = eks_allocatable(machine)
    assert (kept.pods, kept.memory) == (234, 27_322 * MIB)
    assert kept.cpu == pytest.approx(15.89)
    assert machine_of(Offer(name="elsewhere")) is None


@pytest.mark.parametrize(
    ("text", "price"),
    [
        (product("c7g.large", "0.0725"), ("c7g.large", 0.0725)),
        (product("c7g.large", "0"), None),
        (product("c7g.large", "Infinity"), None),
        (product("c7g.large", "NaN"), None),
        (product("c7g.large", "0.0725", unit="Quantity"), None),
        ('{"product": {}, "terms": {}}', None),
        (product("c7g.large", "0.5").replace('"USD"', '"CNY"'), None),
    ],
)
def test_a_product_has_a_price_in_dollars_an_hour_or_none(text: str, price: tuple[str, float] | None) -> None:
    assert price_of(text) == price


@pytest.fixture
def aws() -> Iterator[Aws]:
    with mock_aws():
        yield login()


def test_what_may_not_be_asked_is_named_and_the_rest_is_found(aws: Aws) -> None:
    answering(aws, ANSWERS | {"pricing:GetProducts": refusing("AccessDeniedException")})
    market = look_up(aws, ("us-east-1",), ("c7g",))
    (excuse,) = market.excuses
    assert excuse.reason.text == "These credentials may not call pricing:GetProducts in us-east-1."
    assert excuse.remedy.text.startswith("Allow pricing:GetProducts")
    text = catalog_text("mine", market, DAY)
    assert "# Not read: These credentials may not call pricing:GetProducts in us-east-1.\n" in text
    assert parse_catalog("mine.yaml", text)[0].quota_vcpus["us-east-1"].value == 640


def test_a_quota_that_is_not_there_leaves_those_after_it(aws: Aws) -> None:
    """The standard families come first: without their quota that of g is read all the same; a right is asked once."""
    gpu = quotas({"L-DB2E81BA": 64.0, "L-3819A6DF": 48.0})
    own, usual = "servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"
    answering(aws, ANSWERS | {own: gpu, usual: gpu})
    market = look_up(aws, ("us-east-1",), ("c7g", "g5"))
    assert market.quotas == {"L-DB2E81BA": {"us-east-1": 64}, "L-3819A6DF": {"us-east-1": 48}}
    assert [one.reason.key for one in market.excuses] == ["account_failed"] * 2
    assert market.prices["us-east-1"]


def test_a_right_to_quotas_that_is_missing_is_said_once(aws: Aws) -> None:
    answering(aws, ANSWERS | {"servicequotas:GetServiceQuota": refusing("AccessDeniedException")})
    market = look_up(aws, ("us-east-1",), ("c7g", "g5"))
    assert [one.reason.key for one in market.excuses] == ["account_denied"]


def test_a_region_that_is_not_enabled_is_left_out_and_said(aws: Aws) -> None:
    answering(aws, ANSWERS)
    real = aws.every

    class Closed(Aws):
        """Refuses one region as EC2 does where it is not enabled."""

        def every(self, service: str, region: str, operation: str, key: str, /, **asked: object) -> Iterator[object]:
            if region == "ap-southeast-3":
                raise Refused("closed", action_of(service, operation), region, "AuthFailure")
            return real(service, region, operation, key, **asked)

    market = look_up(Closed(aws.session), REGIONS, ("c7g",))
    assert [one.reason.key for one in market.excuses] == ["account_closed"]
    assert set(market.zone_counts) == {"us-east-1"}


def test_only_actions_that_read_can_be_asked_for(aws: Aws) -> None:
    with pytest.raises(ValueError, match="ec2:RunInstances may change something"):
        aws.one("ec2", "us-east-1", "run_instances", MinCount=1, MaxCount=1)


@pytest.mark.parametrize("name", ["", "jakarta", "us-east-1; rm", "../etc", "us-east-1.evil.example"])
def test_what_can_be_no_region_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="there is no AWS region"):
        region_names([name])


def run(*words: str) -> tuple[int, str]:
    """Exit code and all that is printed, errors of ours as the command line shows them."""
    result = CliRunner().invoke(surgecast, ["catalog", *words])
    error = result.exception
    return getattr(error, "exit_code", result.exit_code), result.output + (str(error) if error else "")


@told_everywhere()
@mock_aws
def test_the_command_writes_a_catalogue_and_makes_it_again_with_its_own_regions(tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"
    code, text = run("refresh", "--out", str(out), "--region", "ap-southeast-3", "--family", "c7g")
    assert code == 0, text
    assert "Reading account 123456789012 in ap-southeast-3." in text
    assert "! pricing:GetProducts in ap-southeast-3 failed" in text
    again, text = run("refresh", "--out", str(out), "--family", "c7gn")
    assert again == 0, text
    assert "new: 9 (c7gn.12xlarge, c7gn.16xlarge, c7gn.2xlarge, …)" in text
    assert "gone: 9 (c7g.12xlarge" in text
    assert set(catalog_of(str(out))[1][0].zones or ()) == {"ap-southeast-3"}


@pytest.mark.parametrize("variable", [("AWS_PROFILE", "nobody"), ("AWS_ENDPOINT_URL", "foo")])
def test_odd_settings_of_aws_are_bad_input(
    variable: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*variable)
    with pytest.raises(InputError) as caught:
        refresh_catalog(tmp_path / "mine.yaml", regions=["us-east-1"], families=["c7g"])
    assert variable[0] in f"{caught.value}"


def test_a_name_that_yaml_would_read_otherwise_stays_a_name(found: Market) -> None:
    assert [parsed("f", catalog_text(name, found, DAY)).catalog.name for name in ("2026-11-27", "no")] == [
        "2026-11-27",
        "no",
    ]


@mock_aws
def test_what_is_not_a_catalogue_is_not_written_over(tmp_path: Path) -> None:
    out = tmp_path / "notes.yaml"
    out.write_text("shopping: [bread]\n", encoding="utf-8")
    code, text = run("refresh", "--out", str(out), "--region", "us-east-1")
    assert code == 2
    assert "shopping" in text
    assert out.read_text(encoding="utf-8") == "shopping: [bread]\n"


@mock_aws
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no region given"),
        (("--region", "jakarta"), "there is no AWS region 'jakarta'"),
        (("--region", "us-east-1", "--profile", "nobody"), "profiles that are there: none"),
        (("--region", "us-east-1", "--assume-role", "admin"), "--assume-role admin: not the ARN of a role"),
        (("--region", "us-east-1", "--family", "z99"), "no instance type was found in us-east-1"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    code, text = run("refresh", "--out", str(tmp_path / "mine.yaml"), *words)
    assert code == 2
    assert message in text
    assert not (tmp_path / "mine.yaml").exists()


def test_without_credentials_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, text = run("refresh", "--out", str(tmp_path / "mine.yaml"), "--region", "us-east-1")
    assert code == 2
    assert "There are no credentials that AWS takes (sts:GetCallerIdentity)" in text
    assert "aws sts get-caller-identity" in text


def test_changes_are_told_by_kind(found: Market) -> None:
    before = parse_catalog("mine.yaml", catalog_text("mine", found, DAY))
    dearer = Market(found.shapes, found.zones, found.zone_counts, {"us-east-1": {"c7g.4xlarge": 0.6}}, found.quotas)
    after = parse_catalog("mine.yaml", catalog_text("mine", dearer, DAY))
    assert list(changes(before, after)) == ["prices changed: 2 (c7g.4xlarge, c7gn.4xlarge)"]
    assert list(changes(before, before)) == []


def test_the_list_says_how_old_a_catalogue_is() -> None:
    (head, row) = list_lines(["ec2"], DAY)
    assert head.split() == ["catalogue", "provider", "offers", "regions", "as", "of"]
    assert "2026-07-20, 130 days" in row
    assert "stale" not in row
    assert "stale, look it up again" in list(list_lines(["ec2"], date(2027, 3, 1)))[1]


def test_a_catalogue_is_shown_with_sources_and_what_is_not_known(found: Market, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(catalog_text("mine", found, DAY), encoding="utf-8")
    lines = list(show_lines(str(file), ["us-east-1"], DAY))
    text = "\n".join(lines)
    assert "prices: AWS Pricing GetProducts, on-demand, Linux, shared hardware, 2026-11-27, measured" in text
    assert "vCPU quota, on-demand: us-east-1 640" in text
    assert "one connection: 5 Gbit/s at most" in text
    (row,) = (line.split() for line in lines if line.startswith("c7gn.4xlarge"))
    assert row[:3] == ["c7gn.4xlarge", "16", "32"]
    assert "0.9984" in row
    (cheap,) = (line.split() for line in lines if line.startswith("c7g.large"))
    assert "?" in cheap
    with pytest.raises(InputError, match="catalogue 'nowhere' is not known"):
        list(show_lines("nowhere", (), DAY))


@pytest.mark.parametrize("name", ["my-ec2", "ec2"])
def test_a_catalogue_of_ones_own_takes_the_place_of_what_ships_wherever_it_looked(name: str, found: Market) -> None:
    """Whatever the file is called: no type stands there at an assumed price, or without the account's quota."""
    own = parsed("my-ec2.yaml", catalog_text(name, found, DAY))
    stock = stock_of(Launch.model_validate({"node": "c7g.4xlarge", "offers": ["ec2"]}), [own])
    ours = {one.name: one for one in own.offers}
    there = [one for one in (stock.node, *stock.offers) if set(REGIONS) & set(one.zones or ())]
    assert sorted(one.name for one in there) == sorted(ours)
    for offer in there:
        for place in REGIONS:
            assert offer.price_in(place) == ours[offer.name].price_in(place)
            assert offer.quota_vcpus[place] == ours[offer.name].quota_vcpus[place]
            assert (offer.zones or {})[place] == (ours[offer.name].zones or {})[place]
    assert {shop.catalog for shop in stock.shops} == {name, "ec2"}


@pytest.mark.parametrize("offered", [["ec2"], ["c7gn.4xlarge", "m7g.4xlarge"]])
def test_elsewhere_what_ships_stays(offered: list[str], found: Market) -> None:
    own = parsed("my-ec2.yaml", catalog_text("my-ec2", found, DAY))
    known = {one.name: one for one in load("ec2").offers}
    stock = stock_of(Launch.model_validate({"node": "c7g.4xlarge", "offers": offered}), [own])
    assert stock.node.catalog == "my-ec2"
    for name in ("c7g.4xlarge", "c7gn.4xlarge", "m7g.4xlarge"):
        (offer,) = (one for one in (stock.node, *stock.offers) if one.name == name)
        assert offer.price_in("eu-west-1") == known[name].price_in("eu-west-1")
        assert (offer.zones or {})["eu-west-1"] == (known[name].zones or {})["eu-west-1"]
        assert "eu-west-1" not in offer.quota_vcpus
    (beside,) = (one for one in stock.offers if one.name == "m7g.4xlarge")
    assert (beside.price_in("ap-southeast-3"), (beside.zones or {}).get("ap-southeast-3")) == (None, None)


def test_a_catalogue_of_ones_own_alone_is_planned_with_alone(found: Market) -> None:
    own = parsed("my-ec2.yaml", catalog_text("my-ec2", found, DAY))
    stock = stock_of(Launch(), [own])
    assert (stock.offers, stock.shops) == (own.offers, (own.shop,))


def test_one_file_for_each_region_makes_no_region_twice(found: Market) -> None:
    files = []
    for place in REGIONS:
        here = Market(
            found.shapes,
            {place: found.zones[place]},
            {place: found.zone_counts[place]},
            {place: found.prices.get(place, {})},
            {code: {place: quotas[place]} for code, quotas in found.quotas.items()},
        )
        files.append(parsed(f"{place}.yaml", catalog_text(place, here, DAY)))
    stock = stock_of(Launch.model_validate({"offers": ["ec2"]}), files)
    for place in (*REGIONS, "eu-west-1"):
        names = [one.name for one in stock.offers if place in (one.zones or {})]
        assert len(names) == len(set(names)) > 0
    assert {shop.catalog for shop in stock.shops} == {*REGIONS, "ec2"}
    every = [(one.provider, one.name) for one in stock.offers]
    assert len(every) == len(set(every)), "one offer for a type, whichever files have it"


def test_what_no_api_tells_is_carried_over(found: Market) -> None:
    own, shipped = parsed("ec2.yaml", catalog_text("ec2", found, DAY)).shop, load("ec2").shop
    assert own == shipped
    assert "spot" in own.buying
