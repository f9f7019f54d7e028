"""Waits that are drawn: settings hold in the share of draws in which they hold, and the surer ones are chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from advisor.autoscale.choice import SURE, Case, choose
from advisor.autoscale.draws import Draw
from advisor.autoscale.held import Question, hold
from advisor.autoscale.keda import ScaledObject, Threshold
from advisor.autoscale.nodes import Fleet, Nodes, turns
from advisor.autoscale.sweep import Setting, by_tick
from advisor.autoscale.world import Workload

NODES = Nodes(pods_per_node=4, ready=3, lead=60.0, image=5.0, boot=10.0)
POD = Workload(per_pod=100.0, metric_lag=15.0)
QUICK = Draw(metric_lag=15.0, decision=0.0, leads=(30.0, 30.0), image=2.0, boot=3.0)
SLOW = replace(QUICK, leads=(600.0, 600.0))


def rise(before: float, after: float, over: float) -> NDArray[np.float64]:
    return np.asarray(np.interp(np.arange(1800.0), [0, 600, 600 + over, 1800], [before, before, after, after]))


def question(draws: tuple[Draw, ...], allowed: float = 0.0) -> Question:
    spec = ScaledObject((Threshold(50.0),), 16, 400)
    return Question(Setting(0, POD, spec, replace(NODES, ready=4), 16), draws, allowed)


def test_settings_hold_in_the_share_of_draws_in_which_nothing_goes_unmet() -> None:
    demand = by_tick(rise(800, 2500, over=600))
    lengths = [demand.shape[1]]
    (mixed, none, wide) = hold(
        demand, [question((QUICK, SLOW, QUICK, QUICK)), question((SLOW,)), question((SLOW,), 1.0)], lengths
    )
    assert (mixed.share, mixed.draws) == (0.75, 4)
    assert mixed.unmet == none.unmet > 0
    assert none.share == 0.0
    assert wide.share == 1.0
    assert hold(demand, [], lengths) == []


def test_one_slow_node_among_quick_ones_delays_its_own_pods_only() -> None:
    demand = by_tick(rise(800, 2500, over=600))
    half = replace(QUICK, leads=(30.0, 600.0, 600.0, 600.0))
    quick, some, slow = (hold(demand, [question((draw,))], [demand.shape[1]])[0] for draw in (QUICK, half, SLOW))
    assert quick.unmet == 0 < some.unmet < slow.unmet


def test_settings_that_hold_in_too_few_draws_give_way_to_surer_ones() -> None:
    case = Case(rise(1000, 3000, over=600), POD, NODES)
    late = replace(QUICK, leads=(150.0, 150.0))
    certain, sure, unsure = choose([case, replace(case, draws=(QUICK,) * 10), replace(case, draws=(QUICK, late) * 5)])
    assert (certain.verdict, certain.held, certain.reactive_held) == ("reactive", None, None)
    assert sure.held is not None
    assert sure.held.share == 1.0
    assert (sure.verdict, sure.spec) == (certain.verdict, certain.spec)
    assert unsure.held is not None
    assert unsure.reactive_held is not None
    assert unsure.reactive_held.share == 0.5
    assert unsure.held.share >= SURE
    assert unsure.verdict == "prescale"


def test_where_nothing_holds_often_what_holds_most_often_is_chosen() -> None:
    case = Case(rise(1000, 3000, over=300), POD, NODES, draws=(QUICK, replace(QUICK, leads=(90.0, 90.0))))
    (dearer,) = choose([case])
    assert dearer.held is not None
    assert dearer.held.share == 1.0
    (never,) = choose([replace(case, draws=(SLOW, SLOW))])
    assert never.held is not None
    assert never.held.share < SURE
    assert never.verdict == "prescale"


def test_where_the_sweep_was_hopeful_the_next_that_really_hold_are_chosen() -> None:
    """Demand jumps within 15 s, and the lag is rounded down: the eleven cheapest that a sweep finds do not hold."""
    spikes = 1.0 + 0.3 * ((np.arange(1800.0) % 30) < 7)
    case = Case(rise(1000, 3000, over=900) * spikes, replace(POD, metric_lag=22.0), NODES, draws=(QUICK, QUICK))
    (found,) = choose([case])
    assert (found.verdict, found.course.unmet_share, found.door) == ("prescale", 0.0, None)
    assert found.held is not None
    assert found.held.share == 1.0


def test_the_same_draws_give_the_same_answer() -> None:
    case = Case(rise(1000, 6000, over=300), POD, NODES, draws=(QUICK, SLOW))
    assert choose([case]) == choose([case])
    assert choose([]) == ()


@given(st.lists(st.integers(0, 400), max_size=6), st.integers(1, 9))
def test_each_node_takes_its_turn(launched: list[int], among: int) -> None:
    asked = 0
    for count in launched:
        parts = [turns(asked + count, index, among) - turns(asked, index, among) for index in range(among)]
        expected = [sum(number % among == index for number in range(asked, asked + count)) for index in range(among)]
        assert parts == expected
        asked += count


def test_nodes_come_as_late_as_it_is_their_turn_to() -> None:
    fleet = Fleet(Nodes(pods_per_node=1, ready=0, leads=(10.0, 100.0, 20.0)))
    fleet.scale(4)
    up = []
    for second in range(120):
        fleet.advance(float(second))
        up.append(fleet.up)
    assert (up[9], up[10], up[20], up[99], up[100]) == (0, 2, 3, 3, 4)


def test_draws_of_one_sweep_take_as_many_nodes_each() -> None:
    demand = by_tick(rise(800, 900, over=600))
    with pytest.raises(ValueError, match="expected 2 or none"):
        hold(demand, [question((QUICK, replace(QUICK, leads=(30.0,))))], [demand.shape[1]])
