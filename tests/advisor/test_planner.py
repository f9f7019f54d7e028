"""The planner by example: how sure, how many before the surge, what drives the doubt, what to buy and what not."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from advisor.demands.rise import Rise, rise
from advisor.figures import number
from advisor.interval import Interval
from advisor.offers.catalog import load_catalog, node_of, offers_of, one_of_each
from advisor.offers.offer import Offer
from advisor.pages.planning import offer_rows, planning_lines, slack_text, step_by, step_text
from advisor.plans.asked import Asked
from advisor.plans.drawing import DRAWS, drawn, scores
from advisor.plans.headroom import folded, headroom
from advisor.plans.lead import PRIOR, Part
from advisor.plans.plan import Plan
from advisor.plans.regret import critical_ratio, rank_of, regrets
from loadtests.launch import Launch
from loadtests.scaling import Launches, Scaling
from loadtests.shapes import lay
from tests.advisor.cases import around
from tests.advisor.questions import capacities, capacity, demand, launch, node, planned
from tests.house.tree import rows

OWN = node("own", vcpus=8, memory_gib=16, egress=5e9, usd_per_hour=0.5)


def after(seconds: float) -> tuple[Part, ...]:
    """A time to capacity that was measured, and is known exactly."""
    return tuple(
        part.model_copy(update={"seconds": Interval.exact(seconds if part.name == "node" else 0.0)}) for part in PRIOR
    )


def question(**fields: object) -> Asked:
    """30 Gbit/s on nodes of 1 Gbit/s, with no headroom where nothing is said."""
    base = Asked(demand(), capacities(capacity("bit/s")), launch(), 9.0, node=OWN)
    return replace(base, **fields)  # type: ignore[arg-type]


# Draws


def test_draws_have_the_quantiles_of_their_interval() -> None:
    skewed = Interval(low=50, mid=100, high=400, coverage=0.8, samples=10)
    found = np.quantile(drawn(skewed, scores("anything")), [0.1, 0.5, 0.9])
    assert found == pytest.approx([50, 100, 400], rel=0.01)


def test_scores_are_standard_normal_come_in_pairs_and_belong_to_a_name() -> None:
    one = scores("one")
    assert np.array_equal(one, -one[::-1])
    assert (one.mean(), one.std()) == pytest.approx((0, 1), abs=0.001)
    assert abs(float(np.corrcoef(one, scores("two"))[0, 1])) < 0.03
    assert np.array_equal(one, scores.__wrapped__("one"))


@pytest.mark.parametrize("interval", [Interval.exact(7.0), Interval.exact(0.0)])
def test_an_exact_figure_has_no_spread(interval: Interval) -> None:
    assert set(drawn(interval, scores("exact"))) == {interval.mid}


def test_an_end_of_zero_and_a_coverage_of_zero_are_drawn_all_the_same() -> None:
    odd = Interval(low=0, mid=0, high=5, coverage=0, samples=1)
    found = drawn(odd, scores("odd"))
    assert np.isfinite(found).all()
    assert (found > 0).all()


# The count


def test_the_count_is_that_of_the_closed_form() -> None:
    """Two log-normals: the 95 % quantile of their ratio is known."""
    how = launch(underprovision_weight=19)
    big, doubt = 1000.0, math.log(1.2) / NormalDist().inv_cdf(0.95)
    skewed = Interval(low=30e12 / 1.2, mid=30e12, high=30e12 * 1.2, coverage=0.9, samples=30)
    asked = demand(big).model_copy(update={"wire": skewed})
    limit = capacity("bit/s").model_copy(
        update={"per_node": Interval(low=1e9 / 1.2, mid=1e9, high=1.2e9, coverage=0.9, samples=30)}
    )
    found = planned(question(demand=asked, capacities=capacities(limit), launch=how))
    truth = 30 * big * math.exp(NormalDist().inv_cdf(0.95) * doubt * math.sqrt(2))
    assert found.nodes == pytest.approx(truth, rel=0.01)
    assert found.likely.mid == pytest.approx(30 * big, rel=0.005)


@pytest.mark.parametrize("weight", [1.0, 1.25, 4.0, 19.0, 99.0])
def test_the_count_is_regretted_least_of_all_counts(weight: float) -> None:
    found = planned(question(demand=demand(1, 0.2), launch=launch(underprovision_weight=weight)))
    asked, carried = scores("demand id"), capacity("bit/s").per_node
    needed = np.sort(np.ceil(drawn(around(30e9, 0.2), asked) / drawn(carried, asked) - 1e-9))
    costs = {
        count: float((np.maximum(count - needed, 0) + weight * np.maximum(needed - count, 0)).mean())
        for count in range(int(needed[-1]) + 2)
    }
    assert costs[found.nodes] == pytest.approx(min(costs.values()), abs=1e-12)
    assert found.quantile == critical_ratio(weight)


def test_the_regret_curve_holds_the_count_and_stays_short() -> None:
    needed = np.sort(np.ceil(drawn(around(1e6, 0.3), scores("x"))))
    curve = regrets(needed, int(needed[rank_of(0.95, DRAWS)]), 19.0, 3)
    assert int(needed[rank_of(0.95, DRAWS)]) in [point.nodes for point in curve]
    assert len(curve) <= 42
    assert all(b.too_many >= a.too_many and b.too_few <= a.too_few for a, b in pairwise(curve))


def test_each_step_of_headroom_is_seen() -> None:
    how = launch(target_utilisation="50%", zones=3, lose_nodes=2, spare_nodes=1, minimum_nodes=96)
    found = planned(question(launch=how))
    told = [(step.name, step.nodes) for step in found.steps]
    names = ["capacity", "doubt", "utilisation", "zones", "lose", "spare", "minimum", "whole"]
    assert told == list(zip(names, [30, 30, 60, 90, 92, 93, 96, 96], strict=True))


def test_the_steps_end_at_the_count() -> None:
    found = planned(question(demand=demand(1, 0.3), launch=Launch()))
    assert (found.steps[-1].nodes, found.steps[-1].expected) == (found.nodes, found.expected)
    ordered = np.array([found.steps[1].nodes])
    assert folded(headroom(Launch()), ordered)[0] == found.nodes


# Before the surge


def test_what_comes_within_the_time_to_capacity_must_stand_before() -> None:
    """A tenth is there, half of the peak comes within 60 s: 18 of 30 nodes."""
    course = Rise(0.1, (0.0, 60.0, 120.0), (0.0, 0.5, 0.9))
    found = planned(question(rise=course, measured=after(60)))
    assert (found.nodes, found.ready) == (30, 18)
    assert found.rise == pytest.approx(0.6)
    assert planned(question(rise=course, measured=after(0))).ready == 3
    assert planned(question(rise=course, measured=after(500))).ready == 30
    assert planned(question(measured=after(0))).ready == 30, "nobody knows the course"


SLOW = Rise(0.1, (0.0, 60.0, 600.0), (0.0, 0.1, 0.9))
SOON = Rise(0.01, (0.0, 30.0, 60.0), (0.0, 0.79, 0.99))


def test_where_joins_bind_their_own_course_says_what_must_stand_before_the_surge() -> None:
    """500 joins/s on 50 of a node: all of the ten within a minute, eight of them within half a minute."""
    joining = question(capacities=capacities(capacity("joins/s")), rise=SLOW, joining=SOON, measured=after(30))
    found = planned(joining)
    assert (found.nodes, found.ready, found.sooner) == (10, 8, None)
    assert "joins per second grow to 80% of their peak" in planning_lines("en", found)[1]
    assert "每秒进入的观众数会涨到其峰值的 80%" in planning_lines("zh", found)[1]
    late = planned(replace(joining, measured=after(60)))
    assert late.ready == 10
    assert "joins per second may reach their peak" in planning_lines("en", late)[1]
    assert planned(replace(joining, joining=None)).ready == 10, "nobody knows their course"


def test_of_two_resources_that_may_bind_the_one_that_is_asked_for_sooner_decides_what_stands_before() -> None:
    """30 nodes for the bits, a fifth of them before the surge; 10 for the joins, all before."""
    either = capacities(capacity("bit/s"), capacity("joins/s"))
    asked = question(capacities=either, rise=SLOW, joining=SOON, measured=after(60))
    found = planned(asked)
    assert (found.unit, found.nodes, found.ready, found.sooner) == ("bit/s", 30, 10, "joins/s")
    assert planning_lines("en", found)[1].startswith("10 of them must stand before the surge")
    assert "joins per second grow to 100% of their peak" in planning_lines("en", found)[1]
    assert planned(replace(asked, is_brief=True)).ready == 10
    few = planned(replace(asked, capacities=capacities(capacity("bit/s"), capacity("joins/s", 2))))
    assert (few.ready, few.sooner) == (6, None), "five for the joins, six for the bits"
    doubtful = planned(replace(asked, measured=PRIOR, demand=demand(1, 0.3)))
    assert sum(driver.ready for driver in doubtful.drivers) == pytest.approx(1)


def test_the_rise_of_a_ramp() -> None:
    phases = lay(("warm_up", 50.0), ("baseline", 20.0), ("ramp", 100.0), ("peak", 30.0))

    def viewers(at: float) -> float:
        return 1000.0 if at < 50 else 100.0 + 9.0 * min(100.0, max(0.0, at - 70.0))

    found = rise(viewers, phases)
    assert found is not None
    assert found.before == pytest.approx(0.1)
    assert found.ready(np.array([0.0, 50.0, 100.0, 1e6])) == pytest.approx([0.1, 0.55, 1.0, 1.0])
    assert rise(lambda _: 0.0, phases) is None


def test_a_day_long_course_is_looked_at_in_steps() -> None:
    found = rise(lambda at: min(1.0, at / 43200), lay(("ramp", 86400.0)))
    assert found is not None
    assert found.ready(np.array([4320.0]))[0] == pytest.approx(0.1, abs=0.01)


# What drives the doubt


def test_the_one_that_is_not_known_drives_the_spread() -> None:
    course = Rise(0.1, (0.0, 600.0), (0.0, 0.9))
    doubtful = planned(question(demand=demand(1, 0.3), measured=after(60), rise=course))
    first = doubtful.drivers[0]
    assert (first.name, first.peak, first.ready) == ("demand", 1, 1)
    late = planned(question(rise=course))
    assert (late.drivers[0].name, late.drivers[0].ready) == ("lead", 1)
    assert [one.ready for one in planned(question()).drivers] == [0, 0, 0]
    both = planned(question(demand=demand(1, 0.2), capacities=capacities(capacity("bit/s", 1, 0.1))))
    shares = {one.name: one.peak for one in both.drivers}
    assert shares["demand"] == pytest.approx(0.8, abs=0.03)
    assert sum(shares.values()) == pytest.approx(1)


# Offers


def codes(found: Plan) -> dict[str, str]:
    return {excuse.about: excuse.reason.key for excuse in found.offers.refused}


def test_bandwidth_goes_with_the_link_to_the_internet() -> None:
    """The node rehearsed filled a fifth of its link: so does the other, and never more than all of it."""
    wide = node("wide", vcpus=8, memory_gib=16, egress=50e9, usd_per_hour=0.6)
    found = planned(question(offers=(wide,)))
    best = found.offers.best
    assert best is not None
    assert (best.offer.name, best.nodes) == ("wide", 3)
    assert best.usd_per_hour == pytest.approx(1.8)
    (row,) = [one for one in best.constraints if one.name == "bandwidth"]
    assert row.carried.mid == pytest.approx(30e9)
    assert row.carried.low < 30e9 / 1.15
    over = planned(question(capacities=capacities(capacity("bit/s", 8)), offers=(wide,)))
    (row,) = [one for one in (over.offers.best or over.offers.alternatives[0]).constraints if one.name == "bandwidth"]
    assert row.carried.mid <= 50e9


@pytest.mark.parametrize(("exponent", "nodes"), [(1.0, 3), (0.5, 5)])
def test_requests_go_with_vcpus_as_far_as_the_scenario_says(exponent: float, nodes: int) -> None:
    """20,000 requests/s on 2,000 per node of 8 vCPUs; 32 vCPUs carry 8,000, or 4,000 by the square root."""
    large = node("large", vcpus=32, memory_gib=64, egress=20e9, usd_per_hour=1)
    how = launch(vcpu_exponent=exponent)
    found = planned(question(capacities=capacities(capacity("requests/s")), offers=(large,), launch=how))
    assert found.offers.best is not None
    assert (found.offers.best.offer.name, found.offers.best.nodes) == ("large", nodes)


def test_connections_go_with_memory_up_to_what_the_offer_allows() -> None:
    known = capacities(capacity("connections"))
    roomy = node("roomy", memory_gib=160, usd_per_hour=0.1)
    capped = node("capped", memory_gib=160, connections=2500, usd_per_hour=0.1)
    found = planned(question(capacities=known, offers=(roomy, capped)))
    assert found.offers.best is not None
    assert (found.offers.best.offer.name, found.offers.best.nodes) == ("roomy", 1)
    assert {one.offer.name: one.nodes for one in found.offers.alternatives}["capped"] == 4


def test_no_link_is_more_than_full_even_where_requests_bind() -> None:
    """30 Gbit/s: whatever the vCPUs say, 2 Gbit/s links need fifteen nodes."""
    thin = node("thin", vcpus=64, memory_gib=64, egress=2e9, usd_per_hour=0.01)
    found = planned(question(capacities=capacities(capacity("requests/s")), offers=(thin,)))
    assert found.offers.best is not None
    assert (found.offers.best.nodes, found.offers.best.binding) == (15, "bandwidth")


def bound_by(seen: float, *offers: Offer, **fields: object) -> Plan:
    """Bandwidth was the limit; of requests a node has shown ``seen`` × 2000, and may carry more."""
    known = capacities(capacity("bit/s"), capacity("requests/s", seen, saturated=False))
    return planned(question(capacities=known, offers=offers, **fields))


def test_no_offer_is_asked_for_more_than_was_shown_of_a_resource_that_was_not_the_limit() -> None:
    """700 requests/s on 8 vCPUs are 87.5 on one: 229 nodes for 20,000, whatever its link of 50 Gbit/s carries."""
    pipe = node("pipe", vcpus=1, memory_gib=1, egress=50e9, usd_per_hour=0.1)
    found = bound_by(0.35, pipe)
    assert found.offers.best is not None
    assert (found.offers.best.offer.name, found.offers.best.bound) == ("own", "needed")
    (other,) = found.offers.alternatives
    assert (other.nodes, other.binding, other.bound) == (229, "request_rate", "at_most")
    assert [(row.name, row.known) for row in other.constraints] == [
        ("bandwidth", "limit"),
        ("request_rate", "at_least"),
    ]
    assert "request rate was not tested further" in offer_rows("en", found)[1]["why"]
    large = node("large", vcpus=96, memory_gib=96, egress=50e9, usd_per_hour=0.6)
    best = bound_by(0.35, large).offers.best
    assert best is not None
    assert (best.nodes, best.binding, best.bound) == (3, "bandwidth", "needed"), "what was shown covers it"


@pytest.mark.parametrize("spread", [0.0, 0.3])
@pytest.mark.parametrize("seen", [0.01, 0.3, 3])
def test_what_was_not_tested_asks_for_no_more_nodes_of_an_equal_machine_than_the_plan_does(
    seen: float, spread: float
) -> None:
    twin = OWN.model_copy(update={"name": "twin", "price": None})
    wider = twin.model_copy(update={"name": "wider", "egress": node(egress=50e9).egress})
    found = bound_by(seen, twin, wider, demand=demand(1, spread), launch=launch(underprovision_weight=19))
    alone = planned(question(offers=(twin,), demand=demand(1, spread), launch=launch(underprovision_weight=19)))
    counts = {one.offer.name: one.nodes for one in (found.offers.best, *found.offers.alternatives) if one}
    assert counts["wider"] <= found.nodes
    assert counts["twin"] == next(one.nodes for one in alone.offers.alternatives if one.offer.name == "twin")


def test_bits_that_were_only_shown_go_with_the_machine_and_not_with_its_link() -> None:
    """Requests bind at 10 nodes of 8 vCPUs; a link of twice the width sends no more than was shown of its machine."""
    known = capacities(capacity("requests/s"), capacity("bit/s", 3, saturated=False))
    twin = OWN.model_copy(update={"name": "twin", "egress": node(egress=4e9).egress})
    found = planned(question(capacities=known, offers=(twin,)))
    counts = {one.offer.name: one.nodes for one in (found.offers.best, *found.offers.alternatives) if one}
    assert counts == {"own": 10, "twin": 10}, "4 Gbit/s are enough for the 3 that are asked of it"


def test_an_offer_is_refused_where_what_was_shown_cannot_be_carried_over() -> None:
    found = bound_by(0.35, node("pipe", egress=50e9, usd_per_hour=0.1))
    assert codes(found) == {"pipe": "offer_fact_unknown"}
    assert found.offers.refused[0].reason.values["fact"] == "vcpus"


def test_every_reason_not_to_take_an_offer_has_its_code() -> None:
    def at(name: str, zones: dict[str, int] | None, **facts: float) -> Offer:
        facts = {"vcpus": 8, "memory_gib": 16, "egress": 5e9, "usd_per_hour": 1.0} | facts
        return node(name, **facts).model_copy(update={"provider": "acme", "zones": zones})

    offers = (
        at("absent", {"north": 0}),
        at("unlisted", {"south": 3}),
        at("narrow", {"north": 1}),
        at("hungry", {"north": 3}, vcpus=400),
        at("tiny", {"north": 3}, egress=1e6),
        node("silent", vcpus=8),
        at("dear", None, usd_per_hour=40),
        at("large", None, egress=50e9, usd_per_hour=9),
        at("larger", None, egress=100e9, usd_per_hour=20),
        at("largest", None, egress=200e9, usd_per_hour=60),
        at("even-larger", None, egress=400e9, usd_per_hour=70),
        at("foreign", {"north": 3}).model_copy(update={"arch": "arm64"}),
    )
    how = launch(zones=3, quota_vcpus={"id": 1000}, buying={"architectures": ["x86_64"]})
    found = planned(question(offers=offers, places={"acme": "north"}, launch=how))
    assert codes(found) == {
        "absent": "offer_not_here",
        "unlisted": "offer_place_unknown",
        "narrow": "offer_few_zones",
        "hungry": "offer_over_quota",
        "tiny": "offer_too_many",
        "silent": "offer_fact_unknown",
        "dear": "offer_dominated",
        "foreign": "offer_architecture",
        "even-larger": "offer_dominated",
    }
    assert found.offers.best is not None
    assert found.offers.best.offer.name == "own"
    assert [one.offer.name for one in found.offers.alternatives] == ["large", "larger", "largest"]
    assert all(one.more_nodes < 0 and (one.dearer or 0) > 0 for one in found.offers.alternatives)


def test_an_offer_of_unknown_price_comes_last_and_is_not_refused() -> None:
    free = node("unpriced", vcpus=8, memory_gib=16, egress=500e9)
    found = planned(question(offers=(free,)))
    assert found.offers.best is not None
    assert found.offers.best.offer.name == "own"
    assert [(one.offer.name, one.dearer) for one in found.offers.alternatives] == [("unpriced", None)]
    three = planned(question(offers=tuple(free.model_copy(update={"name": f"unpriced-{n}"}) for n in range(4))))
    assert list(codes(three).values()) == ["offer_price_unknown"]


def test_where_the_node_rehearsed_is_not_known_other_offers_say_what_to_fill_in() -> None:
    found = planned(question(node=node("bare"), offers=load_catalog("ec2")[:2], places={"aws": "us-east-1"}))
    assert set(codes(found).values()) == {"offer_node_unknown"}
    assert found.offers.refused[0].reason.values["fact"] == "egress"
    assert "launch.node" in found.offers.refused[0].remedy.text


def test_a_quota_that_is_too_small_is_the_headline() -> None:
    found = planned(question(launch=launch(quota_vcpus={"id": 200})))
    assert found.constraints[0].name == "quota"
    assert found.constraints[0].slack == pytest.approx(1 - 240 / 200)
    assert codes(found) == {"own": "offer_over_quota"}
    assert found.offers.best is None
    assert "short by 20%" in planning_lines("en", found)[-1]


def test_slack_is_what_is_left_of_every_resource_the_tightest_first() -> None:
    known = capacities(capacity("bit/s"), capacity("requests/s", 0.5, saturated=False))
    found = planned(question(capacities=known, launch=launch(target_utilisation="50%")))
    told = [(row.name, row.known, round(row.slack, 3)) for row in found.constraints]
    assert told == [("bandwidth", "limit", 0.5), ("request_rate", "at_least", 0.667)]


@pytest.mark.parametrize(("share", "slack"), [(0.5, "at least 33.3%"), (0.2, "not tested that far")])
def test_what_was_never_driven_to_its_limit_is_never_called_short(share: float, slack: str) -> None:
    known = capacities(capacity("bit/s"), capacity("requests/s", share, saturated=False))
    plain = launch(target_utilisation="100%", zones=1, spare_nodes=0)
    found = planned(question(capacities=known, launch=plain))
    assert [row.name for row in found.constraints] == ["bandwidth", "request_rate"], "what binds is the headline"
    assert "egress bandwidth" in planning_lines("en", found)[-1]
    rows = [slack_text("en", row, row.slack) for row in found.constraints]
    assert rows[-1] == slack
    bare = capacities(capacity("requests/s", share, saturated=False))
    untold = planned(question(capacities=bare, launch=plain, factor=1.5))
    for lang, word in (("en", "No limit was reached"), ("zh", "没有测到任何极限")):
        assert word in planning_lines(lang, untold)[-1]


def test_starting_thousands_of_nodes_is_a_part_of_the_time_to_capacity() -> None:
    """Of 3,000 nodes those that stand must carry what comes until the last of the others has been started."""
    ec2 = load_catalog("ec2")[2]
    course = Rise(0.1, (0.0, 10.0, 600.0), (0.0, 0.0, 0.9))
    many = question(demand=demand(100), node=ec2, rise=course, measured=after(100), places={"aws": "us-east-1"})
    found = planned(many)
    assert found.starting == pytest.approx((found.nodes - found.ready - 1000) / 2, abs=1)
    assert found.lead.mid == pytest.approx(100 + found.starting)
    share = float(course.ready(np.array([found.lead.mid]))[0])
    assert found.ready == pytest.approx(found.nodes * share, abs=1)
    assert found.ready > planned(replace(many, node=OWN)).ready, "a provider that starts all at once needs fewer before"
    (row,) = [one for one in found.constraints if one.name == "launch_rate"]
    assert (row.asked.mid, row.carried.mid) == pytest.approx((found.starting, found.lead.mid), abs=1)
    assert any("has begun to start" in line for line in planning_lines("en", found))
    own = many.launch.model_copy(update={"scaling": Scaling(launches=Launches(burst=10, per_second=0.5))})
    slow = planned(replace(many, launch=own))
    assert slow.starting == pytest.approx((slow.nodes - slow.ready - 10) / 0.5, abs=2)
    assert slow.starting > found.starting, "the scenario's word goes before the offer's"


def test_an_offer_whose_nodes_start_too_slowly_says_so() -> None:
    slow = load_catalog("ec2")[2].model_copy(update={"zones": None})
    course = Rise(0.1, (0.0, 10.0, 600.0), (0.0, 0.0, 0.9))
    found = planned(question(demand=demand(100), offers=(slow,), rise=course, measured=after(100)))
    best = found.offers.best
    assert best is not None
    assert best.offer == slow
    (row,) = [one for one in best.constraints if one.name == "launch_rate"]
    assert row.carried.mid == 100
    assert row.slack < 0


# The page


def test_the_worked_example_of_the_page() -> None:
    how = Launch.model_validate({"node": "c7g.4xlarge", "offers": ["ec2"]})
    found = planned(
        Asked(
            demand(1, 0.1),
            capacities(capacity("bit/s", 3, 0.05)),
            how,
            9.0,
            node=node_of(how),
            offers=one_of_each(offers_of(how), node_of(how)),
            places={"aws": "ap-southeast-3"},
        )
    )
    wanted = [
        [step_text("en", found, step), step_by(found, step), number(step.nodes), number(step.expected)]
        for step in found.steps
    ]
    page = [row for row in rows(Path("docs/planning.md")) if len(row) == 4]
    assert [row for row in page if row in wanted] == wanted
    assert (found.likely.low, found.likely.mid, found.likely.high) == (21, 24, 27)
