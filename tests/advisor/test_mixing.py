"""Two shapes together: cheaper where each is cheap for one resource, and as safe as one shape alone."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.offers.offer import Offer
from advisor.plans.asked import Asked
from advisor.plans.bought import WORTH
from advisor.plans.drawing import DRAWS, drawn, scores
from advisor.plans.regret import critical_ratio, rank_of
from advisor.plans.transfer import resources
from tests.advisor.questions import capacities, capacity, demand, launch, node, planned

OWN = node("own", vcpus=8, memory_gib=16, egress=5e9, usd_per_hour=2.0)
PIPE = node("pipe", vcpus=8, memory_gib=16, egress=25e9, usd_per_hour=1.0)
"""Carries five times the bits, for half the price."""
BRAIN = node("brain", vcpus=64, memory_gib=64, egress=5e9, usd_per_hour=1.0)
"""Carries eight times the requests, for half the price."""


def question(*offers: Offer, size: float = 1.0, spread: float = 0.0, **how: object) -> Asked:
    """30 Gbit/s on nodes of 1 Gbit/s, and 60,000 requests/s on nodes of 2,000: thirty nodes for either."""
    known = capacities(capacity("bit/s", 1.0, spread), capacity("requests/s", 1 / 3, spread))
    return Asked(demand(size, spread), known, launch(**how), 9.0, node=OWN, offers=offers)


def carried(asked: Asked, nodes: dict[str, int]) -> float:
    """Share of the draws that so many nodes of each offer carry, whichever may be missing: reckoned one by one."""
    how, names = asked.launch, list(nodes)
    offers = [next(one for one in asked.offers if one.name == name) for name in names]
    found = resources(asked.demand, asked.capacities.found, how, asked.node, offers)
    times = (how.zones / (how.zones - 1) if how.zones > 1 else 1.0) / how.target_utilisation
    gone = how.lose_nodes + how.spare_nodes
    held = np.ones(DRAWS, dtype=bool)
    for one in found:
        wanted = drawn(one.asked, scores(f"demand {asked.demand.region}"))
        z = scores(f"capacity {one.unit}")
        middle = drawn(one.per_node, z) / one.per_node.mid
        each = [middle * one.middles[index] * np.exp(one.wider[index] * z) for index in range(len(names))]
        for missing in product(range(gone + 1), repeat=len(names)):
            if sum(missing) != min(gone, sum(nodes.values())) or any(
                lost > count for lost, count in zip(missing, nodes.values(), strict=True)
            ):
                continue
            total = sum(
                (count - lost) * each[index]
                for index, (count, lost) in enumerate(zip(nodes.values(), missing, strict=True))
            )
            held &= total >= wanted * times * (1 - 1e-8)
    return float(held.mean())


def test_two_shapes_are_cheaper_where_each_is_cheap_for_one_resource() -> None:
    """Alone each takes thirty nodes; together 6 × pipe carry 30 Gbit/s and 4 × brain 60,000 requests/s, or fewer."""
    mix = planned(question(PIPE, BRAIN)).offers.mix
    assert mix is not None
    assert {part.offer for part in mix.parts} == {"pipe", "brain"}
    assert mix.nodes <= 10
    assert mix.usd_per_hour == pytest.approx(sum(part.nodes for part in mix.parts))
    assert mix.saves == pytest.approx(1 - mix.usd_per_hour / 30)
    assert mix.reasons[0].key == "mix_two_shapes"


def test_no_cheaper_pair_is_left_out() -> None:
    """Every count of both, tried."""
    asked = question(PIPE, BRAIN, spread=0.2, zones=2, spare_nodes=1, underprovision_weight=9)
    mix = planned(asked).offers.mix
    assert mix is not None
    enough = [
        first + second
        for first, second in product(range(2, 40, 2), repeat=2)
        if first + second <= mix.usd_per_hour and carried(asked, {"pipe": first, "brain": second}) >= critical_ratio(9)
    ]
    assert min(enough) == mix.usd_per_hour


def test_one_shape_stays_where_a_second_saves_next_to_nothing() -> None:
    twin = PIPE.model_copy(update={"name": "twin"})
    known = capacities(capacity("bit/s"))
    mix = planned(replace(question(PIPE, twin), capacities=known)).offers.mix
    assert mix is not None
    assert len(mix.parts) == 1
    assert mix.saves == 0


@pytest.mark.parametrize("quota", [400, 800, 1500, 2560])
def test_a_pair_keeps_to_the_quota_and_to_the_zones(quota: int) -> None:
    """45 × brain alone take 2,880 vCPUs: above each of these quotas, but a few beside the other shape are not."""
    choice = planned(question(PIPE, BRAIN, quota_vcpus={"id": quota}, zones=3)).offers
    assert choice.best is not None
    assert choice.mix is not None
    assert all(part.nodes % 3 == 0 for part in choice.mix.parts)
    vcpus = {"pipe": 8, "brain": 64, "own": 8}
    taken = sum(part.nodes * vcpus[part.offer] for part in choice.mix.parts)
    assert taken <= quota
    assert len(choice.mix.parts) == 2


def with_quota(offer: Offer, vcpus: int | None, catalog: str = "acme") -> Offer:
    """In ``north-1``; None where the catalogue does not know it."""
    fact = {"value": vcpus, "source": "made up for a test", "as_of": "2026-11", "confidence": "assumed"}
    quotas = {} if vcpus is None else {"north-1": fact}
    told = {"provider": "acme", "catalog": catalog, "zones": {"north-1": 3}, "quota_vcpus": quotas}
    return Offer.model_validate(offer.model_dump() | told)


@pytest.mark.parametrize(
    ("pipes", "brains", "other", "most"),
    [
        (16, 100_000, "acme", {"pipe": 2}),
        (None, 128, "acme", {"brain": 2}),
        (48, 192, "acme", {"pipe": 6, "brain": 3}),
        (100, 260, "list", {"vcpus": 100}),
        (200, 200, "acme", {"vcpus": 200}),
    ],
)
def test_each_shape_of_a_pair_keeps_to_its_own_quota(
    pipes: int | None, brains: int, other: str, most: dict[str, int]
) -> None:
    """Different quotas of one catalogue are held each alone; equal ones, or those of two catalogues, together."""
    offers = with_quota(PIPE, pipes), with_quota(BRAIN, brains, other)
    asked = replace(question(*offers), node=with_quota(OWN, None), places={"acme": "north-1"})
    mix = planned(asked).offers.mix
    assert mix is not None
    nodes = {part.offer: part.nodes for part in mix.parts}
    taken = nodes | {"vcpus": nodes.get("pipe", 0) * 8 + nodes.get("brain", 0) * 64}
    assert all(taken.get(name, 0) <= limit for name, limit in most.items())


def test_two_quotas_let_a_pair_take_more_than_either() -> None:
    """6 × pipe take 48 vCPUs and 4 × brain 256: no single quota of them holds the sum of 304."""
    asked = question(with_quota(PIPE, 48), with_quota(BRAIN, 256))
    mix = planned(replace(asked, node=with_quota(OWN, None), places={"acme": "north-1"})).offers.mix
    assert mix is not None
    assert {part.offer for part in mix.parts} == {"pipe", "brain"}


@pytest.mark.parametrize(("quota", "parts"), [({}, {"big": 9, "own": 3}), ({"id": 2000}, {"big": 12})])
def test_a_shape_of_unknown_size_is_in_no_pair_that_a_quota_holds(quota: dict[str, int], parts: dict[str, int]) -> None:
    """46 Gbit/s over three zones are 9.3 × big: a row of small ones is enough for the rest."""
    own = node("own", vcpus=8, egress=5e9, usd_per_hour=0.3)
    asked = question(node("big", egress=25e9, usd_per_hour=1.0), size=1.03, zones=3, quota_vcpus=quota)
    mix = planned(replace(asked, node=own, capacities=capacities(capacity("bit/s")))).offers.mix
    assert mix is not None
    assert {part.offer: part.nodes for part in mix.parts} == parts


shapes = st.tuples(st.integers(2, 96), st.floats(1e9, 1e11), st.floats(0.05, 5))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(shapes, min_size=2, max_size=5),
    st.floats(0.05, 50),
    st.floats(0, 0.5),
    st.integers(1, 4),
    st.integers(0, 3),
    st.sampled_from([1.0, 4.0, 19.0, 99.0]),
)
def test_a_mix_costs_no_more_than_the_best_and_carries_as_many_draws(
    facts: list[tuple[int, float, float]], size: float, spread: float, zones: int, spare: int, weight: float
) -> None:
    offers = [
        node(f"offer-{number}", vcpus=vcpus, memory_gib=vcpus * 2.0, egress=egress, usd_per_hour=price)
        for number, (vcpus, egress, price) in enumerate(facts)
    ]
    how = {"zones": zones, "spare_nodes": spare, "underprovision_weight": weight, "target_utilisation": "70%"}
    asked = question(*offers, size=size, spread=spread, **how)
    choice = planned(asked).offers
    mix, best = choice.mix, choice.best
    if best is None:
        assert mix is None
        return
    assert mix is not None
    assert best.usd_per_hour is not None
    assert mix.usd_per_hour <= best.usd_per_hour
    if len(mix.parts) == 1:
        assert (mix.parts[0].offer, mix.nodes) == (best.offer.name, best.nodes)
        return
    assert mix.usd_per_hour <= best.usd_per_hour * (1 - WORTH)
    assert all(part.nodes % zones == 0 and part.nodes > 0 for part in mix.parts)
    nodes = {part.offer: part.nodes for part in mix.parts}
    if "own" not in nodes:
        assert carried(asked, nodes) >= (rank_of(critical_ratio(weight), DRAWS) + 1) / DRAWS
    assert all(math.isfinite(part.usd_per_hour) for part in mix.parts)


@settings(max_examples=40, deadline=None)
@given(st.lists(shapes, min_size=2, max_size=4), st.floats(0.05, 20), st.floats(1, 20), st.floats(0, 0.4))
def test_more_demand_never_costs_less(
    facts: list[tuple[int, float, float]], size: float, more: float, spread: float
) -> None:
    """To within a row of nodes: counts are whole, and pairs are compared at the planned quantile first."""
    offers = [
        node(f"offer-{number}", vcpus=vcpus, memory_gib=vcpus * 2.0, egress=egress, usd_per_hour=price)
        for number, (vcpus, egress, price) in enumerate(facts)
    ]
    costs, best = [], []
    for scale in (size, size * more):
        choice = planned(question(*offers, size=scale, spread=spread, zones=2)).offers
        if choice.mix is None or choice.best is None or choice.best.usd_per_hour is None:
            return
        costs.append(choice.mix.usd_per_hour)
        best.append(choice.best.usd_per_hour)
    row = 2 * max(price for _, _, price in facts)
    assert best[1] >= best[0] * (1 - 1e-9)
    assert costs[1] >= costs[0] * (1 - WORTH) - row
