"""Timers and signals: what a lane waits for happens, in order, on time."""

from __future__ import annotations

import pytest

from loadtests.recorder import CohortTally
from loadtests.session import (
    Fire,
    Reply,
    Session,
    Signal,
    Spawn,
    Viewer,
    WaitFor,
    WaitUntil,
)
from tests.engine.asking import settle, viewer, visit
from tests.engine.conftest import MakeLoop, Ticks


def test_timers_fire_in_order_of_time_then_of_asking(ticks: Ticks, make_loop: MakeLoop) -> None:
    loop, seen = make_loop(ticks=ticks), list[str]()

    def lane(name: str, at: float) -> Session:
        yield WaitUntil(at)
        seen.append(name)

    for name, at in [("late", 30.0), ("first", 10.0), ("second", 10.0), ("past", -5.0), ("third", 10.0)]:
        loop.admit(visit(loop), lane(name, at))
    loop.step()
    ticks.ahead = 20
    loop.step()
    assert seen == ["past", "first", "second", "third"]
    ticks.ahead = 40
    loop.step()
    assert seen[4:] == ["late"]


def test_a_lane_is_told_when_it_was_woken(ticks: Ticks, make_loop: MakeLoop) -> None:
    loop, told = make_loop(ticks=ticks), list[Reply]()

    def lane() -> Session:
        told.append((yield WaitUntil(10.0)))

    loop.admit(visit(loop), lane())
    loop.step()
    ticks.ahead = 12
    loop.step()
    assert told == [pytest.approx(12, abs=0.5)]


def test_lateness_counts_from_the_moment_of_asking(ticks: Ticks, make_loop: MakeLoop) -> None:
    """A viewer whose response was slow asks for a time in the past: that is the target's fault, not the generator's."""
    loop = make_loop(ticks=ticks)

    def lane() -> Session:
        yield WaitUntil(-100.0)
        yield WaitUntil(10.0)

    loop.admit(visit(loop), lane())
    loop.step()
    assert loop.health.lag.largest < 0.1
    ticks.ahead = 13
    loop.step()
    assert loop.health.lag.largest == pytest.approx(3, abs=0.5)
    assert loop.health.late == 1


def test_arrivals_come_when_they_are_due_and_their_lateness_counts(ticks: Ticks, make_loop: MakeLoop) -> None:
    seen = []

    def watch(who: Viewer, tally: CohortTally) -> Session:
        seen.append(who.number)
        yield WaitUntil(who.leave_at)

    coming = [viewer(number)._replace(join_at=number * 10.0) for number in range(4)]
    loop = make_loop(coming, watch, ticks=ticks)
    loop.step()
    assert seen == [0]
    ticks.ahead = 25
    loop.step()
    assert seen == [0, 1, 2]
    assert loop.health.lag.largest == pytest.approx(15, abs=0.5)
    assert not loop.is_idle
    ticks.ahead = 200
    loop.step()
    loop.step()
    assert loop.is_idle


def test_a_signal_wakes_everybody_who_waits_and_nobody_later(make_loop: MakeLoop) -> None:
    loop, signal, woken = make_loop(), Signal(), list[str]()

    def waiter(name: str) -> Session:
        yield WaitFor(signal)
        woken.append(name)

    def main() -> Session:
        yield Spawn(waiter("a"))
        yield Spawn(waiter("b"))
        yield WaitUntil(0.0)
        yield Fire(signal)
        yield Fire(signal)
        yield Spawn(waiter("c"))
        yield WaitUntil(0.0)
        assert woken == ["a", "b"]

    loop.admit(visit(loop), main())
    settle(loop)
    assert loop.health.faults == 0
    assert signal.waiters == []


def test_a_wait_for_a_signal_ends_in_time(ticks: Ticks, make_loop: MakeLoop) -> None:
    loop, signal, told = make_loop(ticks=ticks), Signal(), list[Reply]()

    def main() -> Session:
        told.append((yield WaitFor(signal, 10.0)))

    loop.admit(visit(loop), main())
    loop.step()
    ticks.ahead = 11
    loop.step()
    assert told == [pytest.approx(11, abs=0.5)]
    assert signal.waiters == []


def test_a_time_out_left_behind_by_a_signal_wakes_nobody(ticks: Ticks, make_loop: MakeLoop) -> None:
    """The ticket: a lane that has moved on sleeps through its old timer."""
    loop, signal, told = make_loop(ticks=ticks), Signal(), list[Reply]()

    def sleeper() -> Session:
        told.append((yield WaitFor(signal, 10.0)))
        told.append((yield WaitUntil(20.0)))

    def main() -> Session:
        yield Spawn(sleeper())
        yield WaitUntil(0.0)
        yield Fire(signal)
        yield WaitUntil(30.0)

    loop.admit(visit(loop), main())
    for _ in range(3):
        loop.step()
    assert len(told) == 1
    ticks.ahead = 15
    loop.step()
    assert len(told) == 1
    ticks.ahead = 21
    loop.step()
    assert len(told) == 2


def test_waits_cut_short_do_not_pile_up(ticks: Ticks, make_loop: MakeLoop) -> None:
    """A player that waits for news with a distant time-out leaves a stale timer each time."""
    loop, signal = make_loop(ticks=ticks), Signal()

    def sleeper() -> Session:
        while True:
            yield WaitFor(signal, 1e6)

    def main() -> Session:
        yield Spawn(sleeper())
        for _ in range(20_000):
            yield Fire(signal)
            yield WaitUntil(0.0)

    loop.admit(visit(loop), main())
    settle(loop)
    assert len(loop._timers) < 3000


def test_one_fire_reaches_lanes_of_a_signal_that_two_visits_share(make_loop: MakeLoop) -> None:
    loop, signal, woken = make_loop(), Signal(), list[int]()

    def main(number: int) -> Session:
        yield WaitFor(signal)
        woken.append(number)

    def firing() -> Session:
        yield Fire(signal)

    for number in range(3):
        loop.admit(visit(loop), main(number))
    loop.admit(visit(loop), firing())
    settle(loop)
    assert woken == [0, 1, 2]


def test_a_visit_that_ends_leaves_the_signals_it_waited_for(make_loop: MakeLoop) -> None:
    loop, signal = make_loop(), Signal()

    def waiter() -> Session:
        yield WaitFor(signal)

    def main() -> Session:
        for _ in range(3):
            yield Spawn(waiter())
        yield WaitUntil(0.0)

    loop.admit(visit(loop), main())
    settle(loop)
    assert signal.waiters == []
