"""An error of ours in one session, or in the engine, takes nobody else with it and is never silent."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import cast

import pytest

from loadtests.engine.loop import Watch
from loadtests.recorder import CohortTally
from loadtests.session import (
    Failed,
    Get,
    Got,
    Instruction,
    Session,
    Spawn,
    Viewer,
    WaitUntil,
)
from tests.engine.asking import OK, asking, connection_of, settle, sums, viewer, visit
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import wait_for
from tests.engine.scripts import always, slow


def break_down() -> None:
    raise RuntimeError("broken")


def broken_at_once() -> Session:
    break_down()
    yield WaitUntil(0.0)


def broken_later() -> Session:
    yield WaitUntil(0.01)
    break_down()


def broken_beside() -> Session:
    yield Spawn(broken_later())
    yield WaitUntil(math.inf)


def broken_when_closed() -> Session:
    def beside() -> Session:
        try:
            yield WaitUntil(math.inf)
        finally:
            raise RuntimeError("broken")

    yield Spawn(beside())
    yield WaitUntil(0.01)


def wants_nonsense() -> Session:
    yield cast("Instruction", "nonsense")


def wants_no_time() -> Session:
    yield WaitUntil(math.nan)


@pytest.mark.parametrize(
    "session", [broken_at_once, broken_later, broken_beside, broken_when_closed, wants_nonsense, wants_no_time]
)
def test_an_error_in_one_session_ends_that_visit_only(
    session: Callable[[], Session], make_loop: MakeLoop, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted for good and told once; from then on no second of this generator is valid."""
    loop, server, replies = make_loop(), serve(always(OK)), list[Got | Failed]()
    for number in range(3):
        loop.admit(visit(loop, number), session())
    loop.admit(visit(loop, 3), asking([Get(server.url(), "playlist")] * 20, replies))
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert len(replies) == 20
    assert all(isinstance(reply, Got) for reply in replies)
    first, second = (loop.health.read(at, "w", sockets=0, viewers=0, received=0) for at in (0, 1))
    assert first.faults == second.faults == 3
    assert second.bottleneck() is not None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_an_error_where_visits_are_made_counts_too(make_loop: MakeLoop) -> None:
    def watch(who: Viewer, tally: CohortTally) -> Session:
        if who.number == 0:
            raise RuntimeError("broken")
        return brief()

    def brief() -> Session:
        yield WaitUntil(0.0)

    made: Watch = watch
    loop = make_loop([viewer(0), viewer(1)], made)
    settle(loop)
    assert loop.health.faults == 1


def test_drive_raises_what_step_only_counts(make_loop: MakeLoop) -> None:
    loop = make_loop()
    loop.admit(visit(loop), broken_later())
    with pytest.raises(RuntimeError, match="broken"):
        loop.drive(5.0)


def test_an_error_of_the_engine_costs_one_request(make_loop: MakeLoop, serve: Serve) -> None:
    """Even where we are wrong ourselves the others go on, and the request counts as neither good nor bad."""
    loop, server, replies = make_loop(), serve(slow), [list[Got | Failed](), list[Got | Failed]()]
    visits = [visit(loop, number) for number in range(2)]
    for one, told in zip(visits, replies, strict=True):
        loop.admit(one, asking([Get(server.url(), "playlist", read=True)], told))
    wait_for(lambda: len(server.requests) == 2, loop.step, server.step)
    connection_of(visits[0]).exchange.first_at = cast("float", None)
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert isinstance(replies[0][0], Failed)
    assert "error in surgecast" in replies[0][0].detail
    assert isinstance(replies[1][0], Got)
    recorded = sums(loop)
    assert (recorded.count, recorded.cancelled, recorded.errors) == (2, 1, {})
    assert loop.health.faults == 1
