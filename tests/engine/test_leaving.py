"""How visits end: by themselves, dismissed, cancelled; nothing may be left of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

import pytest

from loadtests.engine.visit import Visit
from loadtests.recorder import CohortTally
from loadtests.session import (
    Failed,
    Get,
    Got,
    Reply,
    Session,
    Signal,
    Spawn,
    Viewer,
    WaitFor,
    WaitUntil,
)
from tests.engine.asking import OK, asking, settle, sums, viewer, visit
from tests.engine.conftest import MakeLoop, Serve, Ticks
from tests.engine.hostile import Peer, Talk, wait_for
from tests.engine.scripts import always, silent, slow


def test_a_visit_ends_with_its_first_lane_and_closes_the_others(make_loop: MakeLoop) -> None:
    loop, closed = make_loop(), list[str]()

    def beside() -> Session:
        try:
            yield WaitUntil(math.inf)
        finally:
            closed.append("beside")

    def brief() -> Session:
        closed.append("brief")
        yield from ()

    def main() -> Session:
        yield Spawn(beside())
        yield Spawn(brief())
        yield WaitUntil(0.01)

    loop.admit(visit(loop), main())
    settle(loop)
    assert closed == ["brief", "beside"]


def test_a_lane_that_spawns_and_returns_at_once(make_loop: MakeLoop, serve: Serve) -> None:
    """Its visit is over before the other lane begins."""
    loop, begun = make_loop(), list[bool]()

    def never() -> Session:
        begun.append(True)
        yield WaitUntil(0.0)

    def main() -> Session:
        yield Spawn(never())

    loop.admit(visit(loop), main())
    settle(loop)
    assert begun == []


def test_a_request_under_way_when_the_viewer_leaves_is_read_to_its_end(make_loop: MakeLoop, serve: Serve) -> None:
    """The server sends it anyway. It is counted once, and its connection is closed."""
    loop, server, replies = make_loop(), serve(slow), list[Got | Failed]()

    def main() -> Session:
        yield Spawn(asking([Get(server.url(), "segment")] * 3, replies))
        yield WaitUntil(0.0)

    loop.admit(visit(loop), main())
    wait_for(lambda: not loop.visits, loop.step)
    assert not loop.is_idle
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert replies == []
    recorded = sums(loop, "segment")
    assert (recorded.count, recorded.bytes, recorded.total.count) == (1, 5, 1)
    assert loop.sockets == 0
    wait_for(lambda: not server.connections, server.step)
    assert len(server.requests) == 1


def test_idle_connections_are_closed_when_the_viewer_leaves(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    loop.admit(visit(loop), asking([Get(server.url(), "playlist")], []))
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert loop.sockets == 0
    wait_for(lambda: not server.connections, server.step)


def test_dismissed_viewers_wake_early_and_nobody_else_comes(ticks: Ticks, make_loop: MakeLoop) -> None:
    told = dict[int, Reply]()

    def watch(who: Viewer, tally: CohortTally) -> Session:
        told[who.number] = yield WaitUntil(who.leave_at)

    coming = [viewer(number)._replace(join_at=number * 10.0) for number in range(4)]
    loop = make_loop(coming, watch, ticks=ticks)
    ticks.ahead = 15
    loop.step()
    loop.dismiss()
    assert loop.is_idle
    assert told == {0: pytest.approx(15, abs=0.5), 1: pytest.approx(15, abs=0.5)}


def test_a_main_lane_dismissed_in_the_middle_of_a_request_gets_its_response_first(
    make_loop: MakeLoop, serve: Serve
) -> None:
    loop, server, told = make_loop(), serve(slow), list[Reply]()

    def main() -> Session:
        told.append((yield Get(server.url(), "playlist")))
        told.append((yield WaitUntil(100.0)))

    loop.admit(visit(loop), main())
    wait_for(lambda: bool(server.requests), loop.step, server.step)
    loop.dismiss()
    wait_for(lambda: loop.is_idle, loop.step, server.step)
    assert isinstance(told[0], Got)
    assert cast("float", told[1]) < 100


def test_a_visit_dismissed_before_its_first_step(make_loop: MakeLoop) -> None:
    loop, told = make_loop(), list[Reply]()

    def main() -> Session:
        told.append((yield WaitUntil(100.0)))

    loop.admit(visit(loop), main())
    loop.dismiss()
    settle(loop)
    assert cast("float", told[0]) < 100


def test_cancel_cuts_everything_off_and_counts_it_as_neither_good_nor_bad(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(silent)
    for number in range(5):
        loop.admit(visit(loop, number), asking([Get(server.url(), "segment")], []))
    wait_for(lambda: len(server.requests) == 5, loop.step, server.step)
    loop.cancel()
    recorded = sums(loop, "segment")
    assert (recorded.count, recorded.cancelled, recorded.errors) == (5, 5, {})
    assert loop.is_idle
    assert loop.sockets == 0
    wait_for(lambda: not server.connections, server.step)


def test_thousands_of_visits_leave_nothing_behind(make_loop: MakeLoop, serve: Serve) -> None:
    """Some leave in the middle of a request, some find their connection closed, some give up waiting."""

    def moody(peer: Peer) -> Talk:
        for _ in range(1 + len(server.requests) % 3):
            yield from peer.hear()
            yield from peer.say(OK)

    loop, server, signal = make_loop(), serve(moody), Signal()
    visits: list[Visit] = []

    def beside(number: int) -> Session:
        yield Get(server.url("/beside"), "segment")
        yield WaitFor(signal, 1e6 + number)

    def main(number: int) -> Session:
        yield Spawn(beside(number))
        yield Get(server.url(), "playlist")
        if number % 2:
            yield WaitUntil(loop.clock() + 0.002)
            yield Get(server.url(), "playlist")

    def admitting() -> Iterator[None]:
        for number in range(2000):
            visits.append(visit(loop, number))
            loop.admit(visits[-1], main(number))
            if number % 20 == 19:
                yield

    crowd = admitting()
    wait_for(lambda: next(crowd, True) is True and loop.is_idle, server.step, loop.step, patience=20)
    assert len(server.requests) == sums(loop).count + 2000
    assert signal.waiters == []
    assert len(loop._timers) < 3000
    assert loop.sockets == 0
    assert not loop._ready
    assert not any(one.opened or one.idle or one.lanes for one in visits)
