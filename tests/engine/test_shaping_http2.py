"""HTTP/2 behind a last mile: its streams share the rate, and hostile servers gain nothing by it."""

from __future__ import annotations

import ssl

import pytest

from loadtests.engine.shaped import MOST_OWED
from loadtests.session import Failed, Got, Session, Spawn, WaitUntil
from tests.engine.asking import asking, bodies, sums
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import Talk
from tests.engine.http2_peer import H2Peer, always, frame, speaking
from tests.engine.last_miles import Line, Shaped, seconds


def test_streams_share_the_rate_and_a_connection_takes_its_round_trips(
    http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    """Connect, TLS 1.3, request: three; what is asked on an open connection takes one."""
    shaped = Shaped(http2, serve(speaking(always(bytes(250_000))), context=h2_context))
    replies: list[Got | Failed] = []
    again: list[Got | Failed] = []

    def main() -> Session:
        yield Spawn(asking([shaped.get("/a")], replies))
        yield from asking([shaped.get("/b")], replies)
        yield WaitUntil(2.0)
        yield from asking([shaped.get("/c")], again)

    shaped.loop.admit(shaped.visit(Line((4e6,), 0.1)), main())
    shaped.settle()
    assert shaped.server.accepted == 1
    assert max(seconds(replies)) == pytest.approx(3 * 0.1 + 1.0, abs=0.03)
    assert seconds(again) == [pytest.approx(0.1 + 0.5, abs=0.01)]


def test_flow_control_windows_are_opened_a_round_trip_later(
    http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    """Seven megabytes do not fit into Chrome's window of six, but half of one is enough to ask for more."""
    shaped = Shaped(http2, serve(speaking(always(bytes(7_000_000))), context=h2_context))
    (took,) = seconds(shaped.ask(Line((5.6e7,), 0.1), shaped.get()))
    assert took == pytest.approx(3 * 0.1 + 1.0, abs=0.05)


def test_a_server_that_closes_behind_a_stream(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    def play(h2: H2Peer) -> Talk:
        stream = yield from h2.hear()
        yield from h2.begin(stream, content_length="100000")
        yield from h2.give(stream, bytes(50_000))
        h2.peer.finish_sending()
        yield from h2.peer.pause(2000)

    shaped = Shaped(http2, serve(speaking(play), context=h2_context))
    (reply,) = shaped.ask(Line((4e5,), 0.05), shaped.get())
    assert isinstance(reply, Failed)
    assert (reply.reason, reply.detail) == ("reset", "closed before the response ended")
    assert reply.at - reply.started == pytest.approx(3 * 0.05 + 1.0, abs=0.1)
    assert sums(shaped.loop, "segment").bytes == 50_000


def test_a_stream_that_times_out_leaves_the_others(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    def play(h2: H2Peer) -> Talk:
        bad, good = yield from h2.hear_all(2)
        yield from h2.begin(bad)
        yield from h2.give(bad, b"x")
        yield from h2.peer.pause(3000)
        yield from h2.answer(good)
        yield from h2.rests()

    shaped = Shaped(http2, serve(speaking(play), context=h2_context))
    replies: list[Got | Failed] = []

    def main() -> Session:
        yield Spawn(asking([shaped.get("/good", read=True)], replies))
        yield from asking([shaped.get("/bad", timeout=1.0)], replies)
        yield WaitUntil(5.0)

    shaped.loop.admit(shaped.visit(Line((4e6,), 0.05)), main())
    shaped.settle()
    assert [type(reply) for reply in replies] == [Failed, Got]
    assert bodies(replies) == {"/good": b"hello"}


def test_a_server_that_makes_us_owe_it_more_than_it_reads_is_left(
    http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    """A PING is answered with as many bytes, a round trip later."""
    pings = frame(0x6, 0, b"12345678") * 500 + frame(0x0, 1, b"x")

    def play(h2: H2Peer) -> Talk:
        stream = yield from h2.hear()
        yield from h2.begin(stream)
        while True:
            yield from h2.say(pings)

    shaped = Shaped(http2, serve(speaking(play), context=h2_context))
    (reply,) = shaped.ask(Line((1e8,), 5.0), shaped.get())
    assert isinstance(reply, Failed)
    assert (reply.reason, reply.detail) == ("reset", "the server makes us say more than it reads")
    assert sums(shaped.loop, "segment").head_bytes < 3 * MOST_OWED
