"""Nodes that do not add up: as many more as the measured law says, and nothing changes where none was measured."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.capacities.nodecount import NodeTotal, scaling_of
from advisor.interval import Interval
from advisor.plans.together import nodes_for, together


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
