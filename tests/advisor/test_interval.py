"""Intervals stay ordered, finite and never get surer by arithmetic."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from advisor.interval import Interval

numbers = st.floats(min_value=1e-3, max_value=1e12)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, mid, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    coverage = draw(st.floats(min_value=0.5, max_value=1))
    return Interval(low=low, mid=mid, high=high, coverage=coverage, samples=draw(st.integers(0, 99)))


def whole(interval: Interval) -> bool:
    return all(map(math.isfinite, (interval.low, interval.mid, interval.high)))


@given(intervals(), intervals())
def test_a_quotient_is_ordered_finite_and_not_surer(one: Interval, other: Interval) -> None:
    found = one.over(other)
    assert whole(found)
    assert found.coverage <= min(one.coverage, other.coverage) + 1e-9
    assert found.low <= one.mid / other.mid <= found.high


@given(intervals(), intervals())
def test_a_sum_holds_the_sum_of_the_middles(one: Interval, other: Interval) -> None:
    found = one.plus(other)
    assert found.mid == one.mid + other.mid
    assert found.coverage == min(one.coverage, other.coverage)


@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
def test_a_sum_of_twenty_regions_holds_as_often_as_it_says(together: float) -> None:
    """Normal errors, from independent to all alike: in 4,000 draws the sum of 90 % intervals holds at least 90 %."""
    rng, spread = np.random.default_rng(7), 100 * 0.1 / 1.6449
    common, own = rng.standard_normal((4000, 1)), rng.standard_normal((4000, 20))
    errors = spread * (math.sqrt(together) * common + math.sqrt(1 - together) * own)
    part = Interval(low=90, mid=100, high=110, coverage=0.9, samples=60)
    total = reduce(Interval.plus, [part] * 20)
    assert (total.coverage, total.samples) == (0.9, 60)
    inside = np.abs(errors.sum(axis=1)) <= total.high - total.mid
    assert inside.mean() >= total.coverage - 0.015


@given(intervals(), st.just(0.0) | st.floats(min_value=1e-6, max_value=1e6))
def test_scaling_keeps_coverage_samples_and_relative_spread(one: Interval, factor: float) -> None:
    found = one.scale(factor)
    assert (found.coverage, found.samples) == (one.coverage, one.samples)
    assert not factor or found.spread == pytest.approx(one.spread)


def test_an_exact_figure_is_sure() -> None:
    assert Interval.exact(7).model_dump() == {"low": 7, "mid": 7, "high": 7, "coverage": 1, "samples": 0}
    assert Interval.exact(0).spread == 0


@pytest.mark.parametrize(
    ("low", "mid", "high"),
    [
        (2.0, 1.0, 3.0),  # the middle below the low end
        (1.0, 3.0, 2.0),  # the middle above the high end
        (math.nan, 1.0, 2.0),  # nothing is known
        (1.0, 1.0, math.inf),  # nothing is known of the high end
    ],
)
def test_refuses_what_is_no_interval(low: float, mid: float, high: float) -> None:
    with pytest.raises(ValidationError):
        Interval(low=low, mid=mid, high=high, coverage=0.9, samples=1)


@pytest.mark.parametrize("factor", [-1.0, math.nan, math.inf])
def test_refuses_a_factor_that_turns_the_ends_around(factor: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        Interval.exact(1).scale(factor)


def test_refuses_to_divide_by_what_may_be_zero() -> None:
    zero = Interval(low=0, mid=1, high=2, coverage=0.9, samples=3)
    with pytest.raises(ValueError, match="above zero"):
        Interval.exact(1).over(zero)
