"""Where no single shape fits the quota: two that do together, or one with some of its nodes as spot instances."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.offers.catalog import load, load_catalog
from advisor.offers.offer import Offer
from advisor.pages.offerpage import buying_lines
from advisor.pages.planning import offer_rows
from advisor.plans.asked import Asked
from advisor.plans.bought import WORTH, Mix
from advisor.plans.choice import Choice
from advisor.plans.drawing import DRAWS
from advisor.plans.regret import critical_ratio, rank_of
from advisor.texts import LANGS
from tests.advisor.questions import all_finite, capacities, capacity, demand, launch, node, planned
from tests.advisor.test_mixing import carried

EC2 = load("ec2").shop
C7G = next(offer for offer in load_catalog("ec2") if offer.name == "c7g.4xlarge")
THIN = node("thin", vcpus=4, memory_gib=4, egress=25e9, usd_per_hour=1.0)
"""Five times the bits of the node rehearsed, and a quarter of its connections."""
FAT = node("fat", vcpus=4, memory_gib=64, egress=5e9, usd_per_hour=1.0)
"""Four times its connections, and as many bits."""


def held(offer: Offer, vcpus: int | None) -> Offer:
    """With a quota of its own where it stands."""
    fact = {"value": vcpus, "source": "made up for a test", "as_of": "2026-11", "confidence": "assumed"}
    quotas = {} if vcpus is None else {"north-1": fact}
    told = {"provider": "acme", "catalog": "acme", "zones": {"north-1": 6}, "quota_vcpus": quotas}
    return Offer.model_validate(offer.model_dump() | told)


def question(*offers: Offer, size: float = 1.0, spread: float = 0.0, **how: object) -> Asked:
    """30 Gbit/s on nodes of 1 Gbit/s, and 10,000 connections on nodes of 333: thirty nodes rehearsed for either."""
    known = capacities(capacity("bit/s", 1.0, spread), capacity("connections", 1 / 9, spread))
    kind = held(node("own", vcpus=8, memory_gib=16, egress=5e9, usd_per_hour=2.0), 1)
    return Asked(demand(size, spread), known, launch(**how), 9.0, node=kind, offers=offers, places={"acme": "north-1"})


def counted(mix: Mix | None) -> dict[str, int]:
    return {} if mix is None else {part.offer: part.nodes for part in mix.parts}


def squeezed(question: Asked) -> Choice:
    """Of a question that no shape fits alone."""
    choice = planned(question).offers
    assert choice.best is None
    assert (len(choice.alternatives), len(choice.ways)) == (0, 0)
    assert all_finite(choice.model_dump())
    return choice


def test_one_quota_that_neither_shape_fits_alone_may_hold_both() -> None:
    """120 × thin are 480 vCPUs, 30 × fat are 120; 6 × thin and 8 × fat carry half of the draws in 56, 13 do not."""
    both = {"thin": 6, "fat": 8}
    assert carried(question(THIN, FAT), both) > 0.5 > carried(question(THIN, FAT), {"thin": 5, "fat": 8})
    for most, wanted in ((56, both), (119, both), (55, {})):
        choice = squeezed(question(THIN, FAT, quota_vcpus={"id": most}))
        assert counted(choice.mix) == wanted, most
        assert {one.offer.name for one in choice.shapes} == set(wanted)
    assert planned(question(THIN, FAT, quota_vcpus={"id": 120})).offers.best is not None


def test_two_quotas_hold_what_neither_does_alone() -> None:
    """Thirty nodes of either carry the bits: ten of one and twenty of the other do too, and the dearer only so many."""
    dear, cheap = (node(name, vcpus=4, egress=5e9, usd_per_hour=usd) for name, usd in (("dear", 2.0), ("cheap", 1.0)))
    asked = replace(
        question(held(cheap, 80), held(dear, 60)), capacities=capacities(capacity("bit/s")), event_seconds=7200
    )
    choice = squeezed(asked)
    assert choice.mix is not None
    assert counted(choice.mix) == {"cheap": 20, "dear": 10}
    assert (choice.mix.usd_per_hour, choice.mix.usd_per_event, choice.mix.saves) == (40.0, 80.0, 0.0)
    assert [part.quota for part in choice.mix.parts] == [80, 60]
    assert counted(squeezed(replace(asked, offers=(held(cheap, 80), held(dear, 39)))).mix) == {}


def test_the_shapes_are_told_as_each_would_be_alone_beside_the_increase_to_ask_for() -> None:
    choice = squeezed(question(THIN, FAT, quota_vcpus={"id": 100}))
    assert [(one.offer.name, one.nodes) for one in choice.shapes] == [("fat", 30), ("thin", 120)]
    assert {one.but.key for one in choice.shapes if one.but} == {"offer_over_quota"}
    assert {one.about for one in choice.refused} == {"own", "thin", "fat"}
    assert choice.chosen == choice.wished == choice.shapes[0]
    assert choice.beyond is not None
    assert choice.beyond.offer.name == "fat"
    assert choice.mix is not None
    first, second = choice.mix.reasons
    assert first.key == "mix_fits_two"
    assert second.values == {"offers": "fat + thin", "vcpus": "56", "quota": "100", "pool": "launch.quota_vcpus"}


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_says_that_no_shape_fits_alone_and_two_do(lang: str) -> None:
    plan = planned(question(THIN, FAT, quota_vcpus={"id": 100}))
    (row,) = offer_rows(lang, plan)
    assert row["name"] == "fat"
    lines = " ".join(buying_lines(lang, plan))
    wanted = {"en": ("No single shape fits the quota; these two", "56 vCPUs"), "zh": ("这两种合用则可以", "56 个 vCPU")}
    assert all(words in lines for words in wanted[lang])
    assert {"en": "cheaper", "zh": "便宜，"}[lang] not in lines
    assert {"en": "would do alone", "zh": "单独即可"}[lang] in row["why"]


def test_no_pair_is_proposed_where_nodes_were_measured_not_to_add_up_or_no_price_is_known() -> None:
    bare = THIN.model_copy(update={"usd_per_hour": {}})
    choice = squeezed(question(bare, FAT, quota_vcpus={"id": 100}))
    assert (choice.mix, choice.shapes) == (None, ())


def test_two_providers_are_never_in_one_pair() -> None:
    other = held(FAT, 100).model_copy(update={"provider": "list"})
    asked = replace(question(held(THIN, 100), other), places={"acme": "north-1", "list": "north-1"})
    assert squeezed(asked).mix is None


def spotted(quota: int, *offers: Offer, **how: object) -> Choice:
    """c7g.4xlarge for 30 Gbit/s at 3 each: 10, and 15 so that a zone may be lost, and 9 spare: 24, which are 384 vCPUs.

    The headroom can lose 14, which is four rows of three.
    """
    buying = {"spot": "50%", "spot_lost": "100%"} | how
    asked = Asked(
        demand(),
        capacities(capacity("bit/s", 3)),
        launch(zones=3, spare_nodes=9, quota_vcpus={"id": quota}, buying=buying),
        9.0,
        node=C7G,
        offers=offers,
        places={"aws": "ap-southeast-3"},
        shops=(EC2,),
    )
    return planned(asked).offers


def test_spot_instances_have_a_quota_of_their_own_and_may_bring_a_shape_under_its_quota() -> None:
    choice = spotted(192)
    assert choice.best is None
    assert choice.mix is not None
    assert [(part.purchase, part.nodes) for part in choice.mix.parts] == [("on_demand", 12), ("spot", 12)]
    assert choice.mix.reasons[0].key == "mix_fits_spot"
    assert choice.mix.reasons[1].values["vcpus"] == "192"
    assert choice.mix.quota is not None
    assert choice.mix.quota.vcpus == 12 * 16
    assert [one.offer.name for one in choice.shapes] == ["c7g.4xlarge"]
    assert choice.beyond is not None
    assert choice.beyond.quota is not None
    assert choice.beyond.quota.vcpus == 384


@pytest.mark.parametrize(("quota", "spot"), [(191, "50%"), (192, "49%"), (383, "0%")])
def test_not_so_where_quota_or_setting_let_be_too_few(quota: int, spot: str) -> None:
    choice = spotted(quota, spot=spot)
    assert (choice.best, choice.mix, choice.shapes) == (None, None, ())


def test_where_the_shape_fits_alone_spot_instances_change_nothing_but_the_price() -> None:
    choice = spotted(384)
    assert choice.best is not None
    assert choice.mix is not None
    assert choice.shapes == ()
    assert choice.mix.saves > 0
    assert "mix_fits_spot" not in {one.key for one in choice.mix.reasons}


def test_a_cheaper_shape_that_fits_with_spot_instances_goes_before_a_dearer_that_fits_alone() -> None:
    """Else a quota that lets the dearer one fit would make the plan dearer."""
    fact = {"source": "made up for a test", "as_of": "2026-11", "confidence": "assumed"}
    told = {"name": "c7g.metal", "vcpus": {"value": 8, **fact}, "usd_per_hour": {"*": {"value": 3.0, **fact}}}
    choice = spotted(192, Offer.model_validate(C7G.model_dump() | told))
    assert choice.best is not None
    assert choice.best.offer.name == "c7g.metal"
    assert choice.mix is not None
    assert {part.offer for part in choice.mix.parts} == {"c7g.4xlarge"}
    assert choice.best.usd_per_hour is not None
    assert choice.mix.usd_per_hour < choice.best.usd_per_hour * 0.5
    assert 0 < choice.mix.saves < 1


shapes = st.tuples(
    st.integers(2, 32), st.floats(1e9, 5e10), st.floats(2, 256), st.floats(0.1, 5), st.integers(0, 400), st.booleans()
)


def made(facts: list[tuple[int, float, float, float, int, bool]], more: float = 1.0) -> list[Offer]:
    """Shapes of two families, each with a quota."""
    quotas = {one: max([quota for *_, quota, is_first in facts if is_first is one], default=0) for one in (True, False)}
    return [
        held(
            node(f"offer-{at}", vcpus=vcpus, egress=egress, memory_gib=memory, usd_per_hour=usd),
            int(quotas[is_first] * more) * 2 + is_first,
        )
        for at, (vcpus, egress, memory, usd, _, is_first) in enumerate(facts)
    ]


def vcpus_of(asked: Asked, mix: Mix) -> dict[int, int]:
    """What a mix takes, by the quota that it counts against."""
    known = {offer.name: offer for offer in asked.offers}
    taken: dict[int, int] = {}
    for part in mix.parts:
        offer = known[part.offer]
        assert offer.vcpus is not None
        quota = offer.quota_vcpus["north-1"].value
        taken[quota] = taken.get(quota, 0) + part.nodes * offer.vcpus.value
    return taken


@settings(max_examples=60, deadline=None)
@given(
    st.lists(shapes, min_size=2, max_size=5),
    st.floats(0.05, 3),
    st.floats(0, 0.4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from([1.0, 4.0, 19.0]),
)
def test_a_mix_takes_no_more_than_is_left_and_carries_as_many_draws_as_a_plan_of_one_shape(
    facts: list[tuple[int, float, float, float, int, bool]],
    size: float,
    spread: float,
    zones: int,
    spare: int,
    weight: float,
) -> None:
    how = {"zones": zones, "spare_nodes": spare, "underprovision_weight": weight, "target_utilisation": "70%"}
    asked = question(*made(facts), size=size, spread=spread, **how)
    choice = planned(asked).offers
    if choice.mix is None:
        assert choice.best is None
        return
    assert bool(choice.shapes) is (choice.best is None)
    assert all(vcpus <= quota for quota, vcpus in vcpus_of(asked, choice.mix).items())
    assert all(part.nodes % zones == 0 for part in choice.mix.parts)
    nodes = counted(choice.mix)
    if len(nodes) > 1:
        assert carried(asked, nodes) >= (rank_of(critical_ratio(weight), DRAWS) + 1) / DRAWS
    if choice.best is None:
        assert set(nodes) == {one.offer.name for one in choice.shapes}
        assert len(nodes) == 2
        return
    assert choice.best.usd_per_hour is not None
    assert choice.mix.usd_per_hour <= choice.best.usd_per_hour


@settings(max_examples=60, deadline=None)
@given(
    st.lists(shapes, min_size=2, max_size=5),
    st.floats(0.05, 3),
    st.floats(0, 0.4),
    st.integers(1, 3),
    st.floats(1, 4),
)
def test_more_quota_is_never_dearer(
    facts: list[tuple[int, float, float, float, int, bool]], size: float, spread: float, zones: int, more: float
) -> None:
    """But for what a second shape must save to be proposed beside a first that fits."""
    tight, roomy = (
        planned(question(*made(facts, times), size=size, spread=spread, zones=zones)).offers for times in (1.0, more)
    )
    if tight.mix is None:
        return
    assert roomy.mix is not None
    assert roomy.mix.usd_per_hour * (1 - WORTH) <= tight.mix.usd_per_hour * (1 + 1e-9)


@settings(max_examples=100, deadline=None)
@given(st.lists(shapes, min_size=2, max_size=3), st.floats(0.05, 0.6), st.floats(0, 0.3), st.integers(1, 2))
def test_no_cheaper_pair_within_the_quotas_is_left_out(
    facts: list[tuple[int, float, float, float, int, bool]], size: float, spread: float, zones: int
) -> None:
    """Every count of every two, tried: as far as money goes in twenty rows of each."""
    asked = question(*made(facts), size=size, spread=spread, zones=zones, underprovision_weight=9)
    choice = planned(asked).offers
    if choice.best is not None:
        return
    known = {offer.name: offer for offer in asked.offers}
    cost = 1e9 if choice.mix is None else choice.mix.usd_per_hour
    rows = range(zones, 20 * zones + 1, zones)
    for one, other in ((a, b) for a, b in product(known, known) if a < b):
        for nodes in ({one: first, other: second} for first, second in product(rows, rows)):
            usd = sum(count * known[name].usd_per_hour["*"].value for name, count in nodes.items())
            if usd >= cost * (1 - 1e-9) or not _keeps(known, nodes):
                continue
            assert carried(asked, nodes) < (rank_of(critical_ratio(9), DRAWS) + 1) / DRAWS, nodes


def _keeps(known: dict[str, Offer], nodes: dict[str, int]) -> bool:
    taken: dict[int, int] = {}
    for name, count in nodes.items():
        offer = known[name]
        assert offer.vcpus is not None
        quota = offer.quota_vcpus["north-1"].value
        taken[quota] = taken.get(quota, 0) + count * offer.vcpus.value
    return all(vcpus <= quota for quota, vcpus in taken.items())
