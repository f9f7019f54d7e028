"""Nodes that do not add up: as many more as the measured law says, and nothing changes where none was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.capacities.nodecount import NodeScaling, NodeTotal, scaling_of
from advisor.interval import Interval
from advisor.plans.headroom import folded, headroom
from advisor.plans.together import apart, filled, nodes_for, together
from loadtests.launch import Launch


def total(nodes: int, rate: float) -> NodeTotal:
    around = Interval(low=0.99 * rate, mid=rate, high=1.01 * rate, coverage=0.9, samples=40)
    return NodeTotal(nodes=nodes, total=around, runs=1)


def test_without_a_law_nodes_add_up() -> None:
    assert together(np.array([7.5]), None) == 7.5
    assert nodes_for(300.0, 40.0) == 7.5


def test_nodes_that_add_up_stay_as_many() -> None:
    law = scaling_of("bandwidth", "bit/s", [total(1, 40e6), total(2, 80e6), total(4, 160e6)])
    assert together(np.array([6.0]), law)[0] == pytest.approx(6.0, rel=0.03)


def test_a_serial_share_asks_for_more() -> None:
    """Amdahl with a tenth: X(n) = n / (1 + 0.1 (n - 1)); a node of four carries 1 / 1.3, and 5.5 of these take 6.6."""
    rates = {n: 40e6 * n / (1 + 0.1 * (n - 1)) for n in (1, 2, 4)}
    law = scaling_of("bandwidth", "bit/s", [total(n, rate) for n, rate in rates.items()])
    assert together(np.array([4.0]), law)[0] == pytest.approx(4.0, rel=0.03)
    assert together(np.array([5.5]), law)[0] == pytest.approx(6.6, rel=0.03)
    many = together(np.array([2.0, 4.0, 5.0, 6.0, 50.0]), law)
    assert np.all(np.diff(many) > 0)
    assert many[-1] > 60


def usl(serial: float, crosstalk: float) -> NodeScaling:
    """Measured at 1, 2, 4 and 8 nodes."""
    rates = {n: 40e6 * n / (1 + serial * (n - 1) + crosstalk * n * (n - 1)) for n in (1, 2, 4, 8)}
    return scaling_of("bandwidth", "bit/s", [total(n, rate) for n, rate in rates.items()])


def test_what_nodes_are_worth_apart_is_what_takes_as_many_together() -> None:
    law, some = usl(0.1, 0.0), np.array([0.5, 1.0, 3.3, 8.0, 12.0, 40.0])
    assert together(apart(some, law), law) == pytest.approx(some)
    assert np.array_equal(apart(some, None), some)
    assert [law.worth(n) for n in (1, 8, 16, 32)] == pytest.approx(apart(np.array([1.0, 8, 16, 32]), law))


def test_nodes_kept_at_half_are_more_than_twice_as_many_where_they_share() -> None:
    """X(n) = n / (1 + 0.1 (n - 1)): four carry 3.08; 6.15 take 14.4."""
    law = usl(0.1, 0.0)
    assert filled(np.array([4.0]), 0.5, law)[0] == pytest.approx(14.4, rel=0.1)
    assert filled(np.array([4.0]), 0.5, None)[0] == 8.0
    assert filled(np.array([4.0]), 1.0, law)[0] == pytest.approx(4.0)


laws = st.builds(usl, st.floats(0.0, 0.3), st.floats(0.0, 0.03))
shares = st.floats(0.05, 1.0)
fractions = st.floats(0.01, 60.0)


@settings(max_examples=30, deadline=None)
@given(laws, shares, shares, fractions, fractions)
def test_emptier_nodes_and_more_of_them_never_come_to_fewer(
    law: NodeScaling, one: float, two: float, few: float, many: float
) -> None:
    empty, full = sorted((one, two))
    less, more = (np.array([nodes]) for nodes in sorted((few, many)))
    assert filled(less, empty, law) >= filled(less, full, law) * (1 - 1e-9)
    assert filled(more, full, law) >= filled(less, full, law) * (1 - 1e-9)
    assert filled(less, full, law) >= less


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.3), shares, fractions)
def test_where_nodes_share_headroom_takes_no_fewer_than_if_they_added_up(
    serial: float, share: float, nodes: float
) -> None:
    law = usl(serial, 0.0)
    worth = np.array([law.worth(n) / n for n in range(1, law.reach + 1)])
    assert np.all(np.diff(worth) <= 1e-9), "each more node carries less"
    how = Launch.model_validate({"target_utilisation": f"{share * 100:.6f}%", "lose_nodes": 1})
    some = np.array([nodes])
    assert folded(headroom(how, law), some) >= folded(headroom(how), some)
