"""A sweep comes to exactly what living each setting alone comes to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.autoscale.behavior import Behavior, Policy, Rules
from advisor.autoscale.hpa import Hpa, Metric
from advisor.autoscale.keda import Cron, ScaledObject, Threshold
from advisor.autoscale.nodes import Nodes
from advisor.autoscale.sweep import Setting, sweep
from advisor.autoscale.world import Spec, Workload, live

policies = st.builds(
    Policy,
    st.sampled_from(["Pods", "Percent"]),
    st.sampled_from([1, 4, 50, 100]),
    st.sampled_from([15.0, 60.0, 100.0, 300.0]),
)
rules = st.builds(
    Rules,
    st.lists(policies, min_size=1, max_size=2).map(tuple),
    st.sampled_from(["Max", "Min", "Disabled"]),
    st.sampled_from([0.0, 50.0, 60.0, 300.0]),
)
behaviors = st.one_of(st.none(), st.builds(Behavior, rules, rules))
nodes = st.builds(
    Nodes,
    pods_per_node=st.integers(1, 8),
    ready=st.integers(1, 20),
    most=st.integers(20, 60),
    lead=st.sampled_from([0.0, 26.0, 70.0, 240.0]),
    leads=st.sampled_from([(), (26.0, 300.0, 70.0, 70.0), (240.0, 30.0, 0.0, 90.0)]),
    image=st.sampled_from([0.0, 10.0, 60.0]),
    boot=st.sampled_from([0.0, 30.0, 90.0]),
    placeholders=st.integers(0, 12),
    warm=st.integers(0, 4),
    burst=st.sampled_from([1, 5, 1000]),
    refill=st.sampled_from([0.04, 2.0]),
    warm_lead=st.sampled_from([10.0, 20.0]),
)
works = st.builds(
    Workload,
    per_pod=st.sampled_from([50.0, 100.0]),
    cpu_full=st.sampled_from([0.6, 1.0]),
    cpu_limit=st.sampled_from([1.0, 2.0]),
    metric_lag=st.sampled_from([0.0, 30.0, 60.0]),
    decision=st.sampled_from([0.0, 45.0]),
)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    least = draw(st.integers(1, 20))
    most = least + draw(st.integers(0, 150))
    behavior = draw(behaviors)
    if draw(st.booleans()):
        triggers: list[Threshold | Cron] = [Threshold(draw(st.sampled_from([35.0, 70.0, 100.0])))]
        if draw(st.booleans()):
            start = draw(st.integers(0, 300))
            triggers.append(Cron(start, start + draw(st.integers(16, 600)), draw(st.integers(1, 60))))
        return ScaledObject(tuple(triggers), least, most, behavior=behavior)
    metrics = draw(
        st.sampled_from(
            [
                (Metric("utilization", 50),),
                (Metric("average_value", 70_000),),
                (Metric("utilization", 80), Metric("average_value", 35_000)),
            ]
        )
    )
    return Hpa(metrics, most, least, behavior)


@st.composite
def lanes(draw: st.DrawFn) -> Setting:
    spec = draw(specs())
    return Setting(draw(st.integers(0, 1)), draw(works), spec, draw(nodes), spec.min_replicas)


levels = st.lists(st.integers(0, 8_000), min_size=3, max_size=12)


@settings(max_examples=120, deadline=None)
@given(levels, levels, st.lists(lanes(), min_size=1, max_size=6))
def test_lane_by_lane_the_same_as_alone(one: list[int], two: list[int], tried: list[Setting]) -> None:
    size = 6 * min(len(one), len(two))
    demand = np.repeat(np.array([one[: size // 6], two[: size // 6]], np.float64), 6, axis=1)
    found = sweep(demand, tried)
    for lane, setting in enumerate(tried):
        course = live(
            demand[setting.region].tolist(),
            setting.workload,
            setting.spec,
            setting.nodes,
            start=setting.start,
            tick=15.0,
        )
        assert found.unmet_share[lane] == pytest.approx(course.unmet_share)
        assert found.unmet_seconds[lane] == course.unmet_seconds
        assert found.node_hours[lane] == pytest.approx(course.node_hours)
        assert found.most_replicas[lane] == max(moment.replicas for moment in course.moments)


def test_what_a_sweep_does_not_know_it_refuses() -> None:
    base: dict[str, Any] = {"region": 0, "workload": Workload(100.0), "nodes": Nodes(1, 1), "start": 1}
    three = Rules((Policy("Pods", 1, 15.0),) * 3)
    with pytest.raises(ValueError, match="2 policies in a direction at most"):
        sweep(np.ones((1, 4)), [Setting(spec=Hpa((Metric("utilization", 50),), 9, 1, Behavior(three)), **base)])
    uneven = [
        Setting(spec=Hpa((Metric("utilization", 50),), 9), **base | {"nodes": Nodes(1, 1, leads=leads)})
        for leads in ((1.0, 2.0), (1.0, 2.0, 3.0))
    ]
    with pytest.raises(ValueError, match="same number of leads everywhere; expected 3 or none"):
        sweep(np.ones((1, 4)), uneven)
    slow = base | {"nodes": Nodes(1, 1, scan=60.0)}
    with pytest.raises(ValueError, match="expected a scan of that or less"):
        sweep(np.ones((1, 4)), [Setting(spec=Hpa((Metric("utilization", 50),), 9), **slow)])
