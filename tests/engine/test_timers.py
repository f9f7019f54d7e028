"""Buckets of timers: the same order as one sorted list, whatever is asked for and given up in between."""

from __future__ import annotations

import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.engine.timers import MANY, PER_SECOND, Timers
from loadtests.engine.visit import Visit
from loadtests.lanes import Lane
from loadtests.recorder import CohortTally
from loadtests.session import Session
from tests.engine.asking import viewer

Moments = st.lists(st.floats(-3, 3, allow_nan=False).map(lambda at: round(at, 4)), max_size=40)


def _sleep() -> Session:
    yield from ()


def _lane() -> Lane[Visit]:
    return Lane(Visit(viewer(), CohortTally("id", "all")), _sleep())


@given(moments=Moments, looks=Moments)
@settings(deadline=None)
def test_every_lane_is_due_once_and_in_order(moments: list[float], looks: list[float]) -> None:
    timers, lanes = Timers[Lane[Visit]](), [_lane() for _ in moments]
    for lane, at in zip(lanes, moments, strict=True):
        timers.add(lane, at)
    waiting = sorted(range(len(moments)), key=lambda k: moments[k])
    for now in [*sorted(looks), math.inf if not moments else max(moments)]:
        if now == math.inf:
            continue
        expected = [(moments[k], lanes[k]) for k in waiting if moments[k] <= now]
        assert timers.due(now) == expected
        waiting = [k for k in waiting if moments[k] > now]
    assert len(timers) == 0


def test_a_lane_that_moved_on_is_not_due() -> None:
    timers, early, late = Timers[Lane[Visit]](), _lane(), _lane()
    timers.add(early, 1.0)
    timers.add(late, 1.0)
    timers.forget(early)
    timers.add(early, 2.0)
    assert timers.due(1.5) == [(1.0, late)]
    assert timers.due(2.0) == [(2.0, early)]


def test_within_a_bucket_nobody_is_woken_before_its_time() -> None:
    timers, lanes = Timers[Lane[Visit]](), [_lane(), _lane()]
    bucket = 5 / PER_SECOND
    timers.add(lanes[1], bucket + 0.8 / PER_SECOND)
    timers.add(lanes[0], bucket + 0.2 / PER_SECOND)
    assert [lane for _, lane in timers.due(bucket + 0.5 / PER_SECOND)] == [lanes[0]]
    assert [lane for _, lane in timers.due(bucket + 0.9 / PER_SECOND)] == [lanes[1]]


def test_given_up_timers_do_not_pile_up() -> None:
    timers, dice, lane, steady = Timers[Lane[Visit]](), Random(1), _lane(), _lane()
    timers.add(steady, 1e6)
    for _ in range(20 * MANY):
        timers.add(lane, dice.uniform(10.0, 1e5))
        timers.forget(lane)
    assert len(timers) < 3 * MANY
    assert timers.due(2e6) == [(1e6, steady)]
    assert len(timers) == 0
