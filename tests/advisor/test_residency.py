"""Where nodes may stand: kept, moved or refused, with the reason; an excuse where nothing is allowed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advice import Advice
from advisor.advising import advise
from advisor.models import Excuse
from advisor.offers.buying import Shop
from advisor.offers.catalog import load, load_catalog, parsed
from advisor.offers.residency import nowhere, resided
from advisor.plans.plan import Plan
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from advisor.texts import LANGS
from loadtests.launch import Launch
from loadtests.region import load_region, region_codes
from loadtests.run import Run
from loadtests.scenario import Scenario, bundled_names, read_scenario

EC2 = load("ec2").shop
ACME = Shop(catalog="acme", provider="acme", countries={"north-1": "SE", "ap-southeast-5": "ID"})


def ruled(run: Run, residency: object, **fields: object) -> Advice:
    scenario = run.header.scenario
    said = {"audience": scenario.launch.audience, "node": "c7g.4xlarge", "residency": residency, **fields}
    header = run.header.model_copy(
        update={"scenario": scenario.model_copy(update={"launch": Launch.model_validate(said)})}
    )
    return advise([replace(run, header=header)])


def test_without_a_rule_nothing_is_said() -> None:
    assert resided(None, {"aws": "ap-southeast-3"}, (EC2,)) is None
    assert Launch().allowed_in("id") is None
    launch = Launch.model_validate({"residency": {"id": ["ID"], "default": "any"}})
    assert (launch.allowed_in("id"), launch.allowed_in("br")) == (("ID",), None)


@pytest.mark.parametrize(
    ("allowed", "place", "key"),
    [
        (("ap-southeast-3",), "ap-southeast-3", "residency_kept"),
        (("ID",), "ap-southeast-3", "residency_kept"),
        (("SG", "ID"), "ap-southeast-3", "residency_kept"),
        (("aws/ap-southeast-3",), "ap-southeast-3", "residency_kept"),
        (("SG",), "ap-southeast-1", "residency_moved"),
        (("ap-southeast-2", "SG"), "ap-southeast-2", "residency_moved"),
        (("VN",), None, "residency_refused"),
        (("tencent/ap-jakarta",), None, "residency_refused"),
    ],
)
def test_the_usual_region_is_kept_where_it_may_be_and_another_takes_its_place(
    allowed: tuple[str, ...], place: str | None, key: str
) -> None:
    found = resided(allowed, {"aws": "ap-southeast-3"}, (EC2,))
    assert found is not None
    assert found.places.get("aws") == place
    assert [one.key for one in found.reasons] == [key]
    assert all(one in found.reasons[0].text for one in allowed)


def test_two_providers_may_call_different_places_alike() -> None:
    """ap-southeast-5 is Kuala Lumpur with one and Jakarta with the other; a country or a prefix tells them apart."""
    usual = {"aws": "ap-southeast-3", "acme": "ap-southeast-5"}
    by_country = resided(("ID",), usual, (EC2, ACME))
    by_prefix = resided(("acme/ap-southeast-5",), usual, (EC2, ACME))
    assert by_country is not None
    assert by_country.places == usual
    assert by_prefix is not None
    assert by_prefix.places == {"acme": "ap-southeast-5"}


@pytest.mark.parametrize("other", ["aaa", "zzz"])
@pytest.mark.parametrize(("allowed", "place"), [("SG", "ap-southeast-1"), ("moon-1", "moon-1"), ("MO", None)])
def test_all_catalogues_of_a_provider_are_looked_in(other: str, allowed: str, place: str | None) -> None:
    """Whichever comes last by name, and whether it says countries or not."""
    bare = Shop(catalog=other, provider="aws", regions=("ap-southeast-1", "moon-1"))
    for shops in ((EC2, bare), (bare, EC2)):
        found = resided((allowed,), {"aws": "ap-southeast-3"}, shops)
        assert found is not None
        assert found.places.get("aws") == place
        assert len(found.reasons) == 1


@pytest.mark.parametrize(
    ("allowed", "place"),
    [("north-2", "north-2"), ("acme/far-1", "far-1"), ("bcme/north-2", None), ("north-3", None), ("SE", None)],
)
def test_a_region_named_outright_is_found_where_no_country_is_said(allowed: str, place: str | None) -> None:
    """A country is not guessed: without ``countries`` only the regions themselves can be allowed."""
    text = (
        "name: acme\nprovider: acme\nzones: {north-1: 3, north-2: 3}\n"
        "offers: {web: {vcpus: 4}, edge: {vcpus: 2, zones: {far-1: 1}}}\n"
        'facts: {shapes: {source: "list", as_of: "2026-11", confidence: measured}}\n'
    )
    found = resided((allowed,), {"acme": "north-1"}, (parsed("acme.yaml", text).shop,))
    assert found is not None
    assert found.places.get("acme") == place


def test_nothing_is_planned_where_nothing_may_stand() -> None:
    barred = resided(("NG",), {"aws": "eu-south-2"}, (EC2,))
    excuse = nowhere("ng", barred, ["aws", "aws"])
    assert excuse is not None
    assert excuse.reason.text == "Nodes may stand only in NG, and no region of aws is there."
    assert "launch.residency" in excuse.remedy.text
    assert nowhere("ng", barred, ["aws", ""]) is None, "hardware of one's own can be put anywhere"
    assert nowhere("ng", None, ["aws"]) is None


codes = st.sampled_from(region_codes())
places = st.one_of(st.sampled_from(sorted(EC2.countries)), st.sampled_from(sorted(set(EC2.countries.values()))))


@settings(max_examples=100, deadline=None)
@given(codes, st.lists(places, min_size=1, max_size=4))
def test_no_node_stands_where_the_rule_does_not_say(code: str, allowed: list[str]) -> None:
    found = resided(allowed, load_region(code).provider_regions, (EC2,))
    assert found is not None
    place = found.places.get("aws")
    if place is None:
        assert nowhere(code, found, ["aws"]) is not None
    else:
        assert place in allowed or EC2.countries[place] in allowed
    assert {one for one in found.places if one != "aws"} == set() or all(
        found.places[one] in allowed for one in found.places if one != "aws"
    )


# In an advice


def test_a_region_is_planned_where_it_may_be_and_every_offer_keeps_to_it(saturated: Run) -> None:
    advice = ruled(saturated, {"id": ["SG"], "default": "any"}, offers=["ec2"])
    plans = {region.code: region.nodes for region in advice.regions}
    moved, free = plans["id"], plans["br"]
    assert isinstance(moved, Plan)
    assert moved.residence is not None
    assert moved.residence.places["aws"] == "ap-southeast-1"
    best = moved.offers.best
    assert best is not None
    assert (best.offer.zones or {})["ap-southeast-1"] >= 3
    assert best.quota is not None
    assert best.quota.region == "ap-southeast-1"
    assert isinstance(free, Plan)
    assert free.residence is None


@pytest.mark.parametrize("lang", LANGS)
def test_the_reason_is_shown(saturated: Run, lang: str) -> None:
    advice = ruled(saturated, {"default": ["SG"]})
    for text in (Html().render(advice, lang), Markdown().render(advice, lang)):
        assert "ap-southeast-1 (SG)" in text
        assert "ap-southeast-3 (ID)" in text


def test_where_nothing_is_allowed_there_is_an_excuse_and_the_rest_is_advised(saturated: Run) -> None:
    advice = ruled(saturated, {"id": ["VN"]}, offers=["ec2"])
    found = {region.code: region.nodes for region in advice.regions}
    assert isinstance(found["id"], Excuse)
    assert found["id"].reason.key == "excuse_residency"
    assert isinstance(found["br"], Plan)
    assert advice.totals.nodes is None
    residence, egress = ({one.code: getattr(one, name) for one in advice.regions} for name in ("residence", "egress"))
    assert (residence["id"].allowed, residence["br"]) == (("VN",), None)
    assert egress["id"] is None, "no node may stand where it would be priced"
    assert egress["br"].place == "sa-east-1"
    for text in (Html().render(advice, "en"), Markdown().render(advice, "zh")):
        assert "VN" in text


def test_a_node_whose_place_is_not_known_is_planned_and_said_so(saturated: Run) -> None:
    (region, *_) = ruled(saturated, {"default": ["ID"]}, node={"vcpus": 8, "egress": "2Gbps"}).regions
    assert isinstance(region.nodes, Plan)
    assert region.nodes.residence is not None
    assert [one.key for one in region.nodes.residence.reasons] == ["residency_own"]


# In a scenario


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"id": []}, r"expected 'any' or a list of places such as .* found \[\]"),
        ({"id": "ID"}, "expected 'any' or a list of places"),
        ({"id": ["Indonesia"]}, "expected a provider's region such as 'ap-southeast-3' or a country such as 'ID'"),
        ({"id": ["印尼"]}, "found '印尼'"),
        ({"id": [False]}, "write 'NO' for Norway, in quotes"),
        ({"id": ["../x"]}, "expected a provider's region"),
        ({"id": None}, "expected 'any' or a list"),
        ({"xx": ["ID"]}, "launch.residency.xx: not one of the regions rehearsed"),
    ],
)
def test_a_bad_rule_is_refused(said: object, told: str) -> None:
    data = read_scenario(bundled_names()[0]).model_dump(mode="json")
    data["launch"]["residency"] = said
    with pytest.raises(ValueError, match=told):
        Scenario.model_validate(data)


def test_a_rule_comes_back_from_its_own_text() -> None:
    launch = Launch.model_validate({"residency": {"id": ["ID", "aws/ap-southeast-1"], "default": "any"}})
    assert Launch.model_validate(launch.model_dump(mode="json")) == launch


def test_every_region_of_the_shipped_offers_is_in_a_country() -> None:
    regions = {region for offer in load_catalog("ec2") for region in offer.zones or {}}
    regions |= {load_region(code).provider_regions["aws"] for code in region_codes()}
    assert regions <= set(EC2.countries)
