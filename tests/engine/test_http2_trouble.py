"""HTTP/2 servers that are slow, that forbid, that speak nonsense; and servers that speak HTTP/1.1 after all."""

from __future__ import annotations

import ssl

import pytest
from h2.errors import ErrorCodes
from h2.events import WindowUpdated
from h2.settings import SettingCodes

from loadtests.engine.connection import CONNECT_TIMEOUT
from loadtests.engine.head import LONGEST_HEAD
from loadtests.engine.http2_frames import CONNECTION_WINDOW, CONTINUATION, DATA, FIRST_WINDOW, HEADERS, MOST_EMPTY
from loadtests.session import Failed, Get, Got, Session, Spawn, WaitUntil
from tests.engine.asking import ask, asking, bodies, named, reasons, sums, together, visit
from tests.engine.conftest import MakeLoop, Serve, Ticks
from tests.engine.hostile import Peer, Talk, wait_for
from tests.engine.http2_peer import H2Peer, Play, always, frame, speaking

PING, SETTINGS, PUSH_PROMISE, WINDOW_UPDATE = 0x6, 0x4, 0x5, 0x8
STATUS_200 = b"\x88"
"""``:status: 200`` in HPACK's static table (RFC 7541 appendix A)."""


# -- time ------------------------------------------------------------------------------------------------------------


def silent(h2: H2Peer) -> Talk:
    yield from h2.rests()


def half_a_head(h2: H2Peer) -> Talk:
    """A slow-loris in reverse: its header block never ends."""
    stream = yield from h2.hear()
    yield from h2.say(frame(HEADERS, stream, STATUS_200))
    yield from h2.rests()


def half_a_frame(h2: H2Peer) -> Talk:
    stream = yield from h2.hear()
    yield from h2.peer.say(frame(HEADERS, stream, STATUS_200, flags=0x4)[:-1])
    yield from h2.rests()


def half_a_body(h2: H2Peer) -> Talk:
    stream = yield from h2.hear()
    yield from h2.begin(stream)
    yield from h2.give(stream, b"hello")
    yield from h2.rests()


def only_pings(h2: H2Peer) -> Talk:
    yield from h2.hear()
    for _ in range(10):
        yield from h2.say(frame(PING, 0, b"12345678"))
    yield from h2.rests()


