"""What the launch asks for: parsed loudly, scaled from the seconds in which budgets held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advising import advise
from advisor.cdns.letter import letter
from advisor.demands.cost import MOST_SECONDS, Load, cost, joining, seconds_of
from advisor.demands.demand import audience_of, demands, parse_audience
from advisor.measured.measure import measure
from advisor.pages.summary import summary
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from loadtests.errors import CannotMeasure, InputError
from loadtests.run import Run
from tests.advisor.conftest import Maker
from tests.advisor.runs import Town, run_of


def test_reads_an_audience() -> None:
    assert parse_audience("id=40000, in=25_000") == {"id": 40000, "in": 25000}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected REGION=VIEWERS"),
        ("id", "found 'id'"),  # no number
        ("id=many", "found 'id=many'"),  # not a number
        ("id=-5", "found 'id=-5'"),  # not a count
        ("id=4.5", "found 'id=4.5'"),  # half a viewer
        ("id=1,id=2", "given twice"),
        ("id=0", "at least one viewer"),
        ("id=1,,in=2", "found ''"),
    ],
)
def test_refuses_an_audience_that_it_cannot_read(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as refusal:
        parse_audience(text)
    assert refusal.value.exit_code == 2
    assert "--audience id=40000,in=25000" in refusal.value.hint


@given(st.text(max_size=30))
def test_any_text_is_an_audience_or_an_input_error(text: str) -> None:
    try:
        assert all(viewers >= 1 for viewers in parse_audience(text).values())
    except InputError:
        return


def test_a_region_that_was_not_rehearsed_is_named_with_those_that_were(saturated: Run) -> None:
    with pytest.raises(InputError, match=r"'vn' was not rehearsed \(rehearsed: id, in, br\)"):
        audience_of(measure([saturated]), {"vn": 10})


def test_without_an_audience_the_scenario_says_it(saturated: Run) -> None:
    assert audience_of(measure([saturated]), None) == {"id": 40000, "in": 25000, "br": 12000}


def test_without_any_audience_there_is_nothing_to_plan(make: Maker) -> None:
    run = make(Town(seed=41, peak=90, hold=10, audience={"id": 1, "in": 1, "br": 1}))
    found = measure([run])
    launch = found.scenario.launch.model_copy(update={"audience": {}})
    bare = found.model_copy(update={"scenario": found.scenario.model_copy(update={"launch": launch})})
    with pytest.raises(InputError, match="no audience"):
        audience_of(bare, None)


def test_a_viewer_costs_what_the_town_says(make: Maker) -> None:
    town = Town(seed=42, baseline=400, peak=900, egress=1e9, quiet=40)
    for demand in demands(measure([make(town)]), {"id": 1000, "br": 10}):
        truth = town.bits_per_viewer(demand.region)
        assert demand.wire_per_viewer.mid == pytest.approx(truth, rel=0.15)
        assert demand.wire_per_viewer.low <= truth * 1.1
        assert demand.wire.mid >= demand.wire_per_viewer.mid * demand.viewers.mid * 0.99


def test_demand_is_linear_in_the_audience(saturated: Run) -> None:
    measurement = measure([saturated])
    (one,), (ten,) = demands(measurement, {"id": 1000}), demands(measurement, {"id": 10000})
    for small, large in ((one.wire, ten.wire), (one.requests, ten.requests), (one.joins, ten.joins)):
        assert large.mid == pytest.approx(10 * small.mid)
        assert large.high == pytest.approx(10 * small.high)


def test_joins_are_those_of_the_steepest_seconds(saturated: Run) -> None:
    (demand,) = demands(measure([saturated]), {"id": 150})
    steepest = max(saturated.windows, key=lambda window: window.players.joins if window.region == "id" else -1)
    assert 0 < demand.joins.mid <= steepest.players.joins
    assert demand.joins.low < demand.joins.mid < demand.joins.high


def test_a_target_that_was_never_healthy_cannot_say_what_a_viewer_costs(make: Maker) -> None:
    run = make(Town(seed=43, egress=10e6, nodes=1, baseline=200, peak=300, hold=10, quiet=5, warm_up=10))
    with pytest.raises(CannotMeasure, match="budgets held below the limit in") as refusal:
        demands(measure([run]), {"id": 1000})
    assert "surge.baseline" in refusal.value.hint


def test_watching_and_joining_are_told_apart() -> None:
    viewers, joins = np.linspace(50, 200, 40), np.linspace(0, 30, 40) ** 1.5
    found = joining(Load(range(40), list(viewers), list(joins), list(3.0 * viewers + 21.0 * joins)), 1)
    assert found.seconds == pytest.approx(7)
    assert found.resampled == pytest.approx(np.full(999, 7))


ROWS = st.lists(st.tuples(st.floats(1, 1e4), st.floats(0, 1e3), st.floats(1, 1e9)), min_size=1, max_size=30)


@given(ROWS)
def test_a_join_counts_for_nothing_at_least_and_thirty_seconds_at_most(rows: list[tuple[float, float, float]]) -> None:
    columns = np.array(rows).T
    (found,) = seconds_of(columns[0][None], columns[1][None], columns[2][None])
    assert 0 <= found <= MOST_SECONDS


def test_the_worst_seconds_of_a_surge_are_those_of_its_joins() -> None:
    calm = Load(range(20), [100.0] * 20, [0.0] * 10 + [10.0] * 10, [1000.0] * 10 + [2000.0] * 10)
    surge = Load(range(15), [100.0] * 15, [0.0] * 5 + [20.0] * 5 + [0.0] * 5, [0.0] * 15)
    found = cost(calm, surge, joining(calm, 1), 1)
    assert found
    assert found.viewer.mid == pytest.approx(10, rel=0.01)
    assert found.join.mid == pytest.approx(100, rel=0.01)
    assert found.worst.mid == pytest.approx(3000, rel=0.01)


def test_too_little_has_no_cost() -> None:
    short = Load([1, 2], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0])
    empty = Load(range(9), [0.0] * 9, [0.0] * 9, [1.0] * 9)
    assert cost(short, short, joining(short, 1), 1) is None
    assert cost(empty, empty, joining(empty, 1), 1) is None


def test_a_region_with_too_few_viewers_leaves_the_advice_on_the_others(tmp_path: Path) -> None:
    town = Town(shares={"id": 0.996, "br": 0.004}, audience={"id": 40000, "br": 100})
    run = run_of(town, tmp_path)
    found, alone = advise([run]), advise([run], {"id": 40000})
    assert [region.code for region in found.regions] == ["id"]
    assert found.regions[0].demand == alone.regions[0].demand
    assert [(one.about, one.reason.key) for one in found.left_out] == [("br", "excuse_thin")]
    assert found.totals.nodes is None
    assert alone.totals.nodes is not None
    for lang, word in (("en", "Brazil: Too few viewers"), ("zh", "巴西：观众太少")):
        for text in (Html().render(found, lang), Markdown().render(found, lang), summary(found, lang)):
            assert word in text
    for lang, total in (("en", "All planned regions"), ("zh", "已规划的全部地区")):
        assert [total in Markdown().render(advice, lang) for advice in (found, alone)] == [True, False]
    with pytest.raises(CannotMeasure, match="no region"):
        advise([run], {"br": 100})


def test_what_is_asked_of_a_region_that_is_left_out_is_left_out_too(tmp_path: Path) -> None:
    """A line of CI that names every region does not break on a thin rehearsal."""
    run = run_of(Town(shares={"id": 0.996, "br": 0.004}, audience={"id": 40000, "br": 100}), tmp_path)
    found = advise([run], have="id=2,br=1", suppose=["viewers.br=+10%", "viewers.id=+10%"])
    assert found.whatif is not None
    assert {one.code for one in found.whatif.regions} == {"id"}
    assert found.cdns is not None
    for lang, sentence in (("en", "Not in these figures: Brazil."), ("zh", "以上数字不含巴西：")):
        assert sentence in letter(found, found.cdns, found.cdns.parts[0], lang)
