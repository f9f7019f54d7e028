"""The surge buffer, against the plain double loop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.buffer import surge_buffer

curves = st.lists(st.integers(0, 1000), min_size=1, max_size=40)


@given(curves, st.integers(0, 60))
def test_it_is_the_largest_rise_within_the_wait(curve: list[int], seconds: int) -> None:
    last = len(curve) - 1
    rises = [curve[min(t + s, last)] - curve[t] for t in range(len(curve)) for s in range(seconds + 1)]
    assert surge_buffer(curve, 1.0, seconds) == max(rises)


@given(curves, st.floats(0, 60), st.floats(0, 60))
def test_a_longer_wait_never_asks_for_less(curve: list[int], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert surge_buffer(curve, 1.0, low) <= surge_buffer(curve, 1.0, high)


def test_a_straight_ramp_rises_by_its_slope() -> None:
    assert surge_buffer(range(100), 1.0, 30.0) == 30
    assert surge_buffer(range(100), 2.0, 30.0) == 15
    assert surge_buffer([5.0], 1.0, 30.0) == 0


@pytest.mark.parametrize(("step", "seconds"), [(0.0, 1.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_a_wait_that_cannot_be_is_refused(step: float, seconds: float) -> None:
    with pytest.raises(ValueError, match="expected a step"):
        surge_buffer([1.0, 2.0], step, seconds)
