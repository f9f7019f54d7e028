"""Catalogues: facts with an origin each, refused with field and remedy, and warned of when they are old."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import pytest
import yaml

from advisor.offers.catalog import (
    catalog_names,
    load_catalog,
    node_of,
    offers_of,
    one_of_each,
    parse_catalog,
    read_catalog,
    stale,
)
from advisor.offers.offer import REHEARSED, UNKNOWN_NODE, Offer
from advisor.offers.origin import first_day
from loadtests.errors import InputError
from loadtests.launch import Launch
from loadtests.region import Fact
from tests.house.tree import blocks

PAGE = Path("docs/planning.md")
EC2 = {offer.name: offer for offer in load_catalog("ec2")}


def example() -> str:
    """The catalogue of the page."""
    (text,) = (block.text for block in blocks(PAGE, "yaml") if block.text.startswith("name:"))
    return text


@pytest.mark.parametrize("name", catalog_names())
def test_every_fact_of_a_catalogue_says_where_it_is_from(name: str) -> None:
    for offer in load_catalog(name):
        facts = [getattr(offer, field) for field in Offer.model_fields]
        facts += [*offer.usd_per_hour.values(), *offer.quota_vcpus.values()]
        known = [fact for fact in facts if isinstance(fact, Fact)]
        assert len(known) >= 4
        assert all(fact.source and fact.as_of for fact in known)
        assert offer.catalog == name


@pytest.mark.parametrize(
    ("name", "gbits"),
    [("c7gn.4xlarge", 5), ("c7g.4xlarge", 5), ("c6in.4xlarge", 5), ("c6in.8xlarge", 25), ("c7gn.8xlarge", 50)],
)
def test_ec2_gives_the_internet_less_than_the_region(name: str, gbits: float) -> None:
    egress = EC2[name].egress
    assert egress is not None
    assert egress.value == pytest.approx(gbits * 1e9)
    assert egress.confidence == "derived"


def test_ec2_is_offered_where_it_is() -> None:
    """Facts of docs and of moto's recorded offerings."""
    places = {name for name, zones in (EC2["c7gn.4xlarge"].zones or {}).items() if zones}
    assert places == {"us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-west-2", "ap-northeast-1"}
    assert (EC2["c6i.4xlarge"].zones or {})["ap-southeast-3"] == 0


def test_a_price_of_another_region_is_assumed() -> None:
    known, taken = EC2["c7g.4xlarge"].price_in("us-east-1"), EC2["c7g.4xlarge"].price_in("sa-east-1")
    assert known is not None
    assert taken is not None
    assert (known.value, known.confidence) == (0.58, "measured")
    assert (taken.value, taken.confidence) == (0.58, "assumed")
    assert "us-east-1" in taken.source
    assert UNKNOWN_NODE.price_in("us-east-1") is None


def test_starting_many_nodes_takes_its_time() -> None:
    offer = EC2["c7g.4xlarge"]
    assert offer.launches is not None
    assert [offer.launches.seconds(count) for count in (1, 1000, 1600)] == [0, 0, 300]
    assert UNKNOWN_NODE.launches is None


