"""Whether autoscaling can follow: the case is made of the plan, the answer is lived, and the report says it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from advisor import figures
from advisor.advice import Advice
from advisor.advising import advise
from advisor.autoscale.choice import SURE
from advisor.autoscale.hpa import SYNC
from advisor.autoscale.scaling import CALM, DRAWS, PEAK, STEP, Region, ScalingAdvice, scale
from advisor.offers.catalog import load_catalog
from advisor.pages.scaled import answer as scaled_answer
from advisor.pages.scaled import settings as settings_rows
from advisor.plans.headroom import Step
from advisor.plans.lead import time_to_capacity
from advisor.plans.plan import Plan
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from loadtests.flow import joins, planned
from loadtests.launch import Waits
from loadtests.run import Run
from loadtests.scaling import Launches, Scaling, Today

SHORT = {"low": "0s", "mid": "1s", "high": "2s"}
QUICK = Waits.model_validate(dict.fromkeys(("metrics", "decision", "node", "image", "boot"), SHORT))
USUAL, PLAIN = Waits(), Scaling()


def region(advice: Advice, saturated: Run, waits: Waits, scaling: Scaling) -> Region:
    first = advice.regions[0]
    assert isinstance(first.nodes, Plan)
    scenario = saturated.header.scenario
    return Region(
        first.nodes,
        planned(scenario, first.code),
        joins(scenario, first.code),
        float(first.audience),
        scenario.surge.phases(),
        time_to_capacity(waits),
        scaling,
    )


def answer(advice: Advice, saturated: Run, waits: Waits = USUAL, scaling: Scaling = PLAIN) -> ScalingAdvice:
    (found,) = scale([region(advice, saturated, waits, scaling)])
    assert found is not None
    return found


def test_published_waits_mean_pods_ahead_and_nothing_unmet(advice: Advice, saturated: Run) -> None:
    found = answer(advice, saturated)
    assert found.verdict == "prescale"
    assert found.ahead is not None
    assert found.opens is not None
    assert found.opens >= found.wait
    assert found.advised.unmet_share == 0
    assert 0 < found.reactive_share < 1


def test_it_is_told_in_how_many_draws_of_the_waits_the_settings_hold(advice: Advice, saturated: Run) -> None:
    found = answer(advice, saturated)
    assert found.draws == DRAWS
    assert found.hold >= SURE > found.reactive_hold
    assert found.hold_unmet == 0
    share = figures.percent(found.hold)
    assert f"{share} of {DRAWS} draws" in scaled_answer("en", found)
    assert share in scaled_answer("zh", found)
    rare = found.model_copy(update={"verdict": "reactive", "hold": 0.97, "hold_unmet": 0.012})
    assert "Reactive is enough in 97% of 200 draws" in scaled_answer("en", rare)
    assert "at most 1.2% of the viewing" in scaled_answer("en", rare)
    wall = answer(advice, saturated, scaling=Scaling(most_nodes=400))
    assert wall.hold == 0
    assert "draws" not in scaled_answer("en", wall)


def test_measured_waits_that_are_always_short_hold_more_often(advice: Advice, saturated: Run) -> None:
    """The same interval; of what was seen, nine in ten nodes came quickly."""
    usual = region(advice, saturated, USUAL, PLAIN)
    seen = tuple([30.0] * 90 + [240.0] * 9)
    parts = tuple(part.model_copy(update={"seen": seen}) if part.name == "node" else part for part in usual.lead.parts)
    published, measured = scale([usual, replace(usual, lead=usual.lead.model_copy(update={"parts": parts}))])
    assert published is not None
    assert measured is not None
    assert measured.hold >= published.hold


def test_quick_pods_need_fewer_ahead(advice: Advice, saturated: Run) -> None:
    slow, quick = answer(advice, saturated), answer(advice, saturated, QUICK)
    assert quick.wait < slow.wait / 5
    assert quick.reactive_share <= slow.reactive_share
    assert quick.advised.node_hours <= slow.advised.node_hours


def test_a_pod_carries_what_the_plan_takes_a_node_to_carry(advice: Advice, saturated: Run) -> None:
    plan = advice.regions[0].nodes
    assert isinstance(plan, Plan)
    one, four = answer(advice, saturated), answer(advice, saturated, scaling=Scaling(pods_per_node=4))
    assert one.per_pod == pytest.approx(4 * four.per_pod)
    assert one.per_pod <= plan.per_node.mid
    assert plan.demand.mid / one.per_pod == pytest.approx(plan.steps[1].nodes * 3 / 2)


def test_a_wall_below_the_peak_needs_a_door(advice: Advice, saturated: Run) -> None:
    found = answer(advice, saturated, scaling=Scaling(most_nodes=400))
    assert found.verdict == "waiting_room"
    assert found.door is not None
    assert found.door < advice.regions[0].audience
    assert found.advised.worst == pytest.approx(advice.regions[0].audience - found.door, rel=0.02)


def test_todays_settings_are_lived_beside_the_advised(advice: Advice, saturated: Run) -> None:
    found = answer(
        advice, saturated, scaling=Scaling(today=Today.model_validate({"minimum": 200, "maximum": 2000, "cpu": "80%"}))
    )
    assert found.today is not None
    assert found.today.unmet_share > found.advised.unmet_share
    assert len(found.today.carried) == len(found.viewers)


def test_calm_and_peak_are_made_longer(advice: Advice, saturated: Run) -> None:
    found = answer(advice, saturated)
    assert found.starts < -CALM
    assert STEP * sum(value > 0.95 * max(found.viewers) for value in found.viewers) >= PEAK


def test_what_helps_helps(advice: Advice, saturated: Run) -> None:
    found = answer(advice, saturated)
    assert found.helps
    assert all(one.after < one.before and one.unmet_share < found.reactive_share * 1.05 for one in found.helps)
    assert [one.unmet_share for one in found.helps] == sorted(one.unmet_share for one in found.helps)


def test_all_regions_are_answered_as_each_alone(advice: Advice, saturated: Run) -> None:
    one = region(advice, saturated, Waits(), Scaling())
    empty = replace(one, viewers=lambda _: 0.0)
    both = scale([one, empty, one])
    assert both[1] is None
    assert both[0] == both[2] == scale([one])[0]
    assert scale([]) == ()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_reports_say_it(advice: Advice, lang: str) -> None:
    html, markdown = Html().render(advice, lang), Markdown().render(advice, lang)
    told = {"en": "Can autoscaling follow?", "zh": "自动扩缩容跟得上吗？"}[lang]
    for text in (html, markdown):
        assert told in text
        assert "minReplicas" in text
        assert f"{advice.regions[0].scaling.ahead:,}" in text  # type: ignore[union-attr]


def test_the_same_runs_give_the_same_scaling(saturated: Run) -> None:
    assert [one.scaling for one in advise([saturated]).regions] == [one.scaling for one in advise([saturated]).regions]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"maximum": 4}, "expected cpu or per_pod"),
        ({"maximum": 4, "cpu": "50%", "per_pod": 10}, "found both"),
        ({"maximum": 4, "minimum": 5, "cpu": "50%"}, "minimum <= maximum"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Today.model_validate(settings)


def test_a_long_decision_opens_the_window_earlier(advice: Advice, saturated: Run) -> None:
    ten = Waits.model_validate({"decision": {"low": "10m", "mid": "10m", "high": "10m"}})
    usual, late = answer(advice, saturated), answer(advice, saturated, ten)
    assert late.wait == usual.wait + 600 - SYNC
    assert late.opens is not None
    assert late.opens >= late.wait


def test_how_fast_nodes_start_is_the_scenarios_word_else_the_offers_else_said_to_be_unknown(
    advice: Advice, saturated: Run
) -> None:
    usual = region(advice, saturated, USUAL, PLAIN)
    (offer,) = (one for one in load_catalog("ec2") if one.name == "c7g.4xlarge")
    best = usual.plan.offers.best
    assert best is not None
    bought = usual.plan.model_copy(
        update={"offers": usual.plan.offers.model_copy(update={"best": best.model_copy(update={"offer": offer})})}
    )
    slow = Launches(burst=10, per_second=0.1)
    unknown, known, said = scale(
        [usual, replace(usual, plan=bought), replace(usual, plan=bought, scaling=Scaling(launches=slow))]
    )
    assert unknown is not None
    assert known is not None
    assert said is not None
    assert [one.launches.known_by for one in (unknown, known, said)] == ["nobody", "offer", "scenario"]
    assert "RunInstances" in known.launches.source
    assert said.launches.nodes == slow
    assert said.opens is not None
    assert known.opens is not None
    assert said.opens > known.opens + 1000
    told = [dict(settings_rows("en", one))["Nodes that may be started"] for one in (unknown, known, said)]
    assert told[0].startswith("not known for these nodes; taken to be 1,000 at once, then 2 a second, as with EC2")
    assert told[1].startswith("1,000 at once, then 2 a second (EC2 API throttling")
    assert told[2] == "10 at once, then 0.1 a second (launch.scaling.launches)"
    assert "2026-08-21" in dict(settings_rows("zh", known))["可启动的节点"]


def test_joins_are_lived_as_they_are_planned_to_come(advice: Advice, saturated: Run) -> None:
    usual = region(advice, saturated, Waits(), Scaling())
    joining = replace(usual, plan=usual.plan.model_copy(update={"unit": "joins/s"}))
    of_viewers, of_joins = scale([usual, joining])
    assert of_viewers is not None
    assert of_joins is not None
    assert of_joins.rises_at <= of_viewers.rises_at
    peaks = [one.viewers.index(max(one.viewers)) for one in (of_joins, of_viewers)]
    assert peaks[0] < peaks[1], "joins are at their peak while viewers still rise"
    assert max(of_joins.viewers) == pytest.approx(max(of_viewers.viewers), rel=0.2)
    held = [one.viewers[peaks[1] : peaks[1] + PEAK // STEP // 2] for one in (of_joins, of_viewers)]
    assert max(held[0]) < min(held[1]) / 2, "while the peak of the viewers lasts, few come"
    nobody = replace(joining, joins=np.zeros_like(joining.joins))
    assert scale([nobody]) == (None,)
    assert of_joins.advised.unmet_share == 0
    assert "joins" in scaled_answer("en", of_joins).lower()
    assert "joins" not in scaled_answer("en", of_viewers).lower()


def test_thousands_of_nodes_are_asked_for_in_time(advice: Advice, saturated: Run) -> None:
    usual = region(advice, saturated, Waits(), Scaling())
    many = replace(
        usual, plan=usual.plan.model_copy(update={"demand": usual.plan.demand.scale(10), "steps": tenfold(usual.plan)})
    )
    (found,) = scale([many])
    assert found is not None
    assert found.verdict == "prescale"
    assert found.advised.unmet_share == 0
    assert found.opens is not None
    assert found.opens > found.wait + 1000


def tenfold(plan: Plan) -> tuple[Step, ...]:
    return tuple(one.model_copy(update={"nodes": 10 * one.nodes}) for one in plan.steps)