@pytest.mark.parametrize(
    ("play", "ahead", "detail"),
    [
        (silent, 3.0, "no first byte after 2 s"),
        (only_pings, 3.0, "no first byte after 2 s"),
        (half_a_head, 6.0, "not whole after 5 s"),
        (half_a_frame, 6.0, "not whole after 5 s"),
        (half_a_body, 6.0, "not whole after 5 s"),
    ],
)
def test_a_time_out_ends_the_stream(
    play: Play, ahead: float, detail: str, ticks: Ticks, http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    peers: list[H2Peer] = []

    def watched(h2: H2Peer) -> Talk:
        peers.append(h2)
        yield from play(h2)

    loop, server = http2(ticks=ticks), serve(speaking(watched), context=h2_context)
    replies: list[Got | Failed] = []
    loop.admit(visit(loop), asking(named(server, "/", timeout=5.0, first_byte_timeout=2.0), replies))
    wait_for(lambda: bool(server.requests), server.step, loop.step)
    for _ in range(20):
        server.step()
        loop.step()
    assert replies == []
    ticks.ahead = ahead
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    (reply,) = replies
    assert isinstance(reply, Failed)
    assert (reply.reason, reply.detail) == ("timeout", detail)
    assert sums(loop).errors == {"timeout": 1}
    wait_for(lambda: not server.connections, server.step)
    assert peers[0].resets() == [(1, ErrorCodes.CANCEL)]


@pytest.mark.parametrize("speaks", [True, False])
def test_a_connection_that_has_fallen_silent_gets_no_further_request(
    speaks: bool, ticks: Ticks, http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    """One that still speaks is kept: only that stream was slow."""

    def play(h2: H2Peer) -> Talk:
        yield from h2.answer((yield from h2.hear()))
        yield from h2.hear()
        if speaks:
            yield from h2.say(frame(PING, 0, b"12345678"))
        yield from always()(h2)

    loop, server = http2(ticks=ticks), serve(speaking(play), context=h2_context)
    replies: list[Got | Failed] = []
    loop.admit(visit(loop), asking(named(server, "/a", "/b", "/c", first_byte_timeout=2.0), replies))
    wait_for(lambda: len(server.requests) == 2, server.step, loop.step)
    for _ in range(20):
        server.step()
        loop.step()
    ticks.ahead = 3
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert [type(reply) for reply in replies] == [Got, Failed, Got]
    assert server.accepted == (1 if speaks else 2)


def test_everybody_who_waits_for_a_connection_times_out_with_it(
    ticks: Ticks, http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    def deaf(peer: Peer) -> Talk:
        yield from peer.pause(10**6)

    loop, server = http2(ticks=ticks), serve(deaf)
    replies: list[Got | Failed] = []
    url = f"https://127.0.0.1:{server.port}/"

    def main() -> Session:
        yield Spawn(asking([Get(url, "playlist", timeout=99, first_byte_timeout=99)], replies))
        yield Spawn(asking([Get(url, "playlist", timeout=99, first_byte_timeout=5)], replies))
        yield WaitUntil(50.0)

    loop.admit(visit(loop), main())
    wait_for(lambda: server.accepted == 1, server.step, loop.step)
    ticks.ahead = 6
    wait_for(lambda: len(replies) == 1, loop.step)
    ticks.ahead = CONNECT_TIMEOUT + 1
    wait_for(lambda: len(replies) == 2, loop.step)
    assert [reply.detail for reply in replies if isinstance(reply, Failed)] == [
        "no first byte after 5 s",
        "no connection after 10 s",
    ]
    assert loop.sockets == 0
    ticks.ahead = 51


# -- leaving ---------------------------------------------------------------------------------------------------------


def test_requests_under_way_when_the_viewer_leaves_are_read_to_their_end(
    http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    def play(h2: H2Peer) -> Talk:
        streams = yield from h2.hear_all(2)
        yield from h2.peer.pause(30)
        for stream in streams:
            yield from h2.answer(stream)
        yield from h2.rests()

    loop, server, replies = http2(), serve(speaking(play), context=h2_context), list[Got | Failed]()

    def main() -> Session:
        yield Spawn(asking([Get(server.url(), "segment")] * 3, replies))
        yield Spawn(asking([Get(server.url(), "segment")] * 3, replies))
        yield WaitUntil(0.0)

    loop.admit(visit(loop), main())
    wait_for(lambda: not loop.visits, loop.step)
    assert not loop.is_idle
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert replies == []
    recorded = sums(loop, "segment")
    assert (recorded.count, recorded.bytes, recorded.total.count) == (2, 10, 2)
    assert loop.sockets == 0
    wait_for(lambda: not server.connections, server.step)
    assert len(server.requests) == 2


def test_cancel_resets_every_stream(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    peers: list[H2Peer] = []

    def play(h2: H2Peer) -> Talk:
        peers.append(h2)
        yield from silent(h2)

    loop, server = http2(), serve(speaking(play), context=h2_context)

    def main() -> Session:
        yield Spawn(asking([Get(server.url(), "segment")], []))
        yield from asking([Get(server.url(), "segment")], [])

    loop.admit(visit(loop), main())
    wait_for(lambda: len(server.requests) == 2, loop.step, server.step)
    loop.cancel()
    recorded = sums(loop, "segment")
    wait_for(lambda: not server.connections, server.step)
    assert (recorded.count, recorded.cancelled, recorded.errors) == (2, 2, {})
    assert sorted(peers[0].resets()) == [(1, ErrorCodes.CANCEL), (3, ErrorCodes.CANCEL)]


# -- what a server allows ---------------------------------------------------------------------------------------------


def test_no_more_streams_than_the_server_allows(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    most: list[int] = []

    def play(h2: H2Peer) -> Talk:
        yield from h2.answer((yield from h2.hear()))
        while True:
            stream = yield from h2.hear()
            yield from h2.peer.pause(5)
            yield from h2.listen()
            most.append(1 + len(h2.asked))
            yield from h2.answer(stream)

    settings = {SettingCodes.MAX_CONCURRENT_STREAMS: 2}
    loop, server = http2(), serve(speaking(play, settings=settings), context=h2_context)
    replies: list[Got | Failed] = []

    def main() -> Session:
        yield from asking(named(server, "/"), replies)  # the settings are known by its end
        for number in range(6):
            yield Spawn(asking(named(server, f"/{number}"), replies))
        while len(replies) < 7:
            yield WaitUntil(loop.clock() + 0.001)

    loop.admit(visit(loop), main())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert len(bodies(replies)) == 7
    assert server.accepted == 1
    assert max(most) == 2


def test_streams_beyond_the_first_settings_are_refused_and_asked_again(
    http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    """The first requests go out before the server has said how many it allows."""

    def play(h2: H2Peer) -> Talk:
        first, *others = yield from h2.hear_all(3)
        for stream in others:
            yield from h2.reset(stream, ErrorCodes.REFUSED_STREAM)
        yield from h2.answer(first)
        yield from always()(h2)

    settings = {SettingCodes.MAX_CONCURRENT_STREAMS: 100}
    loop, server = http2(), serve(speaking(play, settings=settings), context=h2_context)
    assert len(bodies(together(loop, server, *named(server, "/a", "/b", "/c")))) == 3
    assert (server.accepted, len(server.requests)) == (1, 5)


def test_who_waits_for_a_stream_goes_with_the_others(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    def play(h2: H2Peer) -> Talk:
        if server.accepted == 1:  # one stream at a time
            yield from h2.say(frame(SETTINGS, 0, b"\x00\x03" + (1).to_bytes(4)))
        stream = yield from h2.hear()
        if server.accepted == 1:
            yield from h2.answer(stream)
            stream = yield from h2.hear()
            yield from h2.peer.pause(20)
            yield from h2.go_away(stream)
        yield from h2.answer(stream)
        yield from always()(h2)

    loop, server = http2(), serve(speaking(play), context=h2_context)
    replies: list[Got | Failed] = []

    def main() -> Session:
        yield from asking(named(server, "/"), replies)
        for number in range(3):
            yield Spawn(asking(named(server, f"/{number}"), replies))
        while len(replies) < 4:
            yield WaitUntil(loop.clock() + 0.001)

    loop.admit(visit(loop), main())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert len(bodies(replies)) == 4
    assert (server.accepted, len(server.requests)) == (2, 4)


# -- nonsense ----------------------------------------------------------------------------------------------------------


def headers_of(size: int) -> Play:
    def play(h2: H2Peer) -> Talk:
        stream = yield from h2.hear()
        yield from h2.begin_with(stream, [(f"x-{number}", "y" * 1000) for number in range(size // 1000)], end=True)
        yield from h2.rests()

    return play


def says(*frames: bytes) -> Play:
    def play(h2: H2Peer) -> Talk:
        yield from h2.hear_all(2)
        for one in frames:
            yield from h2.say(one)
        yield from h2.rests()

    return play


HEAD = frame(HEADERS, 1, STATUS_200, flags=0x4)


@pytest.mark.parametrize(
    "frames",
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n",),
        (frame(DATA, 1, b"x" * 16_385),),
        (frame(DATA, 1, b"before its head"),),
        (frame(HEADERS, 1, b"\xff" * 40, flags=0x4),),
        (frame(HEADERS, 2, STATUS_200, flags=0x5),),
        (frame(HEADERS, 99, STATUS_200, flags=0x5),),
        (frame(CONTINUATION, 1, STATUS_200, flags=0x4),),
        (frame(SETTINGS, 0, b"odd"),),
        (frame(SETTINGS, 1),),
        (frame(PING, 0, b"short"),),
        (frame(WINDOW_UPDATE, 0, bytes(4)),),
        (frame(WINDOW_UPDATE, 0, b"\x7f\xff\xff\xff"),),
        (HEAD, frame(DATA, 1, b"\xff" + b"x", flags=0x8)),
        (frame(PUSH_PROMISE, 1, (2).to_bytes(4) + b"\x82\x87\x84\x41\x01a", flags=0x4),),
        (HEAD, HEAD),
        tuple(frame(PING, 0, b"12345678") for _ in range(MOST_EMPTY + 2)),
        (HEAD, b"".join([frame(DATA, 1)] * (MOST_EMPTY + 2))),
        (frame(HEADERS, 1), *[frame(CONTINUATION, 1, b"x" * 16_000)] * 66),
    ],
)
def test_nonsense_fails_every_request_of_its_connection(
    frames: tuple[bytes, ...], http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    loop, server = http2(), serve(speaking(says(*frames)), context=h2_context)
    replies = together(loop, server, *named(server, "/a", "/b"))
    assert reasons(replies) == ["protocol", "protocol"]
    assert sums(loop).errors == {"protocol": 2}
    assert len(server.requests) == 2


def test_headers_beyond_the_limit_are_not_read(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    loop = http2()
    (good,) = ask(loop, serve(speaking(headers_of(LONGEST_HEAD - 6000)), context=h2_context), "/")
    (bad,) = ask(loop, serve(speaking(headers_of(LONGEST_HEAD + 1000)), context=h2_context), "/")
    assert isinstance(good, Got)
    assert isinstance(bad, Failed)
    assert bad.reason == "protocol"
    assert "Oversized header block" in bad.detail


def test_what_comes_for_a_stream_cut_off_opens_the_connections_window(
    http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    """Else the bodies that nobody wants would stop the others."""
    peers: list[H2Peer] = []

    def play(h2: H2Peer) -> Talk:
        peers.append(h2)
        large = yield from h2.hear()
        yield from h2.begin(large)
        for _ in range(CONNECTION_WINDOW // 16_384):
            yield from h2.say(frame(DATA, large, bytes(16_384)))
        yield from always()(h2)

    loop, server = http2(), serve(speaking(play), context=h2_context)
    first, second = ask(loop, server, *named(server, "/large", "/small", limit=1000), patience=20)
    assert isinstance(first, Failed)
    assert isinstance(second, Got)
    assert server.accepted == 1
    wait_for(lambda: not server.connections, server.step)
    opened = [event.delta for event in peers[0].events if isinstance(event, WindowUpdated)]
    assert opened == [CONNECTION_WINDOW - FIRST_WINDOW, CONNECTION_WINDOW // 2, CONNECTION_WINDOW // 2]


@pytest.mark.parametrize("says_goodbye", [True, False])
def test_a_server_that_hangs_up_in_the_middle(
    says_goodbye: bool, http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext
) -> None:
    """Those that have heard something fail; on a new connection the others do too."""

    def play(h2: H2Peer) -> Talk:
        first, _ = yield from h2.hear_all(2)
        yield from h2.begin(first)
        yield from h2.give(first, b"hello")
        if says_goodbye:
            yield from h2.peer.end()
        else:
            h2.peer.finish_sending()

    loop, server = http2(), serve(speaking(play), context=h2_context)
    replies = together(loop, server, *named(server, "/a", "/b"))
    assert reasons(replies) == ["reset", "reset"]
    assert server.accepted == 1
    recorded = sums(loop)
    assert (recorded.count, recorded.bytes, recorded.errors) == (2, 5, {"reset": 2})
