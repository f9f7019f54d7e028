"""Laws of the planner: every unit of a capacity model, every catalogue that ships, catalogues made by chance."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.demands.rise import Rise
from advisor.interval import Interval
from advisor.models import Excuse, Unit
from advisor.offers.catalog import catalog_names, load, load_catalog
from advisor.offers.offer import Offer
from advisor.plans.asked import Asked
from advisor.plans.choosing import counts
from advisor.plans.drawing import DRAWS
from advisor.plans.lead import PRIOR
from advisor.plans.plan import Plan, plan
from advisor.plans.regret import critical_ratio
from loadtests.launch import Launch
from loadtests.region import load_region, region_codes
from tests.advisor.questions import all_finite, capacities, capacity, demand, launch, node, planned

UNITS: Final[tuple[Unit, ...]] = tuple(unit for unit in get_args(Unit) if unit != "messages/s")
"""Those of which a region's demand is known."""
SHIPPED: Final = tuple(offer for name in catalog_names() for offer in load_catalog(name))
SHOPS: Final = tuple(load(name).shop for name in catalog_names())
RISE: Final = Rise(0.1, (0.0, 60.0, 600.0), (0.0, 0.3, 0.9))
JOINING: Final = Rise(0.02, (0.0, 20.0, 150.0), (0.0, 0.2, 0.98))

law = settings(max_examples=40, deadline=None)
sizes = st.floats(1e-3, 1e4)
times = st.floats(1, 50)
spreads = st.floats(0, 0.9)
weights = st.floats(1, 999)
launches = st.builds(
    lambda share, zones, lose, spare, least, weight, spot, quota: launch(
        target_utilisation=f"{share * 100:.6f}%",
        zones=zones,
        lose_nodes=lose,
        spare_nodes=spare,
        minimum_nodes=least,
        underprovision_weight=weight,
        buying={"spot": f"{spot * 100:.6f}%"},
        quota_vcpus={} if quota is None else {"id": quota},
    ),
    st.floats(0.05, 1),
    st.integers(1, 5),
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(0, 20),
    weights,
    st.floats(0, 1),
    st.sampled_from([None, 64, 2000, 10**6]),
)


@st.composite
def made_up(draw: st.DrawFn) -> tuple[Offer, ...]:
    """Some offers, each with some of its facts."""
    found = []
    for number in range(draw(st.integers(0, 6))):
        facts: dict[str, float] = {}
        for name, value in (
            ("vcpus", st.integers(1, 192)),
            ("memory_gib", st.floats(0.5, 2000)),
            ("egress", st.floats(1e6, 1e12)),
            ("connections", st.integers(100, 10**7)),
            ("usd_per_hour", st.floats(0.001, 100)),
        ):
            if draw(st.integers(0, 4)):
                facts[name] = draw(value)
        found.append(node(f"offer-{number}", **facts))
    return tuple(found)


@st.composite
def questions(draw: st.DrawFn) -> Asked:
    """Any region, any limits, any launch, offers of chance make or those that ship."""
    limits = [
        capacity(unit, draw(st.floats(0.1, 10)), draw(spreads))
        for unit in draw(st.lists(st.sampled_from(UNITS), min_size=1, max_size=3, unique=True))
    ]
    own = node("own", vcpus=8, memory_gib=16, egress=5e9, usd_per_hour=0.5)
    return Asked(
        demand(draw(sizes), draw(spreads)),
        capacities(*limits),
        draw(launches),
        9.0,
        rise=draw(st.sampled_from([None, RISE])),
        joining=draw(st.sampled_from([None, RISE, JOINING])),
        node=draw(st.sampled_from([own, node("bare"), SHIPPED[0]])),
        offers=draw(st.one_of(made_up(), st.just(SHIPPED[1:]))),
        places=load_region(draw(st.sampled_from(region_codes()))).provider_regions,
        shops=SHOPS,
        event_seconds=draw(st.sampled_from([0.0, 3600.0])),
    )


@law
@given(questions())
def test_a_plan_repeats_and_holds_no_number_that_is_none(question: Asked) -> None:
    found = planned(question)
    assert found == plan(question)
    assert all_finite(found.model_dump())
    assert found.nodes >= found.ready >= 1
    assert found.likely.low <= found.nodes
    total = sum(driver.ready for driver in found.drivers)
    assert total == 0 or abs(total - 1) < 1e-9


