"""Latency is what the kernel saw, however late the loop comes to look."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

import pytest

from loadtests.engine.loop import Loop
from loadtests.session import Failed, Get, Got
from tests.engine.asking import OK, asking, sums, visit
from tests.engine.certificates import Authority
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import Peer, Server, Talk, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="receive times are asked of the Linux kernel")

AWAY: Final = 0.6
"""Seconds for which the loop does not look."""
HALF: Final = AWAY / 2
ATTEMPTS: Final = 3


def answer(peer: Peer) -> Talk:
    yield from peer.hear()
    yield from peer.say(OK)
    yield from peer.pause(10**6)


def answered(loop: Loop, server: Server, get: Get) -> list[Got | Failed]:
    """Ask; when the server has answered, the loop has not looked since it asked."""
    replies: list[Got | Failed] = []
    loop.admit(visit(loop), asking([get], replies))
    wait_for(lambda: len(server.requests) == 1, loop.step, server.step)
    wait_for(lambda: server.said > 0, server.step)
    return replies


def late_reply(make_loop: MakeLoop, serve: Serve, authority: Authority | None = None) -> Got:
    """The reply to one request that the loop looked at `AWAY` seconds after it had come.

    Asked again when the machine gave our core away between two looks at the clocks, for then the loop's own counts.
    """
    got: Got | Failed | None = None
    for _ in range(ATTEMPTS):
        loop = make_loop(ca_file=str(authority.file) if authority else "")
        server = serve(answer, context=authority.server("127.0.0.1") if authority else None)
        replies = answered(loop, server, Get(server.url(), "playlist", read=True))
        time.sleep(AWAY)
        wait_for(lambda: loop.is_idle, loop.step)  # noqa: B023 - done with before the next attempt
        got = replies[0]
        assert isinstance(got, Got)
        assert sums(loop).total.largest == pytest.approx(got.at - got.started)
        if got.at - got.started < HALF:
            break
    assert isinstance(got, Got)
    return got


def test_a_loop_that_is_away_does_not_add_its_absence(make_loop: MakeLoop, serve: Serve) -> None:
    got = late_reply(make_loop, serve)
    assert got.at - got.started < HALF


def test_nor_through_tls(make_loop: MakeLoop, serve: Serve, tmp_path: Path) -> None:
    got = late_reply(make_loop, serve, Authority(tmp_path, "good"))
    assert got.at - got.started < HALF


def test_a_clock_that_was_set_meanwhile_is_not_believed(make_loop: MakeLoop, serve: Serve) -> None:
    ahead = [0.0]
    loop, server = make_loop(wall=lambda: time.time() + ahead[0]), serve(answer)
    replies = answered(loop, server, Get(server.url(), "playlist", read=True))
    time.sleep(HALF)
    ahead[0] = -3600.0
    wait_for(lambda: loop.is_idle, loop.step)
    assert isinstance(replies[0], Got)
    assert replies[0].at - replies[0].started >= HALF


def test_the_rest_of_a_packet_came_with_its_beginning(make_loop: MakeLoop) -> None:
    """What two reads take out of one packet has one time, and the second read may be late."""
    loop = make_loop()
    loop.step()
    loop.step()
    stamp = time.time()
    time.sleep(0.05)
    came = loop.moment(stamp, 0.0)
    time.sleep(0.05)
    assert loop.moment(stamp, came) == came or not loop._steady
