"""The arithmetic of a rate that changes: nothing is carried twice, nothing is lost."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.engine.flow import HORIZON, Flow
from tests.engine.last_miles import Line

rates = st.lists(st.one_of(st.just(0.0), st.floats(1e4, 1e9)), min_size=1, max_size=8)
since = st.floats(-1e3, 1e6)


@given(rates, since, st.integers(1, 10**8), st.floats(0.0, 5.0))
def test_what_is_through_at_a_moment_has_room_until_then(
    some: list[float], start: float, size: int, late: float
) -> None:
    flow = Flow(Line((*some, 1e6)), start)
    flow.begin(start + late)
    at = flow.through(size)
    if at < flow.free_at + HORIZON - 1:
        assert flow.room(at) == pytest.approx(size, rel=1e-6, abs=2)


@given(rates, since, st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_many_small_takes_are_one_large_one(some: list[float], start: float, sizes: list[int]) -> None:
    whole, parts = Flow(Line((*some, 1e6)), start), Flow(Line((*some, 1e6)), start)
    for size in sizes:
        parts.take(size)
    assert parts.free_at == pytest.approx(whole.take(sum(sizes)), abs=1e-3)


@given(rates, since, st.floats(0.0, 20.0))
def test_an_outage_opens_with_the_first_second_that_carries(some: list[float], start: float, after: float) -> None:
    line = Line((*some, 1e6))
    flow, now = Flow(line, start), start + after
    opens = flow.opens(now)
    assert now <= opens
    assert flow.speed_in(round(opens - start)) > 0 or opens == now
    assert opens == now or flow.speed_in(int(now - start)) == 0


def test_an_outage_for_ever_is_looked_at_again_and_again() -> None:
    flow = Flow(Line((0.0,)), 0.0)
    assert flow.through(1) == flow.opens(0.0) == HORIZON
    assert flow.room(1000.0) == 0


def test_a_trace_may_say_infinity_and_less_than_nothing() -> None:
    flow = Flow(Line((-5.0, inf)), 0.0)
    assert flow.take(1000) == pytest.approx(1.0)
    assert flow.room(1.001) > 10**7


def test_every_second_is_asked_for_once_and_in_order_and_few_are_remembered() -> None:
    asked: list[int] = []

    class Strict(Line):
        def rate(self, second: int) -> float:
            asked.append(second)
            return 8e6 if second % 3 else 0.0

    flow = Flow(Strict(), 10.0)
    for now in range(10, 5000, 7):
        flow.opens(now + 0.5)
        flow.begin(now - 0.2)
        flow.mean_speed(now, 8)
        flow.take(1_500_000)
    assert asked == list(range(len(asked)))
    assert len(flow._speeds) < 300


def test_a_link_that_was_idle_has_saved_nothing_up() -> None:
    flow = Flow(Line((8e6,)), 0.0)
    flow.take(1000)
    flow.begin(5.0)
    assert flow.room(5.001) == 1000
    flow.begin(4.0)
    assert flow.room(5.001) == 1000