@law
@given(questions())
def test_every_offer_is_shown_or_has_its_excuse(question: Asked) -> None:
    choice = planned(question).offers
    shown = [one.offer.name for one in (choice.best, *choice.alternatives) if one is not None]
    told = Counter(shown) + Counter(excuse.about for excuse in choice.refused)
    assert told == Counter(offer.name for offer in (question.node, *question.offers))
    assert all(excuse.reason.text and excuse.remedy.text for excuse in choice.refused)


@law
@given(questions())
def test_the_best_is_the_cheapest_that_is_shown_and_whatever_is_shown_fits(question: Asked) -> None:
    choice = planned(question).offers
    shown = [one for one in (choice.best, *choice.alternatives) if one is not None]
    costs = [one.usd_per_hour if one.usd_per_hour is not None else float("inf") for one in shown]
    assert costs == sorted(costs)
    for one in shown:
        assert 1 <= one.nodes <= question.launch.most_nodes
        assert one.offer.zones is None or one.offer.zones[question.place_of(one.offer)] >= question.launch.zones


@law
@given(questions())
def test_a_mix_is_no_dearer_than_the_best_and_every_part_of_it_is_offered_here(question: Asked) -> None:
    choice = planned(question).offers
    if choice.mix is None:
        assert choice.best is None or choice.best.price is None
        return
    assert choice.best is not None
    assert choice.best.usd_per_hour is not None
    assert choice.mix.usd_per_hour <= choice.best.usd_per_hour * (1 + 1e-12)
    assert 1 <= len(choice.mix.parts) <= 2
    assert sum(part.nodes for part in choice.mix.parts) == choice.mix.nodes <= question.launch.most_nodes
    known = {offer.name: offer for offer in (question.node, *question.offers)}
    quota, vcpus = question.launch.quota_vcpus.get("id"), 0
    for part in choice.mix.parts:
        offer = known[part.offer]
        assert part.nodes % question.launch.zones == 0
        assert offer.zones is None or offer.zones[question.place_of(offer)] >= question.launch.zones
        vcpus += part.nodes * (offer.vcpus.value if offer.vcpus else 0)
    assert quota is None or vcpus <= quota


@law
@given(questions())
def test_what_is_cheaper_but_breaks_a_rule_is_also_among_the_refused(question: Asked) -> None:
    choice = planned(question).offers
    if choice.beyond is None:
        return
    assert choice.beyond.but is not None
    refused = {excuse.about: excuse.reason for excuse in choice.refused}
    assert refused[choice.beyond.offer.name] == choice.beyond.but
    if choice.best is not None and choice.best.usd_per_hour is not None:
        assert choice.beyond.usd_per_hour is not None
        assert choice.beyond.usd_per_hour < choice.best.usd_per_hour


@law
@given(questions(), times)
def test_more_demand_never_needs_fewer_nodes(question: Asked, more: float) -> None:
    limits = question.capacities.found
    wider = question.demand
    scaled = {name: getattr(wider, name).scale(more) for name in ("wire", "requests", "joins", "viewers")}
    larger = replace(question, demand=wider.model_copy(update=scaled))
    assert planned(larger).nodes >= planned(question).nodes
    assert planned(larger).ready >= planned(question).ready
    assert all(after >= before for before, after in zip(counts(question, limits), counts(larger, limits), strict=True))


@law
@given(questions(), times)
def test_a_better_node_or_a_looser_budget_never_needs_more(question: Asked, better: float) -> None:
    """A tighter budget shows as less capacity per node."""
    grown = [one.model_copy(update={"per_node": one.per_node.scale(better)}) for one in question.capacities.found]
    assert planned(replace(question, capacities=capacities(*grown))).nodes <= planned(question).nodes


@law
@given(questions(), st.floats(0.05, 1))
def test_a_lower_utilisation_never_needs_fewer(question: Asked, share: float) -> None:
    own = question.launch.target_utilisation
    tight, loose = (
        replace(question, launch=question.launch.model_copy(update={"target_utilisation": value}))
        for value in sorted((own, share))
    )
    assert planned(tight).nodes >= planned(loose).nodes
    assert all(a >= b for a, b in zip(_counts(tight), _counts(loose), strict=True))


