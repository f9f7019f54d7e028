"""The arithmetic of a rate that changes: nothing is carried twice, nothing is lost."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.engine.throughput import HORIZON, Throughput
from tests.engine.last_miles import Line

rates = st.lists(st.one_of(st.just(0.0), st.floats(1e4, 1e9)), min_size=1, max_size=8)
since = st.floats(-1e3, 1e6)


@given(rates, since, st.integers(1, 10**8), st.floats(0.0, 5.0))
def test_what_is_through_at_a_moment_has_room_until_then(
    some: list[float], start: float, size: int, late: float
) -> None:
    link = Throughput(Line((*some, 1e6)), start)
    link.begin(start + late)
    at = link.through(size)
    if at < link.free_at + HORIZON - 1:
        assert link.room(at) == pytest.approx(size, rel=1e-6, abs=2)


@given(rates, since, st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_many_small_takes_are_one_large_one(some: list[float], start: float, sizes: list[int]) -> None:
    whole, parts = Throughput(Line((*some, 1e6)), start), Throughput(Line((*some, 1e6)), start)
    for size in sizes:
        parts.take(size)
    assert parts.free_at == pytest.approx(whole.take(sum(sizes)), abs=1e-3)


@given(rates, since, st.floats(0.0, 20.0))
def test_an_outage_opens_with_the_first_second_that_carries(some: list[float], start: float, after: float) -> None:
    line = Line((*some, 1e6))
    link, now = Throughput(line, start), start + after
    opens = link.opens(now)
    assert now <= opens
    assert link.speed_in(round(opens - start)) > 0 or opens == now
    assert opens == now or link.speed_in(int(now - start)) == 0


def test_an_outage_for_ever_is_looked_at_again_and_again() -> None:
    link = Throughput(Line((0.0,)), 0.0)
    assert link.through(1) == link.opens(0.0) == HORIZON
    assert link.room(1000.0) == 0


def test_a_trace_may_say_infinity_and_less_than_nothing() -> None:
    link = Throughput(Line((-5.0, inf)), 0.0)
    assert link.take(1000) == pytest.approx(1.0)
    assert link.room(1.001) > 10**7


def test_every_second_is_asked_for_once_and_in_order_and_few_are_remembered() -> None:
    asked: list[int] = []

    class Strict(Line):
        def rate(self, second: int) -> float:
            asked.append(second)
            return 8e6 if second % 3 else 0.0

    link = Throughput(Strict(), 10.0)
    for now in range(10, 5000, 7):
        link.opens(now + 0.5)
        link.begin(now - 0.2)
        link.mean_speed(now, 8)
        link.take(1_500_000)
    assert asked == list(range(len(asked)))
    assert len(link._speeds) < 300


def test_a_link_that_was_idle_has_saved_nothing_up() -> None:
    link = Throughput(Line((8e6,)), 0.0)
    link.take(1000)
    link.begin(5.0)
    assert link.room(5.001) == 1000
    link.begin(4.0)
    assert link.room(5.001) == 1000
