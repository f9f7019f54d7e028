"""Whatever frames a server sends, every request has one recorded outcome and the loop lives on."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadtests.engine.http2_frames import Frames, fields_of
from loadtests.engine.loop import Loop, Reach, System
from loadtests.engine.poller import PollPoller
from loadtests.engine.request import request_bytes
from loadtests.session import Failed, Get, Got
from tests.engine.asking import ask, sums, together
from tests.engine.hostile import GoneError, Peer, Server, Talk
from tests.engine.http2_peer import frame
from tests.engine.streams import authority, cut, edits, hasty_clock, spoilt

LIMIT: Final = 10_000
END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8


def literal(index: int, value: bytes) -> bytes:
    """A field of HPACK's static table with a value of its own, not to be remembered (RFC 7541 section 6.2.2)."""
    return b"\x0f" + bytes([index - 15, len(value)]) + value


OK, NO_CONTENT, NOT_FOUND, HINTS = b"\x88", b"\x89", b"\x8d", b"\x08\x03103"
LENGTH, GZIP, ELSEWHERE = literal(28, b"5"), literal(26, b"gzip"), literal(46, b"/elsewhere")
BLOCKS: Final = [
    OK,
    OK + LENGTH,
    NO_CONTENT,
    NOT_FOUND + LENGTH,
    HINTS,
    OK + GZIP + LENGTH,
    OK + ELSEWHERE,
    OK + literal(28, b"99999"),
    OK + literal(28, b"five"),
    LENGTH,
    LENGTH + OK,
    b"\x08\x03abc",
    b"\x08\x02\xd9\xa3",
    b"\x82",
    b"\x3f\xe1\xff\x03",
    b"\xff\xff\xff\xff\xff",
    b"\x00\x01A\x01b" + OK,
    b"\x00\x06cookie\x7f" + b"x" * 127,
]
BODIES: Final = [b"", b"hello", b"x" * 6000, b"y" * 16_384, b"z" * 16_385, b"\x04hello" + bytes(4), b"\xff"]
CONTROLS: Final = [
    *(b"", bytes(4), bytes(8), bytes(5), b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x01"),
    *(number.to_bytes(4) + code.to_bytes(4) for number in (0, 1, 3, 2**31 - 1) for code in (0, 7, 11, 999)),
    *(code.to_bytes(4) for code in (0, 5, 7, 8, 13, 999)),
    *(code.to_bytes(2) + value.to_bytes(4) for code in range(1, 10) for value in (0, 1, 2, 16_384, 2**24, 2**32 - 1)),
    b"\x00\x03/x." + b'h3=":1"',
    (2).to_bytes(4) + b"\x82\x87\x84\x41\x01a",
]
streams: Final = st.sampled_from([0, 1, 1, 1, 3, 3, 5, 7, 2, 4, 2**31 - 1])
flags: Final = st.sampled_from([0, END_STREAM, END_HEADERS, END_HEADERS | END_STREAM, PADDED, 0x20, 0xFF])
frames: Final = st.one_of(
    st.builds(frame, st.just(0x1), streams, st.sampled_from(BLOCKS), st.sampled_from([END_HEADERS, 0x5])),
    st.builds(frame, st.just(0x0), streams, st.sampled_from(BODIES), st.sampled_from([0, END_STREAM])),
    st.builds(frame, st.integers(2, 11), streams, st.sampled_from(CONTROLS), flags),
    st.builds(frame, st.integers(0, 255), streams, st.one_of(st.sampled_from(BLOCKS), st.binary(max_size=20)), flags),
    st.sampled_from([b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 9, b"\xff" * 20]),
)
HONEST: Final = b"".join(
    frame(0x1, stream, OK + LENGTH, END_HEADERS) + frame(0x0, stream, b"hello", END_STREAM) for stream in (1, 3, 5)
)
talks: Final = st.one_of(
    st.lists(frames, max_size=12),
    st.builds(lambda wrong, places: cut(spoilt(HONEST, wrong), places), edits(CONTROLS), st.lists(st.integers(0, 99))),
)


@cache
def h2_context() -> ssl.SSLContext:
    context = authority().server("127.0.0.1")
    context.set_alpn_protocols(["h2"])
    return context


@contextmanager
def meeting(talk: list[bytes], rounds: int) -> Iterator[tuple[Loop, Server]]:
    """A loop and a server that says ``talk`` whenever it hears something, ``rounds`` times per connection."""

    def script(peer: Peer) -> Talk:
        yield from peer.say(frame(0x4, 0))
        for _ in range(rounds):
            while (data := peer._receive()) is None:
                yield
            if not data:
                raise GoneError
            yield from peer.say(*talk)

    reach = Reach(ca_file=str(authority().file), http2=True)
    loop = Loop(reach=reach, system=System(ticks=hasty_clock(), poller=PollPoller))
    with closing(Server(script, context=h2_context())) as server:
        try:
            yield loop, server
        finally:
            loop.cancel()


@settings(max_examples=250, deadline=None)
@given(talk=talks, rounds=st.integers(1, 3), read=st.booleans(), at_once=st.booleans())
@example(talk=[HONEST], rounds=3, read=True, at_once=True)
def test_any_frames_have_one_outcome_per_request(talk: list[bytes], rounds: int, read: bool, at_once: bool) -> None:
    with meeting(talk, rounds) as (loop, server):
        gets = [Get(server.url(), "playlist", read, limit=LIMIT)] * 3
        replies = (together if at_once else ask)(loop, server, *gets)
        assert len(replies) == 3
        assert all(len(reply.body) <= LIMIT and reply.size <= LIMIT for reply in replies if isinstance(reply, Got))
        unusable = sum(isinstance(reply, Failed) and reply.detail.startswith(("not gzip", "gzip")) for reply in replies)
        recorded = sums(loop)
        assert (recorded.count, recorded.cancelled) == (3, 0)
        assert recorded.total.count + sum(recorded.errors.values()) == 3 + unusable
        assert recorded.bytes + recorded.head_bytes <= server.said
        assert loop.sockets == 0
        assert not loop.busy
        assert not loop.visits
        assert loop.health.faults == loop.health.dropped == 0


@settings(max_examples=100, deadline=None)
@given(places=st.lists(st.integers(0, len(HONEST)), max_size=12))
def test_a_good_talk_is_good_however_it_is_cut(places: list[int]) -> None:
    with meeting(cut(HONEST, places), 1) as (loop, server):
        replies = together(loop, server, *[Get(server.url(), "playlist", read=True)] * 3)
        assert [reply.body for reply in replies if isinstance(reply, Got)] == [b"hello"] * 3
        assert server.accepted == 1


@given(text=st.text(), start=st.sampled_from(["https://h/", "https://h:444/x?", "https://[::1]/"]))
def test_any_request_is_one_that_a_server_understands(text: str, start: str) -> None:
    try:
        request = request_bytes(start + text, compressed=True)
    except ValueError:
        return
    fields = dict(fields_of(request))
    assert fields[b":path"].startswith(b"/")
    assert b"%s %s HTTP/1.1" % (fields[b":method"], fields[b":path"]) == request.split(b"\r\n")[0]
    ours, server = Frames(), H2Connection(H2Configuration(client_side=False))
    ours.ask(request)
    server.initiate_connection()
    server.receive_data(ours.take_out())
    assert 1 in server.streams
