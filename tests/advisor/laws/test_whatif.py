"""Laws of every counterfactual, and of all of them together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from advisor.changes.carried import MOST, Carried
from advisor.changes.case import Case, Changed, at_load
from advisor.changes.whatif import Outcome, Question, answer, compose, what_if
from advisor.counterfactuals import Counterfactual, counterfactuals
from advisor.counterfactuals.jitter import Jitter
from advisor.counterfactuals.lead_time import LeadTime
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.plans.lead import PRIOR, PartName
from advisor.plans.plan import Plan, plan
from loadtests.launch import Launch
from tests.advisor.cases import capacity, case_of

launches = st.builds(
    Launch,
    zones=st.integers(1, 5),
    spare_nodes=st.integers(0, 3),
    target_utilisation=st.integers(30, 100).map(lambda percent: f"{percent}%"),
)
capacities = st.lists(
    st.builds(
        capacity,
        st.sampled_from(["bandwidth", "request_rate"]),
        st.floats(1e2, 1e9),
        saturated=st.booleans(),
        spread=st.floats(0, 0.5),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda one: one.model,
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return case_of(
        *draw(capacities),
        viewers=draw(st.floats(1, 1e6)),
        launch=draw(launches),
        factor=draw(st.floats(0.5, 20)),
        spread=draw(st.floats(0, 0.3)),
    )


def usual(case: Case) -> list[Counterfactual]:
    return [one for kind in counterfactuals() for one in kind.usual(case)]


def numbers(value: object) -> Iterator[float]:
    match value:
        case dict():
            for part in value.values():
                yield from numbers(part)
        case list() | tuple():
            for part in value:
                yield from numbers(part)
        case bool():
            return
        case float() | int():
            yield value


@given(cases())
def test_the_same_case_gives_the_same_answer_and_never_a_figure_that_is_none(case: Case) -> None:
    first, second = (what_if([case], Question(nodes=6)) for _ in range(2))
    assert first == second
    assert all(math.isfinite(number) for number in numbers(first.model_dump()))


@given(cases())
def test_every_change_answers_with_a_plan_or_an_excuse(case: Case) -> None:
    for one in usual(case):
        found = one.apply(case)
        assert found is None or isinstance(found, Changed | Excuse)
        if isinstance(found, Changed):
            assert isinstance(plan(found.case.asked), Plan | Excuse)


@given(cases(), st.data())
def test_a_change_that_only_lowers_demand_never_gives_more_nodes(case: Case, data: st.DataObject) -> None:
    before = answer(case)
    one = data.draw(st.sampled_from(usual(case)))
    found = one.apply(case)
    if not isinstance(found, Changed) or not only_lowers(case, found.case):
        return
    after = answer(found.case, case, before)
    if before.nodes is not None:
        assert after.nodes is not None
        assert after.nodes <= before.nodes
        assert (after.ready or 0) <= (before.ready or 0)
        assert after.usd.mid <= before.usd.mid * (1 + 1e-9)


def only_lowers(case: Case, other: Case) -> bool:
    now, then = case.asked.demand, other.asked.demand
    same = case.asked.launch == other.asked.launch and case.size == other.size
    less = all(
        getattr(then, name).high <= getattr(now, name).high
        for name in ("wire", "requests", "joins", "wire_per_viewer", "wire_per_join")
    )
    return same and less and other.asked.factor <= case.asked.factor


@given(cases())
def test_nothing_composed_changes_nothing(case: Case) -> None:
    found = compose(case, ())
    assert found == (case, ())
    assert answer(case, case, answer(case)) == answer(case)


@given(cases(), st.floats(0, 1000), st.floats(0, 1000))
def test_a_slower_boot_never_needs_fewer_nodes_before_the_surge(case: Case, one: float, other: float) -> None:
    early = []
    for seconds in sorted((one, other)):
        found = LeadTime(part="boot", seconds=seconds).apply(case)
        early.append(answer(found.case if isinstance(found, Changed) else case).ready)
    assert (early[0] is None) == (early[1] is None)
    assert (early[0] or 0) <= (early[1] or 0)


waits = st.lists(st.floats(0, 500).map(lambda seconds: round(seconds, 3)), min_size=3, max_size=3).map(sorted)


@given(
    cases(),
    waits,
    st.one_of(st.just(0.0), st.floats(1e-3, 1)),
    st.sampled_from(["metrics", "decision", "node", "image", "boot"]),
)
def test_a_shorter_part_never_needs_more_nodes_before_the_surge(
    case: Case, wait: list[float], share: float, part: PartName
) -> None:
    """However far its ends are apart: not even where the middle was below the new high end."""
    low, mid, high = wait
    seconds = Interval(low=low, mid=mid, high=high, coverage=0.9, samples=0)
    case = case.waiting(next(one for one in PRIOR if one.name == part).model_copy(update={"seconds": seconds}))
    found = LeadTime(part=part, seconds=high * share).apply(case)
    then = found.case if isinstance(found, Changed) else case
    assert (answer(then).ready or 0) <= (answer(case).ready or 0)
    assert then.lead.total.mid <= case.lead.total.mid + 1e-9


@given(cases(), st.integers(1, 3600), st.integers(1, 3600))
def test_joins_spread_further_never_need_more_nodes_before_the_surge(case: Case, one: int, other: int) -> None:
    most = answer(case).ready or 0
    for seconds in sorted((one, other)):
        found = Jitter(seconds=seconds).apply(case)
        assert isinstance(found, Changed)
        ready = answer(found.case).ready or 0
        assert ready <= most * 1.001  # a rise is worked out at some waits, and lies between them at others
        most = ready


@given(cases(), st.floats(1, 1e5), st.floats(0, 1e-6), st.integers(1, 500))
def test_nodes_that_held_a_rehearsal_carry_no_fewer_viewers_than_it_had(
    case: Case, shown: float, little: float, nodes: int
) -> None:
    """However little was seen of joins and connections: that many came is no sign that no more may."""
    found = case.asked.capacities
    seen = [one.model_copy(update={"saturated": False}) for one in found.found]
    chance = [capacity(model, little, saturated=False) for model in ("joins", "connections")]
    asked = replace(case.asked, capacities=found.model_copy(update={"found": (*seen, *chance)}))
    whatif = what_if([replace(case, asked=asked, shown=shown)], Question(nodes=nodes))
    assert isinstance(whatif.carried, Carried)
    assert whatif.carried.viewers.low >= shown * nodes * (1 - 1e-9)
    assert whatif.carried.binding in ("bandwidth", "request_rate")


@given(cases(), st.integers(1, 99))
def test_fewer_viewers_of_the_same_mix_load_no_resource_further(case: Case, percent: int) -> None:
    before = answer(case)
    fewer = case.audience(1 - percent / 100)
    after = answer(fewer, case, before)
    assert after.untested is None
    assert after.nodes == answer(fewer).nodes


@given(cases(), st.integers(1, 500))
def test_more_nodes_carry_no_smaller_audience(case: Case, nodes: int) -> None:
    few, many = (what_if([case], Question(nodes=count)).carried for count in (nodes, nodes + 1))
    assert isinstance(few, Excuse) == isinstance(many, Excuse)
    if not isinstance(few, Excuse) and not isinstance(many, Excuse):
        assert few.viewers.low <= many.viewers.low
        assert (few.headroom or 0) <= (many.headroom or 0) * 1.002 + 1  # each is found to a thousandth


@given(cases(), st.integers(1, 500))
def test_the_audience_with_headroom_fits_and_one_percent_more_does_not(case: Case, nodes: int) -> None:
    found = what_if([case], Question(nodes=nodes)).carried
    viewers = case.edge.viewers.mid
    if isinstance(found, Excuse) or not found.headroom or found.headroom >= 0.99 * MOST * viewers:
        return
    fits = plan(at_load(case.asked, found.headroom / viewers * (1 - 1e-6)))
    assert isinstance(fits, Plan)
    assert fits.nodes <= nodes
    more = plan(at_load(case.asked, (found.headroom + 2) / viewers * 1.01))
    assert not isinstance(more, Plan) or more.nodes > nodes


@given(cases())
def test_outcomes_are_in_order_and_what_does_not_help_says_why(case: Case) -> None:
    (region,) = what_if([case], Question(nodes=6)).regions
    helping = [one.helps for one in region.outcomes]
    assert helping == sorted(helping, reverse=True)
    saved = [one.saved for one in region.outcomes if one.helps]
    assert saved == sorted(saved, reverse=True)
    for one in region.outcomes:
        assert isinstance(one, Outcome)
        assert one.helps == (one.why_not is None)


@given(cases())
def test_an_excuse_of_the_plan_stays_one_whatever_raises_demand(case: Case) -> None:
    if isinstance(plan(case.asked), Plan):
        return
    worse = replace(case.audience(2.0))
    assert isinstance(plan(worse.asked), Excuse)
