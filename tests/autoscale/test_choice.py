"""The choice of settings: reactive where it is enough, pre-scaled where it is not, a door where nothing is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from advisor.autoscale.behavior import Behavior
from advisor.autoscale.choice import SLACK, Case, choose, live_of
from advisor.autoscale.hpa import SYNC, Hpa, Metric
from advisor.autoscale.keda import Cron
from advisor.autoscale.nodes import Nodes
from advisor.autoscale.sweep import Outcomes, sweep
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


def step(pods: int, calm: int = 1, before: int = 1200) -> NDArray[np.float64]:
    """From ``calm`` pods to ``pods`` within a second."""
    return np.array([100.0 * calm] * before + [100.0 * pods] * 900)


ONE_EACH = Nodes(pods_per_node=1, ready=1, most=100_000, lead=240.0, image=60.0, boot=90.0)
LATE = Workload(100.0, metric_lag=60.0)


@settings(max_examples=15, deadline=None)
@given(
    pods=st.integers(1000, 2000),
    calm=st.sampled_from([1, 100]),
    waits=st.sampled_from([(240, 60, 90, 60), (61, 1, 1, 31), (46, 46, 46, 46)]),
    before=st.integers(1200, 1214),
)
def test_a_step_of_any_size_has_an_answer(pods: int, calm: int, waits: tuple[int, ...], before: int) -> None:
    """The scan of steps from which 1,184, 1,064 and 1,096 pods had none."""
    lead, image, boot, lag = map(float, waits)
    nodes = replace(ONE_EACH, lead=lead, image=image, boot=boot)
    (found,) = choose([Case(step(pods, calm, before), Workload(100.0, metric_lag=lag), nodes)])
    assert found.verdict == "prescale"
    assert found.door is None
    assert found.course.unmet_share == 0


def test_what_holds_second_by_second_needs_no_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that leaves something unmet everywhere is not the last word."""

    def gloomy(*args: Any) -> Outcomes:
        outcomes = sweep(*args)
        return replace(outcomes, unmet_share=outcomes.unmet_share + 1e-6)

    monkeypatch.setattr("advisor.autoscale.choice.sweep", gloomy)
    (found,) = choose([Case(rise(1000, 10_000, over=120), POD, SLOW)])
    assert found.verdict == "prescale"
    assert found.door is None


def test_a_window_for_many_nodes_opens_as_early_as_their_launches_queue() -> None:
    case = Case(step(1500, before=3600), LATE, ONE_EACH)
    (found,) = choose([case])
    cron = next(one for one in found.spec.triggers if isinstance(one, Cron))
    assert found.verdict == "prescale"
    queue = (cron.replicas - found.nodes.ready - 1000) / 2
    assert queue > 200
    assert case.rises_at - cron.start >= case.wait + SLACK + queue


def test_a_slower_provider_has_the_window_opened_earlier_and_a_faster_one_later() -> None:
    def opens(burst: int, refill: float) -> float:
        case = Case(step(1500, before=3600), LATE, replace(ONE_EACH, burst=burst, refill=refill))
        (found,) = choose([case])
        assert found.verdict == "prescale"
        assert found.course.unmet_share == 0
        return case.rises_at - next(one.start for one in found.spec.triggers if isinstance(one, Cron))

    assert opens(400, 1.0) > opens(1000, 2.0) + 600 > opens(5000, 50.0) + 800


@pytest.mark.parametrize("wrong", [{"burst": 0}, {"refill": 0.0}])
def test_a_provider_that_launches_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected burst >= 1 and refill > 0"):
        replace(ONE_EACH, **wrong)


@pytest.mark.parametrize("pods", [1500, 3050, 6000])
def test_the_whole_peak_is_not_paid_all_day_where_a_window_holds(pods: int) -> None:
    (found,) = choose([Case(step(pods, calm=pods // 5, before=5000), LATE, replace(ONE_EACH, ready=pods // 5))])
    assert found.verdict == "prescale"
    assert found.spec.min_replicas < pods / 2


def test_a_surge_too_soon_for_a_window_takes_standing_capacity() -> None:
    (found,) = choose([Case(step(500, calm=100, before=60), LATE, ONE_EACH)])
    assert found.verdict == "reactive"
    assert found.spec.min_replicas >= 500


def test_a_decision_that_takes_long_is_waited_for() -> None:
    quick = Case(rise(1000, 3000, over=800), POD, QUICK)
    slow = replace(quick, workload=replace(POD, decision=600.0))
    assert slow.wait == quick.wait + 600
    (at_once,), (late,) = choose([quick]), choose([slow])
    assert live_of(slow, at_once.spec, at_once.nodes).unmet_share > at_once.course.unmet_share
    assert late.course.unmet_share == 0
    assert late.verdict == "prescale"


def test_a_course_of_hours_is_lived_in_ticks_of_a_sweep() -> None:
    short, hours = Case(step(100, before=600), POD, QUICK), Case(step(100, before=4 * 3600), POD, QUICK)
    (one,), (other,) = choose([short]), choose([hours])
    assert (one.course.tick, other.course.tick) == (1.0, SYNC)
    assert other.course.unmet_share == 0
    assert other.course.at(14.9) == other.course.moments[0]
    assert other.course.at(len(hours.demand) - 1) == other.course.moments[-1]
