"""Laws of the node arithmetic, a worked example, and what the CDN is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.capacities.capacity import Binding, Capacities
from advisor.demands.cdn import cdn, equivalent_peak_seconds, length
from advisor.demands.demand import Demand
from advisor.interval import Interval
from advisor.models import Capacity, Excuse
from advisor.plans.headroom import even_nodes
from advisor.plans.plan import Asked, Plan, plan
from loadtests.launch import Launch
from loadtests.region import load_region
from tests.advisor.cases import EVIDENCE, around
from tests.advisor.runs import Town

SURELY = Binding(model="bandwidth", by="only", agreement=1, transfer=0)
BARELY = Binding(model="bandwidth", by="variation", agreement=0.5, transfer=0)


def demand(wire: float, requests: float = 1.0, spread: float = 0.0) -> Demand:
    return Demand(
        region="id",
        viewers=Interval.exact(1000),
        wire=around(wire, spread),
        requests=around(requests, spread),
        joins=around(10, spread),
        all_joins=500,
        wire_per_viewer=around(wire / 1000, spread),
        requests_per_viewer=around(requests / 1000, spread),
        wire_per_join=around(4e6, spread),
        tested_viewers=100,
    )


def capacity(per_node: float, model: str = "bandwidth", *, saturated: bool = True, spread: float = 0.0) -> Capacity:
    unit: Literal["bit/s", "requests/s"] = "bit/s" if model == "bandwidth" else "requests/s"
    interval = around(per_node, spread)
    return Capacity(model=model, unit=unit, per_node=interval, saturated=saturated, evidence=EVIDENCE)


def asked(wire: float, per_node: float = 40e6, *, launch: Launch = Launch(), factor: float = 9.0) -> Asked:  # noqa: B008
    found = Capacities(found=(capacity(per_node),), excuses=(), binding=SURELY)
    return Asked(demand(wire), found, launch, factor)


def launch(utilisation: float = 0.7, zones: int = 3, spare: int = 1) -> Launch:
    return Launch.model_validate(
        {"target_utilisation": f"{utilisation * 100:.6f}%", "zones": zones, "spare_nodes": spare}
    )


def nodes(question: Asked) -> int:
    found = plan(question)
    assert isinstance(found, Plan)
    return found.nodes


def test_a_worked_example() -> None:
    """1 Gbit/s on 40 Mbit/s nodes at 70 %, three zones, one spare: 25, 35.7, 53.6, 54.6, 57."""
    found = plan(asked(1e9))
    assert isinstance(found, Plan)
    assert [step.name for step in found.steps] == ["capacity", "doubt", "utilisation", "zones", "spare", "whole"]
    assert [round(step.nodes, 1) for step in found.steps] == [25.0, 25.0, 35.7, 53.6, 54.6, 57.0]
    assert (found.nodes, found.expected, found.bound) == (57, 57, "needed")


@pytest.mark.parametrize(
    ("zones", "spare", "expected"),
    [
        (1, 0, 36),  # 35.7 rounded up
        (1, 1, 37),  # and one to spare
        (2, 0, 72),  # each zone must do alone
        (4, 0, 48),  # 35.7 x 4/3 = 47.6
    ],
)
def test_zones_and_spares(zones: int, spare: int, expected: int) -> None:
    assert nodes(asked(1e9, launch=launch(zones=zones, spare=spare))) == expected


sizes = st.floats(min_value=1e3, max_value=1e13)
launches = st.builds(launch, st.floats(0.05, 1), st.integers(1, 6), st.integers(0, 5))


@given(sizes, st.floats(1, 100), launches)
def test_more_demand_never_needs_fewer_nodes(wire: float, more: float, how: Launch) -> None:
    assert nodes(asked(wire * more, launch=how)) >= nodes(asked(wire, launch=how))


@given(sizes, st.floats(0.05, 1), st.floats(0.05, 1))
def test_a_tighter_utilisation_never_needs_fewer_nodes(wire: float, one: float, other: float) -> None:
    tight, loose = sorted((one, other))
    assert nodes(asked(wire, launch=launch(tight))) >= nodes(asked(wire, launch=launch(loose)))


@given(sizes, sizes, launches)
def test_what_is_left_after_a_zone_carries_the_demand(wire: float, per_node: float, how: Launch) -> None:
    total = nodes(asked(wire, per_node, launch=how))
    left = total - total // how.zones if how.zones > 1 else total
    assert total % how.zones == 0
    assert left * per_node * how.target_utilisation >= wire * (1 - 1e-6)


@given(sizes, sizes, st.booleans(), st.floats(0, 100), st.floats(0, 0.9))
def test_a_region_has_a_plan_or_an_excuse(
    wire: float, per_node: float, saturated: bool, factor: float, spread: float
) -> None:
    limit = capacity(per_node, saturated=saturated, spread=spread)
    found = plan(
        Asked(
            demand(wire, spread=spread),
            Capacities(found=(limit,), excuses=(), binding=SURELY),
            Launch(),
            factor,
        )
    )
    match found:
        case Plan():
            assert found.nodes >= found.expected >= 1
            assert found.bound == ("needed" if saturated else "at_most")
        case Excuse():
            assert not saturated
            assert factor > 2
            assert found.remedy.text


def test_an_unsaturated_node_is_not_planned_for_past_twice_the_tested_load() -> None:
    known = Capacities(found=(capacity(40e6, saturated=False),), excuses=(), binding=SURELY)
    assert isinstance(plan(Asked(demand(1e9), known, Launch(), 2.0)), Plan)
    excuse = plan(Asked(demand(1e9), known, Launch(), 2.003, tested=299.6))
    assert isinstance(excuse, Excuse)
    assert (excuse.reason.key, excuse.remedy.key) == ("excuse_untested", "remedy_rehearse_more")
    assert "is 2.1 times" in excuse.reason.text, "rounded up: 2.0 would not be more than 2"
    assert "Rehearse with 301 viewers or more" in excuse.remedy.text
    assert isinstance(plan(Asked(demand(1e9), known, Launch(), 299.6 * 2.003 / 301, tested=301)), Plan)


def test_without_any_capacity_there_is_an_excuse() -> None:
    nothing = Capacities(found=(), excuses=(), binding=SURELY)
    assert isinstance(plan(Asked(demand(1e9), nothing, Launch(), 1.0)), Excuse)


def test_two_limits_are_planned_on_the_one_that_asks_for_more() -> None:
    both = Capacities(found=(capacity(40e6), capacity(10, "request_rate")), excuses=(), binding=BARELY)
    found = plan(Asked(demand(1e9, requests=1000), both, Launch(), 9.0))
    assert isinstance(found, Plan)
    assert (found.binding, found.nodes) == ("request_rate", 216)


def test_floating_point_dust_buys_no_node() -> None:
    assert even_nodes(3 * (0.1 + 0.2) / 0.3, 3) == 3
    assert even_nodes(0.0, 3) == 3


@dataclass(frozen=True)
class Flat:
    level: float

    def viewers(self, at: float) -> float:
        return self.level


def test_volume_counts_viewer_seconds_without_warm_up() -> None:
    shape = Town(warm_up=10, quiet=20, ramp=10, hold=30, fall=5).shape
    assert length(shape.phases()) == 65
    assert equivalent_peak_seconds(Flat(7).viewers, shape.phases()) == 65
    assert 30 < equivalent_peak_seconds(shape.viewers, shape.phases()) < 65


def test_money_is_volume_times_the_list_price() -> None:
    town = replace(Town(), quiet=20, ramp=30, hold=40, fall=10)
    found = cdn(demand(8e9), load_region("in"), town.scenario)
    assert found.hour_gb.mid == pytest.approx(3600)
    assert found.hour_usd.mid == pytest.approx(3600 * 0.109)
    assert found.event_gb.mid == pytest.approx(equivalent_peak_seconds(town.shape.viewers, town.shape.phases()) + 0.25)
    assert (found.price.as_of, found.price.confidence) == ("2026-08", "derived")
    assert "list price" in found.price.source
