"""A surge against an autoscaler: what must come out by hand reckoning, and laws that hold for any settings."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.autoscale.behavior import Behavior
from advisor.autoscale.hpa import Hpa, Metric
from advisor.autoscale.keda import Cron, Fallback, Operator, ScaledObject, Threshold
from advisor.autoscale.nodes import Fleet, Nodes
from advisor.autoscale.replicas import Look
from advisor.autoscale.world import Course, Workload, live

POD = Workload(per_pod=100.0, metric_lag=0.0)
ROOMY = Nodes(pods_per_node=10, ready=100, boot=30.0)


def surge(before: float, after: float, at: int = 60, length: int = 600) -> list[float]:
    return [before if second < at else after for second in range(length)]


def rates(share: float, most: int = 1000, least: int = 1) -> Hpa:
    """Requests per second and pod, at a share of what a pod carries."""
    return Hpa((Metric("average_value", round(share * 100_000)),), most, least, Behavior())


def test_an_hpa_on_cpu_cannot_grow_faster_than_its_target_lets_it() -> None:
    """A pod shows 100 % at most: at a target of 50 % replicas double at best, in each sync after pods are ready."""
    hpa = Hpa((Metric("utilization", 50),), 1000, 1, Behavior())
    course = live(surge(400, 40_000, at=15), POD, hpa, Nodes(10, 200, boot=0.0), start=8)
    counts = sorted({moment.replicas for moment in course.moments})
    assert counts[0] == 8
    assert all(after <= 2 * before for before, after in pairwise(counts))
    by_rate = live(surge(400, 40_000, at=15), POD, rates(0.5), Nodes(10, 200, boot=0.0), start=8)
    assert by_rate.unmet_share <= course.unmet_share


def test_capacity_comes_when_the_boot_is_over() -> None:
    course = live(surge(400, 1600), POD, rates(1.0, least=4), ROOMY, start=4)
    assert course.moments[59].ready == 4
    first = next(moment.at for moment in course.moments if moment.ready == 8)
    assert first == 60 + 30 + 1  # decided at 60, placed a tick later, then the boot
    assert course.worst.unmet == 1200


def test_without_room_a_node_must_come_first() -> None:
    nodes = Nodes(pods_per_node=4, ready=1, lead=70.0, image=10.0, boot=30.0)
    course = live(surge(400, 800), POD, rates(1.0, least=4), nodes, start=4)
    first = next(moment.at for moment in course.moments if moment.ready == 8)
    assert 60 + 70 + 10 + 30 <= first <= 60 + 10 + 70 + 10 + 30 + 3


def test_placeholders_and_warm_nodes_save_time() -> None:
    def wait(nodes: Nodes) -> float:
        course = live(surge(400, 800), POD, rates(1.0, least=4), nodes, start=4)
        return next(moment.at for moment in course.moments if moment.ready == 8)

    bare = Nodes(pods_per_node=4, ready=1)
    buffered = Nodes(pods_per_node=4, ready=2, placeholders=4)
    warm = Nodes(pods_per_node=4, ready=1, warm=5)
    assert wait(buffered) < wait(warm) < wait(bare)


def test_a_placeholder_that_gave_way_is_asked_for_again() -> None:
    course = live(surge(400, 800), POD, rates(1.0, least=4), Nodes(4, 2, placeholders=4), start=4)
    assert course.moments[-1].nodes == 3


def test_a_quota_is_a_wall() -> None:
    course = live(surge(400, 4000), POD, rates(1.0, least=4), Nodes(4, 1, most=5), start=4)
    assert course.moments[-1].ready == 20
    assert course.moments[-1].unmet == 2000


def test_run_instances_has_a_bucket() -> None:
    fleet = Fleet(Nodes(1, 0, lead=0.0, image=0.0, boot=0.0, scan=1.0, most=5000))
    fleet.scale(2000)
    counts = []
    for second in range(600):
        fleet.advance(float(second))
        counts.append(fleet.up + fleet.coming)
    assert counts[0] == 1000
    assert counts[100] == pytest.approx(1000 + 2 * 100, abs=2)
    assert counts[-1] == 2000


def test_cron_brings_capacity_before_the_surge_and_leaves_no_unmet() -> None:
    spec = ScaledObject((Threshold(100.0), Cron(60, 500, 20)), min_replicas=4)
    course = live(surge(400, 2000, at=300), POD, spec, ROOMY, start=4)
    assert course.unmet_share == 0
    reactive = live(surge(400, 2000, at=300), POD, ScaledObject((Threshold(100.0),), 4), ROOMY, start=4)
    assert reactive.unmet_share > 0.05


def test_from_zero_and_back_after_the_cooldown() -> None:
    spec = ScaledObject((Threshold(100.0, activation=5.0),))
    demand = [0.0] * 90 + [100.0] * 90 + [0.0] * 900
    counts = [moment.replicas for moment in live(demand, POD, spec, ROOMY, start=0).moments]
    assert counts[89] == 0
    assert counts[121] == 1
    assert counts[90 + 90 + 299] == 1
    assert counts[-1] == 0


def test_fallback_counts_failures_first() -> None:
    operator = Operator(ScaledObject((Threshold(100.0),), 1, fallback=Fallback(12, failures=3)))
    course = [operator.sync(Look(15.0 * step, 4, ()), [None]).replicas for step in range(5)]
    assert course[:3] == [4, 4, 4]
    assert course[3] > 4
    assert Fallback(6, behavior="currentReplicasIfHigher").wanted(9) == 9
    assert Fallback(6, behavior="currentReplicasIfLower").wanted(9) == 6
    assert Fallback(6, behavior="currentReplicas").wanted(9) == 9


def test_a_failed_source_never_sends_to_zero() -> None:
    operator = Operator(ScaledObject((Threshold(100.0),), 0))
    assert operator.poll(1000.0, 3, [None]) == 3


@pytest.mark.parametrize("wrong", [{"pods_per_node": 0, "ready": 1}, {"pods_per_node": 1, "ready": 9, "most": 5}])
def test_impossible_nodes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected pods_per_node >= 1 and 0 <= ready <= most"):
        Nodes(**wrong)


demands = st.lists(st.floats(0, 20_000), min_size=5, max_size=60).map(lambda some: [x for x in some for _ in range(10)])
wide = st.builds(
    Nodes,
    pods_per_node=st.integers(1, 20),
    ready=st.integers(0, 50),
    most=st.integers(50, 200),
    lead=st.sampled_from([0.0, 26.0, 70.0]),
    placeholders=st.integers(0, 30),
    warm=st.integers(0, 5),
)


@settings(max_examples=60, deadline=None)
@given(demands, wide, st.integers(1, 40))
def test_nothing_is_lost_or_made(demand: list[float], nodes: Nodes, start: int) -> None:
    """Pods never exceed slots, nodes never the quota, ready never the replicas; the same input, the same course."""

    def course() -> Course:
        return live(demand, POD, rates(0.7, most=100), nodes, start=start)

    for moment in course().moments:
        assert 0 <= moment.ready <= moment.replicas <= max(100, start)
        assert moment.ready <= moment.nodes * nodes.pods_per_node
        assert moment.nodes <= nodes.most
    assert course() == course()


@settings(max_examples=40, deadline=None)
@given(demands, wide, st.integers(1, 40))
def test_a_higher_minimum_never_leaves_more_unmet(demand: list[float], nodes: Nodes, least: int) -> None:
    low = live(demand, POD, rates(0.7, least=least), nodes, start=least)
    high = live(demand, POD, rates(0.7, least=least + 10), nodes, start=least + 10)
    assert high.unmet_share <= low.unmet_share + 0.02