def test_the_catalogue_of_the_page_is_one(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(example(), encoding="utf-8")
    small, large, edge = read_catalog(file).offers
    assert [one.name for one in (small, large, edge)] == ["web-16", "web-64", "edge-8"]
    assert [one.egress.value for one in (small, large, edge) if one.egress] == pytest.approx([5e9, 20e9, 2e9])
    assert edge.price_in("north-1") is None
    assert edge.connections is not None
    assert (large.zones or {})["south-1"] == 0
    assert small.quota_vcpus["north-1"].value == 512


BAD = [
    ({"offers": {"x": {"vcpus": 0}}}, "acme.yaml: offers.x.vcpus: Input should be greater than 0, found 0"),
    ({"offers": {"x": {"cpu": 4}}}, "acme.yaml: offers.x.cpu: unknown key, found 4"),
    ({"offers": {"x": {"egress": 5}}}, "acme.yaml: offers.x.egress: expected a number with a unit"),
    ({"offers": {"x": {"egress": "0Gbps"}}}, "acme.yaml: offers.x.egress: Input should be greater than 0"),
    ({"offers": {"x": {"usd_per_hour": 0}}}, "offers.x.usd_per_hour.number: Input should be greater than 0, found 0"),
    ({"offers": {}}, "acme.yaml: offers: Dictionary should have at least 1 item"),
    ({"provider": None}, "acme.yaml: provider: Input should be a valid string, found None"),
    ({"zones": {"north-1": -1}}, "acme.yaml: zones.north-1: Input should be greater than or equal to 0, found -1"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_bad_catalogue_is_refused_with_its_field(change: dict[str, object], message: str) -> None:
    data = yaml.safe_load(example()) | change
    with pytest.raises(InputError) as caught:
        parse_catalog("acme.yaml", yaml.safe_dump(data))
    assert message in str(caught.value)
    assert "docs/planning.md" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_figure_without_an_origin_is_refused() -> None:
    data = yaml.safe_load(example())
    del data["facts"]["prices"]
    with pytest.raises(InputError, match=r"acme.yaml: facts.prices: missing; every figure needs a source"):
        parse_catalog("acme.yaml", yaml.safe_dump(data))
    data["facts"]["shapes"]["as_of"] = "last year"
    with pytest.raises(InputError, match=r"facts.shapes.as_of: String should match"):
        parse_catalog("acme.yaml", yaml.safe_dump(data))


ENDLESS = [
    ("usd_per_hour", math.inf),
    ("usd_per_hour", math.nan),
    ("usd_per_hour", {"value": math.inf, "source": "x", "as_of": "2026-11", "confidence": "measured"}),
    ("usd_by_region", {"north-1": math.inf}),
    ("memory_gib", math.inf),
    ("memory_gib", 1e300),
    ("vcpus", 10**400),
    ("connections", 10**400),
    ("quota_vcpus", {"north-1": 10**400}),
    ("egress", f"{10**400}Gbps"),
]


@pytest.mark.parametrize(("field", "figure"), ENDLESS)
def test_a_figure_without_an_end_is_no_fact(field: str, figure: object) -> None:
    data = yaml.safe_load(example())
    data["offers"]["web-16"][field] = figure
    with pytest.raises(InputError, match=r"acme.yaml: .*(less than or|greater than|unit)") as caught:
        parse_catalog("acme.yaml", yaml.safe_dump(data))
    assert caught.value.exit_code == 2


def test_nodes_are_not_started_endlessly_fast_nor_is_a_node_by_hand_without_end() -> None:
    data = yaml.safe_load(example())
    data["launches"]["per_second"] = math.inf
    with pytest.raises(InputError, match=r"acme.yaml: launches.per_second: Input should be a finite number"):
        parse_catalog("acme.yaml", yaml.safe_dump(data))
    for field in ("memory_gib", "usd_per_hour"):
        with pytest.raises(ValueError, match="finite number"):
            Launch.model_validate({"node": {field: math.inf}})


NO_DAYS = ["2026-11-00", "2026-11-31", "2026-02-29", "0000-11-01", "2026-13", "2026-11-1", "last year", ""]


@pytest.mark.parametrize("as_of", NO_DAYS)
@pytest.mark.parametrize("place", ["facts.prices", "offers.web-16.usd_per_hour", "buying.on_demand.price"])
def test_a_date_that_no_calendar_has_is_refused(place: str, as_of: str) -> None:
    data = yaml.safe_load(example())
    first, second, *_ = place.split(".")
    fact = {"value": "50%" if first == "buying" else 0.5, "source": "x", "as_of": as_of, "confidence": "measured"}
    match first:
        case "facts":
            data[first][second]["as_of"] = as_of
        case "offers":
            data[first][second]["usd_per_hour"] = fact
        case _:
            data[first] = {second: {"price": fact}}
    with pytest.raises(InputError, match=rf"acme.yaml: {place}") as caught:
        parse_catalog("acme.yaml", yaml.safe_dump(data))
    assert caught.value.exit_code == 2


def test_the_last_days_of_a_month_are_themselves_and_a_month_alone_is_its_first() -> None:
    days = ["2026-10-31", "2028-02-29", "2026-10"]
    assert [first_day(one) for one in days] == [date(2026, 10, 31), date(2028, 2, 29), date(2026, 10, 1)]


@pytest.mark.parametrize("text", ["- a list", "", "a: [1", "name: x\nname: y"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"acme.yaml"):
        parse_catalog("acme.yaml", text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_catalog(tmp_path / "none.yaml")


def test_a_launch_names_catalogues_and_offers() -> None:
    launch = Launch.model_validate({"node": "c7g.4xlarge", "offers": ["c6in.4xlarge", "ec2", "c6in.4xlarge"]})
    found, node = offers_of(launch), node_of(launch)
    assert len(found) == len(EC2)
    assert node.name == "c7g.4xlarge"
    assert len(one_of_each(found, node)) == len(EC2) - 1


def test_the_rehearsed_node_by_hand_and_not_at_all() -> None:
    given = node_of(Launch.model_validate({"node": {"vcpus": 8, "egress": "2Gbps", "usd_per_hour": 0.3}}))
    assert given.name == REHEARSED
    assert (given.vcpus and given.vcpus.value, given.egress and given.egress.value) == (8, 2e9)
    price = given.price_in("anywhere")
    assert price is not None
    assert (price.value, price.confidence) == (0.3, "assumed")
    assert given.memory_gib is None
    assert node_of(Launch()) == UNKNOWN_NODE


@pytest.mark.parametrize("field", ["node", "offers"])
def test_a_name_that_nobody_knows_is_refused(field: str) -> None:
    launch = Launch.model_validate({field: "c99.huge" if field == "node" else ["c99.huge"]})
    with pytest.raises(InputError, match=rf"launch.{field}: no catalogue and no offer is called 'c99.huge'"):
        node_of(launch) if field == "node" else offers_of(launch)


@pytest.mark.parametrize("name", ["../secrets", "/etc/passwd", "a/b.yaml", ""])
def test_a_run_cannot_name_a_file(name: str) -> None:
    with pytest.raises(ValueError, match="String should match pattern"):
        Launch.model_validate({"offers": [name]})


@pytest.mark.parametrize(("day", "old"), [(date(2026, 12, 1), False), (date(2027, 3, 1), True)])
def test_old_prices_are_warned_of(day: date, old: bool) -> None:
    warnings = stale(EC2.values(), day)
    assert [one.key for one in warnings] == (["warn_stale_catalog"] if old else [])
    if old:
        assert warnings[0].values == {"catalog": "ec2", "as_of": "2026-07-20", "days": "224"}