@law
@given(questions(), weights)
def test_a_larger_weight_on_too_few_never_plans_fewer(question: Asked, weight: float) -> None:
    own = question.launch.underprovision_weight
    low, high = (
        replace(question, launch=question.launch.model_copy(update={"underprovision_weight": value}))
        for value in sorted((own, weight))
    )
    assert planned(high).nodes >= planned(low).nodes
    assert planned(high).ready >= planned(low).ready
    assert all(a >= b for a, b in zip(_counts(high), _counts(low), strict=True))


def _counts(question: Asked) -> list[int]:
    return counts(question, question.capacities.found)


@law
@given(
    st.sampled_from(UNITS),
    st.floats(0.1, 10),
    spreads,
    st.floats(0.3, 1),
    st.tuples(st.integers(1, 96), st.floats(1, 500), st.floats(1e8, 1e11)),
    times,
)
def test_a_better_offer_never_takes_more_nodes(
    unit: Unit, limit: float, spread: float, exponent: float, facts: tuple[int, float, float], better: float
) -> None:
    vcpus, memory, egress = facts
    one = node("one", vcpus=vcpus, memory_gib=memory, egress=egress)
    two = node("two", vcpus=round(vcpus * better), memory_gib=memory * better, egress=egress * better)
    own = node("own", vcpus=8, memory_gib=16, egress=5e9)
    how = launch(vcpu_exponent=exponent, underprovision_weight=19)
    known = capacities(capacity(unit, limit, spread))
    before, after = _counts(Asked(demand(1.0, spread), known, how, 9.0, node=own, offers=(one, two)))
    assert 1 <= after <= before


@law
@given(questions(), st.floats(1, 20))
def test_capacity_that_comes_later_never_leaves_fewer_to_stand_before(question: Asked, later: float) -> None:
    slow = tuple(part.model_copy(update={"seconds": part.seconds.scale(later)}) for part in PRIOR)
    assert planned(replace(question, measured=slow)).ready >= planned(replace(question, measured=PRIOR)).ready


@law
@given(st.sampled_from(UNITS), st.floats(0.1, 10), spreads, st.booleans(), st.floats(0, 100), st.booleans())
def test_a_region_has_a_plan_or_an_excuse(
    unit: Unit, limit: float, spread: float, saturated: bool, factor: float, silent: bool
) -> None:
    one = capacity(unit, limit, spread, saturated=saturated)
    if silent:
        nothing = Interval(low=0, mid=0, high=0, coverage=0.9, samples=3)
        one = one.model_copy(update={"per_node": nothing})
    match plan(Asked(demand(1.0, spread), capacities(one), Launch(), factor)):
        case Plan() as found:
            assert not silent
            assert saturated or factor <= 2
            assert all_finite(found.model_dump())
        case Excuse() as excuse:
            assert silent or (not saturated and factor > 2)
            assert excuse.reason.text
            assert excuse.remedy.text


@law
@given(st.sampled_from(UNITS), sizes, st.floats(0.1, 10))
def test_without_headroom_and_doubt_nodes_are_demand_over_capacity_rounded_up(
    unit: Unit, size: float, limit: float
) -> None:
    found = planned(Asked(demand(size), capacities(capacity(unit, limit)), launch(), 9.0))
    exact = found.demand.mid / found.per_node.mid
    assert exact * (1 - 2e-9) - 2e-9 <= found.nodes < exact + 1
    assert found.nodes == found.expected == found.likely.mid


@law
@given(st.sampled_from(UNITS), st.floats(1, 100), spreads, spreads, weights)
def test_the_count_chosen_is_enough_for_the_share_that_the_weight_asks(
    unit: Unit, size: float, doubt: float, error: float, weight: float
) -> None:
    how = launch(underprovision_weight=weight)
    found = planned(Asked(demand(size, doubt), capacities(capacity(unit, 1.0, error)), how, 9.0))
    assert found.quantile == critical_ratio(weight)
    costs = {point.nodes: point.too_many + point.too_few for point in found.regret}
    assert min(costs.values()) >= costs[found.nodes] - 1e-9 * DRAWS
