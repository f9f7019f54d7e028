"""The choice of settings: reactive where it is enough, pre-scaled where it is not, a door where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.autoscale.behavior import Behavior
from advisor.autoscale.choice import Case, choose, live_of
from advisor.autoscale.hpa import Hpa, Metric
from advisor.autoscale.keda import Cron
from advisor.autoscale.nodes import Nodes
from advisor.autoscale.world import Workload

QUICK = Nodes(pods_per_node=4, ready=3, lead=30.0, image=2.0, boot=3.0)
SLOW = Nodes(pods_per_node=4, ready=3, lead=240.0, image=60.0, boot=90.0)
POD = Workload(per_pod=100.0, metric_lag=15.0)


def rise(before: float, after: float, over: float, length: int = 1800, at: int = 900) -> NDArray[np.float64]:
    time = np.arange(length, dtype=np.float64)
    return np.interp(time, [0, at, at + over, length], [before, before, after, after])


def test_a_slow_rise_on_quick_nodes_needs_nothing_ahead() -> None:
    (found,) = choose([Case(rise(1000, 3000, over=800), POD, QUICK)])
    assert found.verdict == "reactive"
    assert found.course.unmet_share == 0
    assert not any(isinstance(one, Cron) for one in found.spec.triggers)


def test_ten_times_in_two_minutes_on_slow_nodes_must_be_prescaled() -> None:
    case = Case(rise(1000, 10_000, over=120), POD, SLOW)
    (found,) = choose([case])
    assert found.verdict == "prescale"
    assert found.course.unmet_share == 0
    cron = next(one for one in found.spec.triggers if isinstance(one, Cron))
    assert cron.start <= case.rises_at - case.wait
    assert cron.replicas > found.spec.min_replicas
    assert found.reactive.unmet_share > 0 or found.reactive.node_hours > 0


def test_a_quota_below_the_peak_needs_a_door() -> None:
    case = Case(rise(1000, 10_000, over=120), POD, replace(SLOW, most=15))
    (found,) = choose([case])
    assert found.verdict == "waiting_room"
    assert found.door == 15 * 4 * 100
    assert found.course.worst.unmet == pytest.approx(10_000 - 6_000)


def test_todays_settings_stand_beside_the_advised_ones() -> None:
    today = Hpa((Metric("utilization", 80),), 100, 12, Behavior())
    (found,) = choose([Case(rise(1000, 10_000, over=120), POD, SLOW, today)])
    assert found.today is not None
    assert found.today.unmet_share > 0.1
    assert len(found.today.moments) == len(found.course.moments)


def test_it_is_the_cheapest_of_those_that_hold() -> None:
    case = Case(rise(1000, 6000, over=300), POD, QUICK)
    (found,) = choose([case])
    fewer = replace(found.spec, min_replicas=max(1, found.spec.min_replicas // 2))
    assert live_of(case, fewer, found.nodes).unmet_share >= found.course.unmet_share
    assert found.tried > 100


def test_regions_do_not_touch_each_other() -> None:
    calm, wild = Case(rise(500, 600, over=600), POD, QUICK), Case(rise(1000, 10_000, over=60, length=2400), POD, SLOW)
    assert choose([calm, wild]) == (*choose([calm]), *choose([wild]))


def test_no_surge_at_all() -> None:
    (found,) = choose([Case(np.full(600, 900.0), POD, QUICK)])
    assert found.verdict == "reactive"
    assert found.spec.min_replicas <= 18
