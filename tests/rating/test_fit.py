"""Known costs come out of made seconds."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from loadtests.rating.fit import Costs, drawn, fit, ranged
from tests.rating.made import COSTS, climb, second


def test_exact_seconds_give_the_costs_they_were_made_of() -> None:
    assert fit(climb(2000, 4000, 6000)) == pytest.approx(COSTS)


def test_no_cost_is_below_zero() -> None:
    thrifty = Costs(0.1, 20e-6, -50e-12, 0.0)
    found = fit(climb(2000, 4000, 6000, costs=thrifty))
    assert min(found) >= 0
    assert found.byte == 0
    assert found.request == pytest.approx(20e-6, rel=0.2)


def test_a_cost_that_no_second_shows_is_zero() -> None:
    found = fit([second(at, step=0, viewers=1000 * at, joins=0) for at in range(1, 6)])
    assert found.join == 0
    assert found.fixed == pytest.approx(COSTS.fixed)


def test_nine_in_ten_intervals_hold_the_truth() -> None:
    def held(seed: int) -> bool:
        dice = random.Random(seed)
        noisy = [replace(one, cpu=one.cpu + dice.gauss(0, 0.01)) for one in climb(2000, 4000, 6000, 8000)]
        request = ranged(fit(noisy).request, [draw.request for draw in drawn(noisy, seed=seed)])
        assert request.high - request.low < 0.3 * COSTS.request
        return request.low <= COSTS.request <= request.high

    assert 0.82 <= sum(map(held, range(200))) / 200 <= 0.97


def test_exact_seconds_leave_no_doubt() -> None:
    draws = drawn(climb(2000, 4000, 6000))
    assert draws[0] == pytest.approx(COSTS, rel=1e-6)


def test_draws_are_the_same_each_time() -> None:
    assert drawn(climb(2000, 4000), times=5) == drawn(climb(2000, 4000), times=5)


def test_a_range_always_holds_its_value() -> None:
    assert ranged(5.0, [1.0, 2.0, 3.0]).high == 5.0
    assert ranged(5.0, []).low == 5.0
