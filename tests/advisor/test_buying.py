"""Ways to pay: what each costs, how far each may go, what holds spot instances back, the quota and its increase."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.demands.rise import Rise
from advisor.offers.allowance import Allowance
from advisor.offers.buying import QuotaNeed, Shop
from advisor.offers.catalog import load, load_catalog, parsed
from advisor.offers.offer import Offer
from advisor.pages.offerpage import quota_text
from advisor.plans.asked import Asked
from advisor.plans.bought import Mix, Order, bought
from advisor.plans.choice import Choice
from advisor.texts import LANGS, fill
from loadtests.errors import InputError
from loadtests.launch import Launch
from loadtests.region import Fact
from tests.advisor.questions import all_finite, capacities, capacity, demand, launch, planned

EC2 = load("ec2").shop
OFFERS = {offer.name: offer for offer in load_catalog("ec2")}


def order(nodes: int = 24, needed: float = 14.0, price: float | None = 0.5, later: int = 6, **how: object) -> Order:
    rules = launch(**{"zones": 3, **how})
    return Order("c7g.4xlarge", nodes, price, needed, later, rules, 2.0)


def mix_of(found: Order, shop: Shop | None = EC2) -> Mix:
    mix = bought(found, shop, None).mix
    assert mix is not None
    return mix


def chosen(*names: str, node: Offer = OFFERS["c7g.4xlarge"], **how: object) -> Choice:
    """In Jakarta, 30 Gbit/s on nodes that fill 3 of their 5 Gbit/s."""
    asked = Asked(
        demand(),
        capacities(capacity("bit/s", 3)),
        launch(**{"zones": 3, **how}),
        9.0,
        rise=Rise(0.1, (0.0, 60.0, 600.0), (0.0, 0.3, 0.9)),
        node=node,
        offers=tuple(OFFERS[name] for name in names),
        places={"aws": "ap-southeast-3"},
        shops=(EC2,),
        event_seconds=7200,
    )
    return planned(asked).offers


def test_every_way_of_a_catalogue_is_a_fact_with_its_source() -> None:
    assert set(EC2.buying) == {"on_demand", "savings", "reservation", "warm_pool", "spot"}
    for way in EC2.buying.values():
        facts = [value for value in dict(way).values() if isinstance(value, Fact)]
        assert facts
        assert all(fact.source and fact.as_of for fact in facts)
        assert way.quota.startswith("L-")
    assert [name for name, way in EC2.buying.items() if way.assured] == ["reservation"]


def test_without_leave_everything_is_on_demand_and_the_report_says_why() -> None:
    mix = mix_of(order())
    assert [(part.purchase, part.nodes) for part in mix.parts] == [("on_demand", 24)]
    assert (mix.usd_per_hour, mix.usd_per_event, mix.saves) == (12.0, 24.0, 0.0)
    (why,) = mix.reasons
    assert why.key == "mix_no_spot"
    assert "loss of 9 of them" in why.text, "24 - 14 = 10 nodes to spare, whole rows over 3 zones"


@pytest.mark.parametrize(
    ("wish", "lost", "spot", "why"),
    [
        ("20%", "100%", 3, "mix_spot_setting"),
        ("25%", "100%", 6, "mix_spot_setting"),
        ("90%", "100%", 9, "mix_spot_headroom"),
        ("90%", "50%", 18, "mix_spot_headroom"),
        ("100%", "1%", 24, "mix_spot_setting"),
    ],
)
def test_spot_instances_are_no_more_than_the_setting_and_than_the_headroom_can_lose(
    wish: str, lost: str, spot: int, why: str
) -> None:
    mix = mix_of(order(buying={"spot": wish, "spot_lost": lost}))
    assert sum(part.nodes for part in mix.parts if part.purchase == "spot") == spot
    assert sum(part.nodes for part in mix.parts) == 24
    assert mix.usd_per_hour == pytest.approx(0.5 * (24 - spot * 0.6))
    assert mix.reasons[-1].key == why


def test_a_plan_without_headroom_has_no_spot_instances() -> None:
    mix = mix_of(order(nodes=24, needed=24.0, buying={"spot": "50%"}))
    assert {part.purchase for part in mix.parts} == {"on_demand"}
    assert "Spot instances are at most 0" in mix.reasons[-1].text


@pytest.mark.parametrize(
    ("quota", "spot", "why"),
    [
        (0, 0, "mix_spot_quota"),
        (47, 0, "mix_spot_quota"),
        (48, 3, "mix_spot_quota"),
        (143, 6, "mix_spot_quota"),
        (144, 9, "mix_spot_headroom"),
        (None, 9, "mix_spot_headroom"),
    ],
)
def test_spot_instances_are_no_more_than_their_own_quota(quota: int | None, spot: int, why: str) -> None:
    """16 vCPUs a node: a row over three zones takes 48, the 9 that the headroom can lose take 144."""
    found = replace(
        order(buying={"spot": "90%"}), place="ap-southeast-3", vcpus=16, spot=Allowance(code="L-34B43A08", quota=quota)
    )
    mix = mix_of(found)
    assert sum(part.nodes for part in mix.parts if part.purchase == "spot") == spot
    assert mix.reasons[-1].key == why
    ways = {way.name: way.most for way in bought(found, EC2, None).ways}
    assert ways["spot"] == spot
    assert mix.quota is not None
    assert (mix.quota.code, mix.quota.vcpus, mix.quota.known) == ("L-34B43A08", 144, quota)
    asks = "--quota-code L-34B43A08 --region ap-southeast-3 --desired-value 144" in mix.quota.command
    assert asks == (quota is None or quota < 144)


@pytest.mark.parametrize(
    ("paid", "spot", "cost"),
    [(0, 12, 8.4), (6, 12, 5.4), (12, 12, 2.4), (18, 6, 1.2), (19, 6, 1.2), (20, 3, 1.1), (23, 0, 0.5), (24, 0, 0)],
)
def test_spot_instances_take_no_place_of_a_node_that_is_paid_for(paid: int, spot: int, cost: float) -> None:
    """24 nodes of US$0.50, of which 12 may be spot instances at 40 %."""
    found = replace(order(needed=10, buying={"spot": "50%"}), paid=paid, place="ap-southeast-3", vcpus=16)
    mix = mix_of(found)
    assert sum(part.nodes for part in mix.parts if part.purchase == "spot") == spot
    assert mix.nodes == 24
    assert mix.usd_per_hour == pytest.approx(cost)
    assert (mix.reasons[-1].key == "mix_spot_paid") is (paid > 12)
    assert (None if mix.quota is None else mix.quota.vcpus) == (spot * 16 or None)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_no_count_of_spot_instances_beside_what_is_paid_for_is_cheaper(
    rows: int, zones: int, wish: float, share: float, held: float, savings: bool
) -> None:
    """Every row of them, tried."""
    nodes = rows * zones
    buying = {"spot": f"{wish * 100:.4f}%", "savings": savings}
    found = replace(order(nodes, nodes * share, 1.0, 0, zones=zones, buying=buying), paid=int(held * nodes))
    most = int(min(found.launch.buying.spot * nodes, nodes - found.needed + 1e-9))
    steady = 0.7 if savings else 1.0
    costs = [0.4 * spot + steady * max(0, nodes - spot - found.paid) for spot in range(0, most + 1, zones)]
    assert mix_of(found).usd_per_hour == pytest.approx(min(costs))


def test_a_node_of_unknown_size_is_no_spot_instance_where_their_quota_is_known() -> None:
    wish = order(buying={"spot": "90%"})
    mix = mix_of(replace(wish, place="ap-southeast-3", spot=Allowance(quota=1000)))
    assert {part.purchase for part in mix.parts} == {"on_demand"}
    assert (mix.reasons[-1].key, mix.quota) == ("mix_spot_size", None)
    assert mix_of(replace(wish, place="ap-southeast-3")).saves > 0


def test_no_quota_of_spot_instances_is_told_where_none_are_wished() -> None:
    mix = mix_of(replace(order(), place="ap-southeast-3", vcpus=16, spot=Allowance(quota=0)))
    assert (mix.quota, mix.reasons[-1].key) == (None, "mix_no_spot")


@pytest.mark.parametrize(("vcpus", "key"), [(48, "mix_spot_quota"), (None, "mix_spot_setting")])
def test_the_quota_of_spot_instances_is_that_of_the_offer_in_its_region(vcpus: int | None, key: str) -> None:
    fact = {"value": vcpus, "source": "made up for a test", "as_of": "2026-11", "confidence": "assumed"}
    quotas = {"us-east-1": fact | {"value": 0}} | ({} if vcpus is None else {"ap-southeast-3": fact})
    node = Offer.model_validate(OFFERS["c7g.4xlarge"].model_dump() | {"quota_spot_vcpus": quotas})
    choice = chosen(node=node, zones=3, spare_nodes=9, buying={"spot": "60%", "spot_lost": "50%"})
    assert choice.mix is not None
    assert choice.mix.reasons[-1].key == key
    assert sum(part.nodes for part in choice.mix.parts if part.purchase == "spot") <= (3 if vcpus else choice.mix.nodes)


def test_a_savings_plan_is_a_price_and_no_promise() -> None:
    mix = mix_of(order(buying={"savings": True}))
    assert [part.purchase for part in mix.parts] == ["savings"]
    assert mix.saves == pytest.approx(0.3)
    assert "does not make the node be there" in mix.reasons[0].text


def test_ways_say_how_many_what_they_cost_and_what_waiting_costs() -> None:
    ways = {way.name: way for way in bought(order(), EC2, None).ways}
    assert {name: way.most for name, way in ways.items()} == {
        "on_demand": 24,
        "savings": 24,
        "reservation": 24,
        "warm_pool": 6,
        "spot": 9,
    }
    assert ways["reservation"].usd_waiting == 12.0
    assert ways["warm_pool"].usd_waiting == pytest.approx(6 * 0.5 * 0.01)
    assert [name for name, way in ways.items() if not way.accepted] == ["savings", "spot"]


def test_without_a_price_nothing_is_bought_and_without_a_catalogue_there_is_one_way() -> None:
    assert bought(order(price=None), EC2, None).mix is None
    assert all(way.usd_per_hour is None for way in bought(order(price=None), EC2, None).ways)
    alone = bought(order(buying={"spot": "50%", "savings": True}), None, None)
    assert alone.ways == ()
    assert alone.mix is not None
    assert [part.purchase for part in alone.mix.parts] == ["on_demand"]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5000),
    st.floats(0, 1),
    st.floats(0.001, 1),
    st.floats(0, 1),
    st.integers(1, 6),
    st.booleans(),
    st.floats(0.0001, 100),
)
def test_whatever_is_taken_back_together_the_rest_carries_the_peak(
    rows: int, share: float, lost: float, wish: float, zones: int, savings: bool, price: float
) -> None:
    nodes = rows * zones
    buying = {"spot": f"{wish * 100:.4f}%", "spot_lost": f"{lost * 100:.4f}%", "savings": savings}
    found = order(nodes, nodes * share, price, 0, zones=zones, buying=buying)
    mix = mix_of(found)
    spot = sum(part.nodes for part in mix.parts if part.purchase == "spot")
    assert mix.nodes == nodes
    assert len(mix.parts) <= 2
    assert spot <= found.launch.buying.spot * nodes + 1e-6
    assert spot % zones == 0
    assert nodes - spot * found.launch.buying.spot_lost >= found.needed - 1e-6
    assert mix.usd_per_hour <= nodes * price * (1 + 1e-12)
    assert all_finite(mix.model_dump())


# The quota


def test_the_quota_that_is_needed_stands_with_its_code_and_the_command() -> None:
    unknown, enough = chosen().best, chosen(quota_vcpus={"id": 10_000}).best
    assert unknown is not None
    assert unknown.quota is not None
    assert (unknown.quota.code, unknown.quota.known, unknown.quota.vcpus) == ("L-1216C47A", None, unknown.nodes * 16)
    assert f"--quota-code L-1216C47A --region ap-southeast-3 --desired-value {unknown.nodes * 16}" in (
        unknown.quota.command
    )
    assert enough is not None
    assert enough.quota is not None
    assert (enough.quota.known, enough.quota.command) == (10_000, "")


def test_where_nothing_fits_the_quota_the_cheapest_is_shown_with_the_increase_to_ask_for() -> None:
    choice = chosen("c6in.8xlarge", quota_vcpus={"id": 32})
    assert choice.best is None
    assert choice.mix is None
    assert choice.beyond is not None
    assert choice.beyond.but is not None
    assert choice.beyond.but.key == "offer_over_quota"
    assert choice.beyond.quota is not None
    assert choice.beyond.quota.known == 32
    assert choice.beyond.quota.vcpus > 32
    assert "request-service-quota-increase" in choice.beyond.quota.command
    assert {excuse.about for excuse in choice.refused} == {"c7g.4xlarge", "c6in.8xlarge"}, "and it is refused"


def test_a_cheaper_offer_that_breaks_a_rule_is_told_beside_the_best() -> None:
    """c6g is built for arm64 and cheaper than every x86_64 shape of its size."""
    names = ("c6in.4xlarge", "c7i.4xlarge", "c6g.4xlarge")
    choice = chosen(*names, buying={"architectures": ["x86_64"]})
    assert choice.best is not None
    assert choice.best.offer.arch == "x86_64"
    assert choice.beyond is not None
    assert choice.beyond.offer.arch == "arm64"
    assert choice.beyond.dearer is not None
    assert choice.beyond.dearer < 0
    assert choice.beyond.but is not None
    assert choice.beyond.but.key == "offer_architecture"
    anything = chosen(*names)
    assert anything.best is not None
    assert (anything.best.offer.name, anything.beyond) == (choice.beyond.offer.name, None)


@pytest.mark.parametrize("lang", LANGS)
def test_a_quota_is_told_as_enough_short_or_unknown(lang: str) -> None:
    need = QuotaNeed(code="L-1", region="north", vcpus=1200, known=600)
    texts = [quota_text(lang, need.model_copy(update={"known": known})) for known in (600, 1200, None)]
    assert len(set(texts)) == 3
    assert all("1,200" in text and "L-1" in text for text in texts)
    assert texts[2] == fill(lang, "quota_unknown", code="L-1", region="north", vcpus="1,200", known="")
    spot = quota_text(lang, need.model_copy(update={"known": None}), "unknown_spot")
    assert spot not in texts
    assert "launch.quota_vcpus" not in spot, "which is of nodes on demand"


# The catalogue


def test_a_country_without_an_origin_and_a_way_without_a_price_are_refused() -> None:
    head = "name: acme\nprovider: acme\nzones: {north: 3}\noffers: {web: {vcpus: 4}}\n"
    facts = 'facts: {shapes: {source: "list", as_of: "2026-11", confidence: measured}}\n'
    assert parsed("acme.yaml", head + facts).shop.buying == {}
    with pytest.raises(InputError, match=r"acme.yaml: facts.countries: missing"):
        parsed("acme.yaml", head + facts + "countries: {north: NO}\n".replace("NO", "'NO'"))
    with pytest.raises(InputError, match=r"acme.yaml: buying.spot.price: Field required"):
        parsed("acme.yaml", head + facts + "buying: {spot: {quota: Q}}\n")
    with pytest.raises(InputError, match=r"acme.yaml: buying.barter"):
        parsed("acme.yaml", head + facts + "buying: {barter: {quota: Q}}\n")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"spot": "120%"}, "expected at most 100%"),
        ({"spot": 0.2}, "expected a number with a unit"),
        ({"spot_lost": "0%"}, "greater than 0"),
        ({"architectures": ["risc"]}, "Input should be 'x86_64' or 'arm64'"),
        ({"spots": "1%"}, "Extra inputs"),
    ],
)
def test_bad_settings_are_refused(said: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Launch.model_validate({"buying": said})


def test_a_hostile_command_of_a_catalogue_is_only_filled_in() -> None:
    shop = EC2.model_copy(update={"raise_quota": "ask {code.__class__} {region} {vcpus} {0} {"})
    assert shop.command("L", "north", 5) == "ask {code.__class__} north 5 {0} {"
