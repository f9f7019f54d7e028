"""HTTP/2: streams, windows, servers that go away, and that every request is counted as over HTTP/1.1."""

from __future__ import annotations

import gzip
import ssl
from urllib.parse import urlsplit

import pytest
from h2.errors import ErrorCodes
from h2.events import PingAckReceived, RequestReceived

from loadtests.engine.head import LONGEST_HEAD
from loadtests.engine.http2_frames import CONNECTION_WINDOW, STREAM_WINDOW
from loadtests.engine.request import USER_AGENT
from loadtests.session import Failed, Get, Got, Session
from tests.engine.asking import ask, asking, bodies, named, players, reasons, sums, together, visit
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import Talk, wait_for
from tests.engine.http2_peer import H2Peer, always, speaking


def test_requests_share_one_connection(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    loop, server = http2(), serve(speaking(always()), context=h2_context)
    replies = ask(loop, server, *["/"] * 20)
    assert [reply.body for reply in replies if isinstance(reply, Got)] == [b"hello"] * 20
    assert (server.accepted, len(server.requests)) == (1, 20)
    assert players(loop).reconnects == 0


def test_what_is_asked_while_the_connection_opens_waits_for_it(
    http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    loop, server = http2(), serve(speaking(always()), context=h2_context)
    replies = together(loop, server, *named(server, "/a", "/b", "/c"))
    assert bodies(replies) == {"/a": b"hello", "/b": b"hello", "/c": b"hello"}
    assert server.accepted == 1


def test_a_later_response_may_come_first(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    def play(h2: H2Peer) -> Talk:
        streams = yield from h2.hear_all(3)
        for stream in streams:
            yield from h2.begin(stream)
        for piece in (b"1", b"2", b"3"):
            for stream in reversed(streams):
                yield from h2.give(stream, piece + str(stream).encode(), end=piece == b"3")
        yield from h2.rests()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    replies = together(loop, server, *named(server, "/a", "/b", "/c"))
    assert bodies(replies) == {"/a": b"112131", "/b": b"132333", "/c": b"152535"}
    assert [urlsplit(reply.url).path for reply in replies] == ["/c", "/b", "/a"]


def test_every_byte_of_a_stream_is_counted(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    """Heads, frame headers and padding included; SETTINGS, PING and the like belong to no request."""
    peers: list[H2Peer] = []

    def play(h2: H2Peer) -> Talk:
        peers.append(h2)
        for number in range(3):
            stream = yield from h2.hear()
            yield from h2.begin(stream, x_cache="HIT" if number else "MISS")
            h2.h2.ping(b"12345678")
            h2.h2.send_data(stream, b"x" * 1000, pad_length=200)
            yield from h2.flush()
            yield from h2.give(stream, b"y" * 9000, end=True)
        yield from h2.rests()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    replies = ask(loop, server, *[Get(server.url(), "segment")] * 3)
    assert [reply.size for reply in replies if isinstance(reply, Got)] == [10_000] * 3
    recorded = sums(loop, "segment")
    assert recorded.bytes == 30_000
    assert recorded.bytes + recorded.head_bytes == peers[0].wire
    assert sum(isinstance(event, PingAckReceived) for event in peers[0].events) >= 2  # the last may come too late
    assert recorded.cache == {"miss": 1, "hit": 2}
    assert recorded.total.count == recorded.ttfb.count == 3


@pytest.mark.parametrize("read", [True, False])
def test_a_body_larger_than_the_windows(read: bool, http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    body = bytes(range(256)) * (STREAM_WINDOW // 100)
    peers: list[H2Peer] = []

    def play(h2: H2Peer) -> Talk:
        peers.append(h2)
        yield from always(body)(h2)

    loop, server = http2(), serve(speaking(play), context=h2_context)
    (reply,) = ask(loop, server, Get(server.url(), "segment", read), patience=20)
    assert isinstance(reply, Got)
    assert reply.size == len(body) > CONNECTION_WINDOW
    assert reply.body == (body if read else b"")
    assert 4 <= peers[0].updates() <= 12  # once for each half of a window


def test_windows_are_those_of_a_browser_and_push_is_off(
    http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    peers: list[H2Peer] = []

    def play(h2: H2Peer) -> Talk:
        peers.append(h2)
        yield from always()(h2)

    loop, server = http2(), serve(speaking(play), context=h2_context)
    ask(loop, server, "/")
    told = peers[0].h2.remote_settings
    assert (told.enable_push, told.initial_window_size) == (0, 6 * 2**20)
    assert told.max_header_list_size == LONGEST_HEAD
    assert peers[0].h2.outbound_flow_control_window == 15 * 2**20 - len(b"hello")


def test_the_request_says_what_it_says_over_http_1(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    heads: list[list[tuple[bytes, bytes]]] = []

    def play(h2: H2Peer) -> Talk:
        while True:
            yield from h2.hear()
            asked = [event for event in h2.events if isinstance(event, RequestReceived)]
            heads.extend([(bytes(name), bytes(value)) for name, value in event.headers] for event in asked)
            yield from h2.answer(1)

    loop, server = http2(), serve(speaking(play), context=h2_context)
    ask(loop, server, "/live/a b.m3u8?token=x")
    host = f"127.0.0.1:{server.port}".encode()
    assert heads[0] == [
        (b":method", b"GET"),
        (b":authority", host),
        (b":scheme", b"https"),
        (b":path", b"/live/a%20b.m3u8?token=x"),
        (b"user-agent", USER_AGENT.encode()),
        (b"accept", b"*/*"),
        (b"accept-encoding", b"gzip"),
    ]


def test_what_a_head_says_is_read_as_over_http_1(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    packed = gzip.compress(b"#EXTM3U")

    def play(h2: H2Peer) -> Talk:
        yield from h2.answer((yield from h2.hear()), packed, content_encoding="gzip")
        yield from h2.answer((yield from h2.hear()), b"", status=302, location="/b")
        yield from h2.answer((yield from h2.hear()), b"no", status=404)
        yield from h2.answer((yield from h2.hear()), b"", status=204)
        stream = yield from h2.hear()
        yield from h2.begin(stream, status=103, link="</a>")
        yield from h2.begin(stream, content_length="5")
        yield from h2.give(stream, b"hello")
        yield from h2.trail(stream, x_checksum="1")
        yield from h2.rests()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    replies = ask(loop, server, *["/"] * 5)
    assert [reply.status for reply in replies if isinstance(reply, Got)] == [200, 302, 404, 204, 200]
    assert [reply.body for reply in replies if isinstance(reply, Got)] == [b"#EXTM3U", b"", b"no", b"", b"hello"]
    assert isinstance(replies[1], Got)
    assert replies[1].location == "/b"
    assert sums(loop).errors == {"http_4xx": 1}
    assert server.accepted == 1


@pytest.mark.parametrize("said", ["4", "6"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_body_that_is_not_as_long_as_said_fails_alone(
    said: str, empty: bool, http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    def play(h2: H2Peer) -> Talk:
        bad, good = (yield from h2.hear()), (yield from h2.hear())
        yield from h2.answer(bad, b"" if empty else b"hello", content_length=said)
        yield from h2.answer(good)
        yield from h2.answer((yield from h2.hear()))
        yield from h2.rests()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    replies = together(loop, server, *named(server, "/bad", "/good"))
    assert reasons(replies) == ["protocol"]
    assert bodies(replies) == {"/good": b"hello"}
    assert sums(loop).errors == {"protocol": 1}
    assert server.accepted == 1


@pytest.mark.parametrize("told", [True, False])
def test_a_body_over_the_limit_is_cut_off_alone(
    told: bool, http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    peers: list[H2Peer] = []

    def play(h2: H2Peer) -> Talk:
        peers.append(h2)
        large, good = (yield from h2.hear()), (yield from h2.hear())
        yield from h2.begin_with(large, [("content-length", "5000")] if told else [])
        h2.h2.send_data(large, b"x" * 5000)
        yield from h2.flush()
        yield from h2.peer.pause(20)
        yield from h2.answer(good)
        yield from h2.rests()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    replies = together(loop, server, *named(server, "/large", limit=1000), *named(server, "/good"))
    assert reasons(replies) == ["too_large"]
    assert bodies(replies) == {"/good": b"hello"}
    wait_for(lambda: not server.connections, server.step)
    assert peers[0].resets() == [(1, ErrorCodes.CANCEL)]
    assert sums(loop).errors == {"too_large": 1}


# -- servers that go away -------------------------------------------------------------------------------------------


def test_a_server_that_goes_away_finishes_what_it_has_begun(
    http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    """Streams above the last one it names are sent again, on a new connection."""

    def play(h2: H2Peer) -> Talk:
        streams = yield from h2.hear_all(3 if server.accepted == 1 else 1)
        if server.accepted == 1:
            yield from h2.begin(streams[0])
            yield from h2.go_away(streams[0])
            yield from h2.give(streams[0], b"old", end=True)
            yield from h2.rests()
        yield from h2.answer(streams[0], b"new")
        yield from always(b"new")(h2)

    loop = http2()
    server = serve(speaking(play), context=h2_context)
    replies = together(loop, server, *named(server, "/a", "/b", "/c"))
    assert bodies(replies) == {"/a": b"old", "/b": b"new", "/c": b"new"}
    assert server.accepted == 2
    recorded = sums(loop)
    assert (recorded.count, recorded.errors) == (3, {})
    wait_for(lambda: not server.connections, server.step)


def test_a_last_farewell_in_two_steps(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    """First that it will go, then from which stream on (RFC 9113 section 6.8)."""

    def play(h2: H2Peer) -> Talk:
        streams = yield from h2.hear_all(2)
        if server.accepted == 1:
            yield from h2.go_away(2**31 - 1)
            yield from h2.go_away(streams[0])
            h2.h2.ping(b"12345678")
            yield from h2.answer(streams[0])
            yield from h2.rests()
        yield from always()(h2)

    def second(h2: H2Peer) -> Talk:
        yield from (play if server.accepted == 1 else always())(h2)

    loop = http2()
    server = serve(speaking(second), context=h2_context)
    assert len(bodies(together(loop, server, *named(server, "/a", "/b")))) == 2
    assert (server.accepted, len(server.requests)) == (2, 3)


def test_a_request_is_sent_again_only_once(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    def play(h2: H2Peer) -> Talk:
        yield from h2.hear()
        yield from h2.go_away(0, ErrorCodes.ENHANCE_YOUR_CALM)
        yield from h2.rests()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    (reply,) = ask(loop, server, "/")
    assert isinstance(reply, Failed)
    assert (reply.reason, reply.detail) == ("reset", "server goes away: ENHANCE_YOUR_CALM")
    assert (server.accepted, len(server.requests)) == (2, 2)
    assert sums(loop).errors == {"reset": 1}


def test_a_server_that_goes_away_between_requests(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    """As nginx does after ``keepalive_requests``."""

    def play(h2: H2Peer) -> Talk:
        for _ in range(2):
            stream = yield from h2.hear()
            yield from h2.answer(stream)
        yield from h2.go_away(stream)
        yield from h2.rests()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    assert len(bodies(ask(loop, server, *[f"/{number}" for number in range(6)]))) == 6
    assert server.accepted == 3
    assert players(loop).reconnects == 2


def test_a_stream_refused_is_opened_again_once(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    def play(h2: H2Peer) -> Talk:
        yield from h2.reset((yield from h2.hear()), ErrorCodes.REFUSED_STREAM)
        yield from h2.answer((yield from h2.hear()))
        for _ in range(2):
            yield from h2.reset((yield from h2.hear()), ErrorCodes.REFUSED_STREAM)
        yield from h2.rests()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    first, second = ask(loop, server, "/a", "/b")
    assert isinstance(first, Got)
    assert isinstance(second, Failed)
    assert (second.reason, second.detail) == ("reset", "stream reset: REFUSED_STREAM")
    assert server.requests == ["/a", "/a", "/b", "/b"]
    assert server.accepted == 1
    assert sums(loop).count == 2


@pytest.mark.parametrize("begun", [True, False])
def test_a_stream_reset_fails_alone(begun: bool, http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    def play(h2: H2Peer) -> Talk:
        bad, good = (yield from h2.hear()), (yield from h2.hear())
        if begun:
            yield from h2.begin(bad)
        yield from h2.reset(bad, ErrorCodes.INTERNAL_ERROR)
        yield from h2.answer(good)
        yield from h2.rests()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    replies = together(loop, server, *named(server, "/bad", "/good"))
    assert (reasons(replies), bodies(replies)) == (["reset"], {"/good": b"hello"})
    assert len(server.requests) == 2


def test_a_connection_closed_while_idle_is_replaced(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    def play(h2: H2Peer) -> Talk:
        yield from h2.answer((yield from h2.hear()))

    loop, server = http2(), serve(speaking(play), context=h2_context)
    replies: list[Got | Failed] = []

    def session() -> Session:
        for _ in range(3):
            yield from asking(named(server, "/"), replies)
            wait_for(lambda: not server.connections, server.step)

    loop.admit(visit(loop), session())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert [type(reply) for reply in replies] == [Got] * 3
    assert (server.accepted, players(loop).reconnects) == (3, 2)


@pytest.mark.parametrize("answers", [True, False])
def test_a_used_connection_that_breaks_is_asked_again_once(
    answers: bool, http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    def play(h2: H2Peer) -> Talk:
        stream = yield from h2.hear()
        if server.accepted == 1 or answers:
            yield from h2.answer(stream)
            yield from h2.hear()
        h2.peer.reset()

    loop = http2()
    server = serve(speaking(play), context=h2_context)
    first, second = ask(loop, server, "/a", "/b")
    assert isinstance(first, Got)
    assert isinstance(second, Got) == answers
    assert isinstance(second, Got) or second.reason == "reset"
    assert server.requests == ["/a", "/b", "/b"]
