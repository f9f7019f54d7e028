"""Whether nodes add up: measured from rehearsals with different node counts, or an assumption that says so."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advising import advise
from advisor.capacities.capacity import capacities
from advisor.capacities.nodecount import KEPT, NodeScaling, NodeTotal, scaling_of
from advisor.changes.carried import Carried
from advisor.interval import Interval
from advisor.measured.measure import JUDGED, measure
from advisor.models import Excuse
from advisor.offers.offer import Offer
from advisor.pages.summary import summary
from advisor.plans.asked import Asked
from advisor.plans.headroom import folded, headroom
from advisor.plans.plan import Plan, plan
from advisor.reports.markdown import Markdown
from loadtests.errors import InputError
from loadtests.run import Run
from tests.advisor.conftest import Maker
from tests.advisor.questions import all_finite, capacity, demand, launch, node
from tests.advisor.questions import capacities as made
from tests.advisor.runs import Town, run_of

NODE = 20e6
COUNTS = (1, 2, 4)


def town(nodes: int, share: float = 1.0, **changes: object) -> Town:
    """So many nodes, each delivering a share of what one alone does, driven to twice that."""
    given = {"egress": NODE * share, "nodes": nodes, "seed": 40 + nodes, "baseline": 15 * nodes, "peak": 75 * nodes}
    return Town(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def alike(make: Maker) -> list[Run]:
    """Nodes that add up."""
    return [make(town(nodes)) for nodes in COUNTS]


@pytest.fixture(scope="module")
def sharing(make: Maker) -> list[Run]:
    """Nodes that contend for something: Amdahl with a serial share of 10 %."""
    return [make(town(nodes, 1 / (1 + 0.1 * (nodes - 1)))) for nodes in COUNTS]


def exact(total: float) -> Interval:
    return Interval(low=0.97 * total, mid=total, high=1.03 * total, coverage=0.9, samples=40)


def scaling(*totals: tuple[int, float]) -> NodeScaling:
    return scaling_of("bandwidth", "bit/s", [NodeTotal(nodes=n, total=exact(x), runs=1) for n, x in totals])


def carried(found: Interval | Excuse) -> Interval:
    assert isinstance(found, Interval), found
    return found


def test_nodes_that_add_up_are_seen_to(alike: list[Run]) -> None:
    found = capacities(measure(alike)).scaling
    assert found is not None
    assert [one.nodes for one in found.counts] == list(COUNTS)
    assert found.kept == pytest.approx(1.0, abs=0.06)
    assert carried(found.total(1)).mid == pytest.approx(1.0)
    assert "warn_nodes_lose" not in {one.key for one in advise(alike).warnings}
    eight = carried(found.total(8))
    assert eight.low < 8 < eight.high
    assert eight.mid == pytest.approx(8, rel=0.15)


def test_contention_is_measured_and_extrapolated(sharing: list[Run]) -> None:
    found = capacities(measure(sharing)).scaling
    assert found is not None
    assert found.kept == pytest.approx(1 / 1.3, abs=0.05)
    eight = carried(found.total(8))
    assert eight.low < 8 / 1.7 < eight.high
    assert eight.mid <= 1.1 * 8 / 1.7


def test_limits_of_different_counts_are_never_pooled(sharing: list[Run]) -> None:
    measured = measure(sharing)
    assert (measured.nodes, measured.counts) == (4, COUNTS)
    alone = capacities(measure(sharing[-1:]))
    together = capacities(measured)
    assert together.found == alone.found
    assert together.binding == alone.binding
    assert len(measured.of_nodes(2).runs) == 1
    assert measured.of_nodes(2).nodes == 2
    assert len(measured.of_nodes(2).whole(JUDGED)) < len(measured.whole(JUDGED))
    assert {one.peak for one in (town(4), town(1))} == {300, 75}


def test_the_order_of_the_runs_does_not_matter(sharing: list[Run]) -> None:
    forth, back = (measure(runs) for runs in (sharing, sharing[::-1]))
    assert forth.scenario.target.nodes == back.scenario.target.nodes == 4
    assert capacities(forth).scaling == capacities(back).scaling


def test_one_count_stays_an_assumption(make: Maker) -> None:
    runs = [make(town(2)), make(town(2, seed=99))]
    assert capacities(measure(runs)).scaling is None
    assert "assume_linear" in {one.key for one in advise(runs).assumptions}


def test_the_advice_and_the_report_tell_of_it(sharing: list[Run]) -> None:
    advice = advise(sharing)
    told = {one.key: one for one in advice.assumptions}
    assert "assume_linear" not in told
    assert "1, 2, 4 nodes" in told["assume_nodes_measured"].text
    assert advice.nodes_tested == 4
    assert "warn_nodes_lose" in {one.key for one in advice.warnings}
    page = Markdown().render(advice, "en")
    assert "## How it grows" in page
    assert "| 4 |" in page
    assert "| 8 |" in page
    assert "如何增长" in Markdown().render(advice, "zh")


def test_a_count_whose_limit_was_not_reached_is_not_counted(make: Maker) -> None:
    runs = [make(town(1)), make(town(4, peak=60, baseline=30))]
    advice = advise(runs)
    assert advice.capacities.scaling is None
    assert "warn_nodes_unknown" in {one.key for one in advice.warnings}


def test_other_differences_of_the_target_are_refused(make: Maker) -> None:
    other = make(town(2))
    target = other.header.scenario.target.model_copy(update={"url": "http://other.test/master.m3u8"})
    scenario = other.header.scenario.model_copy(update={"target": target})
    changed = replace(other, header=other.header.model_copy(update={"scenario": scenario}))
    with pytest.raises(InputError, match=r"scenario\.target"):
        measure([make(town(1)), changed])


def test_needed_is_on_the_conservative_ends() -> None:
    found = scaling((1, 100.0), (2, 190.0), (3, 272.0), (4, 346.0))
    nodes = found.needed(Interval(low=300, mid=350, high=400, coverage=0.9, samples=9))
    assert isinstance(nodes, int)
    assert carried(found.rate(nodes)).low >= 400 > carried(found.rate(nodes - 1)).low
    assert nodes > 4


def test_past_twice_the_nodes_is_refused_with_what_to_rehearse() -> None:
    found = scaling((1, 100.0), (2, 195.0))
    refused = found.rate(5)
    assert isinstance(refused, Excuse)
    assert "3" in refused.remedy.text
    asked = found.needed(Interval.exact(500.0))
    assert isinstance(asked, Excuse)
    assert asked.reason.key == "excuse_nodes_far"


def test_the_rehearsal_that_is_named_would_be_enough_where_nodes_share() -> None:
    """By Amdahl with 10 % shared, one node 1 Gbit/s: 7 Gbit/s take 21 nodes."""
    law = shared(0.1, most=4)
    refused = law.needed(exact(7e9))
    assert isinstance(refused, Excuse)
    named = int("".join(letter for letter in refused.remedy.text if letter.isdecimal()))
    assert 2 * named >= 21
    below = law.needed(exact(5e9))
    assert isinstance(below, Excuse)
    assert below.reason.key == "excuse_nodes_far"


def test_where_the_law_levels_off_below_what_is_asked_no_count_is_named() -> None:
    """10 Gbit/s are the ceiling of that law, whatever the count."""
    refused = shared(0.1).needed(exact(30e9))
    assert isinstance(refused, Excuse)
    assert (refused.reason.key, refused.remedy.key) == ("excuse_nodes_ceiling", "remedy_nodes_retrograde")


def test_nodes_that_get_in_each_others_way_have_a_best_number() -> None:
    found = scaling((1, 100.0), (2, 170.0), (4, 200.0), (6, 150.0), (8, 110.0))
    asked = found.needed(Interval.exact(1000.0))
    assert isinstance(asked, Excuse)
    assert asked.reason.key == "excuse_nodes_retrograde"


def test_a_plan_that_the_law_refuses_is_not_named() -> None:
    """One node carries 1 Gbit/s, four 2 Gbit/s: 30 Gbit/s are asked, which no count would deliver by that law."""
    law = scaling((1, 1e9), (4, 2e9))
    found = made(capacity("bit/s", 0.5)).model_copy(update={"scaling": law})
    asked = Asked(demand(), found, launch(), 50.0)
    refused = plan(asked)
    assert isinstance(refused, Excuse)
    assert (refused.about, refused.reason.key) == ("id", "excuse_nodes_ceiling")
    falls = replace(asked, capacities=found.model_copy(update={"scaling": shared(0.02, 0.03, most=12)}))
    refused = plan(falls)
    assert isinstance(refused, Excuse)
    assert refused.reason.key == "excuse_nodes_retrograde", "six deliver 3 Gbit/s, and more deliver less"
    few = replace(asked, demand=demand(0.05))
    assert isinstance(plan(few), Plan), "1.5 Gbit/s are within what was rehearsed"


def test_where_nodes_were_seen_to_share_none_are_planned_past_the_law() -> None:
    rates = {n: 1e9 * n / (1 + 0.1 * (n - 1)) for n in (1, 2, 4)}
    law = scaling(*rates.items())
    refused = law.refusal(exact(6e9), 40)
    assert isinstance(refused, Excuse)
    assert refused.reason.key == "excuse_nodes_far"
    assert law.refusal(exact(2e9), 4) is None
    assert isinstance(law.refusal(exact(2e9), 9), Excuse), "headroom takes it past twice the most"
    alike = scaling((1, 1e9), (2, 2e9), (4, 4e9))
    assert alike.refusal(exact(30e9), 40) is None, "nodes that add up are planned as before"


def shared(serial: float, crosstalk: float = 0.0, most: int = 8) -> NodeScaling:
    """One node carries 1 Gbit/s; up to ``most`` were rehearsed."""
    counts = (n for n in (1, 2, 4, 6, 8, 12) if n <= most)
    return scaling(*((n, 1e9 * n / (1 + serial * (n - 1) + crosstalk * n * (n - 1))) for n in counts))


def asked(law: NodeScaling, gbps: float, *offers: Offer, **fields: object) -> Asked:
    """So many Gbit/s, of nodes that carry what one does among the most rehearsed."""
    each = law.counts[-1].total.mid / law.most / 1e9
    found = made(capacity("bit/s", each)).model_copy(update={"scaling": law})
    own = node("own", vcpus=8, memory_gib=16, egress=5e9, usd_per_hour=0.5)
    return Asked(demand(gbps / 30), found, launch(**fields), 50.0, node=own, offers=offers)


def test_how_full_a_node_is_kept_goes_by_the_law_and_lost_nodes_are_counted_on_top() -> None:
    law = shared(0.05)
    found = plan(asked(law, 3, target_utilisation="70%", zones=3, lose_nodes=1))
    assert isinstance(found, Plan)
    steps = {step.name: step for step in found.steps}
    assert law.worth(1) * steps["utilisation"].nodes > steps["doubt"].nodes / 0.7 * law.worth(1)
    assert steps["zones"].nodes == pytest.approx(1.5 * steps["utilisation"].nodes)
    assert steps["lose"].nodes == pytest.approx(1 + steps["zones"].nodes)
    assert carried(law.rate(found.nodes * 2 // 3)).mid >= 3e9 / 0.7
    assert carried(law.rate(round(steps["utilisation"].nodes))).mid == pytest.approx(3e9 / 0.7, rel=0.08)


def test_nodes_that_carry_it_when_some_are_lost_may_be_too_many_when_none_is() -> None:
    """Six deliver most, 3 Gbit/s. Three are enough for 2.3, ten carry them still, and of twelve that is not sure."""
    law = shared(0.02, 0.03, most=12)
    found = plan(asked(law, 2.3, zones=2, lose_nodes=4))
    assert isinstance(found, Plan)
    assert found.nodes == 10
    refused = plan(asked(law, 2.3, zones=2, lose_nodes=6))
    assert isinstance(refused, Excuse)
    assert refused.reason.key == "excuse_nodes_crowded"
    assert "12 nodes" in refused.reason.text
    assert "less than 6" in refused.reason.text
    fuller = plan(asked(law, 2.3, target_utilisation="60%"))
    assert isinstance(fuller, Excuse)
    assert fuller.reason.key == "excuse_nodes_retrograde"


def test_another_shape_needs_as_many_times_more_as_the_one_rehearsed() -> None:
    twin = node("twin", vcpus=8, memory_gib=16, egress=5e9, usd_per_hour=0.6)
    large = node("large", vcpus=16, memory_gib=32, egress=10e9, usd_per_hour=2)
    question = asked(shared(0.1, most=12), 5.5, twin, large, target_utilisation="90%")
    found = plan(question)
    assert isinstance(found, Plan)
    assert found.offers.best is not None
    counts = {one.offer.name: one.nodes for one in (found.offers.best, *found.offers.alternatives)}
    assert counts["twin"] == found.nodes
    apart = plan(replace(question, capacities=made(question.capacities.found[0])))
    assert isinstance(apart, Plan)
    assert apart.offers.best is not None
    alone = {one.offer.name: one.nodes for one in (apart.offers.best, *apart.offers.alternatives)}
    assert alone["twin"] == apart.nodes < found.nodes
    assert alone["large"] < counts["large"] < counts["twin"]


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.0, 0.3),
    st.floats(0.0, 0.02),
    st.floats(0.1, 8.0),
    st.floats(1.0, 3.0),
    st.floats(0.3, 1.0),
    st.integers(1, 4),
    st.integers(0, 2),
)
def test_headroom_by_the_law(
    serial: float, crosstalk: float, gbps: float, more: float, full: float, zones: int, lose: int
) -> None:
    """A plan or an excuse, no fewer than if nodes added up, what is left carries all, and never fewer for more."""
    law = shared(serial, crosstalk)
    how = {"target_utilisation": f"{full * 100:.6f}%", "zones": zones, "lose_nodes": lose}
    found, larger = plan(asked(law, gbps, **how)), plan(asked(law, gbps * more, **how))
    if isinstance(found, Excuse):
        assert isinstance(larger, Excuse)
        return
    assert all_finite(found.model_dump())
    assert found.nodes >= found.ready >= 1
    if isinstance(larger, Plan):
        assert larger.nodes >= found.nodes
    if found.nodes <= law.reach:
        left = max(1, found.nodes * (zones - 1) // zones if zones > 1 else found.nodes)
        assert carried(law.rate(left)).mid * (1 + 1e-6) >= gbps * 1e9 / full or law.kept >= KEPT
    worth = np.array([law.worth(n) / n for n in range(1, law.reach + 1)])
    if np.all(np.diff(worth) <= 0):
        linear = folded(headroom(launch(**how)), np.array([found.steps[1].nodes]))
        assert found.nodes >= linear[0], "each more node carries less"


def test_todays_nodes_carry_what_the_law_says(sharing: list[Run]) -> None:
    found = advise(sharing, {"id": 400}, have="8")
    assert found.capacities.scaling is not None
    held = found.whatif.regions[0].carried
    four = advise(sharing, {"id": 400}, have="4").whatif.regions[0].carried
    assert isinstance(held, Carried)
    assert isinstance(four, Carried)
    worth = found.capacities.scaling
    assert held.viewers.mid / four.viewers.mid == pytest.approx(worth.worth(8) / worth.worth(4))
    assert held.viewers.mid < 1.9 * four.viewers.mid


def test_one_count_is_no_scaling() -> None:
    with pytest.raises(ValueError, match="two node counts"):
        scaling((2, 100.0))


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 0.4), st.floats(0.0, 0.05), st.floats(10.0, 1e9), st.floats(0.1, 12.0))
def test_more_demand_never_needs_fewer_nodes(serial: float, crosstalk: float, unit: float, asked: float) -> None:
    totals = [(n, unit * n / (1 + serial * (n - 1) + crosstalk * n * (n - 1))) for n in (1, 2, 3)]
    found = scaling(*totals)
    answers = [found.needed(Interval.exact(asked * unit * grown)) for grown in (1.0, 1.2, 2.0)]
    for less, more in pairwise(answers):
        if isinstance(more, int):
            assert isinstance(less, int)
            assert less <= more
    better = scaling(*((n, 1.1 * total) for n, total in totals)).needed(Interval.exact(asked * unit))
    if isinstance(answers[0], int):
        assert isinstance(better, int)
        assert better <= answers[0]


def test_one_node_count_is_not_called_measured_far_beyond_it(tmp_path: Path) -> None:
    run = run_of(Town(nodes=4), tmp_path)
    near, far = advise([run], {"id": 40}), advise([run], {"id": 40_000})
    assert near.sureness != "assumed"
    assert far.sureness == "assumed"
    for lang, word in (("en", "is assumed"), ("zh", "只是假设")):
        assert word in summary(far, lang)
