"""Whatever a server sends, every request has one recorded outcome and the loop lives on."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from urllib.parse import urlsplit

from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadtests.engine.gzipped import unpack
from loadtests.engine.head import END, HeadError, gather, read_head
from loadtests.engine.loop import Loop, System
from loadtests.engine.poller import PollPoller
from loadtests.engine.request import origin_of, request_bytes
from loadtests.session import Failed, Get, Got
from tests.engine.asking import OK, ask, sums
from tests.engine.hostile import Peer, Script, Server, Talk
from tests.engine.scripts import CHUNKED

PACKED = gzip.compress(b"#EXTM3U\n" * 20)
WORDS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n",
    b"HTTP/1.1 204 x\r\n",
    b"HTTP/1.1 999 x\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: %d\r\n" % len(PACKED),
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Location: /x\r\n",
    b" folded\r\n",
    b"\r\n",
    b"\n\n",
    b"hello",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    PACKED,
    OK,
    CHUNKED,
]
pieces = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=40)), max_size=12)


@contextmanager
def meeting(stream: list[bytes], rounds: int) -> Iterator[tuple[Loop, Server]]:
    """A loop and a server that answers ``rounds`` requests per connection with ``stream``, then closes."""

    def script(peer: Peer) -> Talk:
        for _ in range(rounds):
            yield from peer.hear()
            yield from peer.say(*stream)

    moments = count()  # the clock goes on with every look at it, so that time-outs are a matter of turns
    with playing(script, lambda: next(moments) * 0.01) as (loop, server):
        yield loop, server


@contextmanager
def playing(script: Script, ticks: Callable[[], float] = time.monotonic) -> Iterator[tuple[Loop, Server]]:
    """A loop and a server; whatever happens, both are closed."""
    loop = Loop(system=System(ticks=ticks, poller=PollPoller))
    with closing(Server(script)) as server:
        try:
            yield loop, server
        finally:
            loop.cancel()


@settings(max_examples=250, deadline=None)
@given(stream=pieces, rounds=st.integers(1, 3), read=st.booleans())
@example(stream=[b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"], rounds=2, read=True)
@example(stream=[b"HTTP/1.1 101 x\r\n\r\n"], rounds=1, read=True)
def test_any_stream_has_one_outcome_per_request(stream: list[bytes], rounds: int, read: bool) -> None:
    with meeting(stream, rounds) as (loop, server):
        replies = ask(loop, server, *[Get(server.url(), "playlist", read, limit=10_000)] * 3)
        assert len(replies) == 3
        assert all(isinstance(reply, Got | Failed) for reply in replies)
        recorded = sums(loop)
        assert recorded.count == 3
        assert recorded.total.count + sum(recorded.errors.values()) >= 3
        assert recorded.bytes + recorded.head_bytes <= server.said
        assert loop.sockets == 0
        assert loop.health.faults == loop.health.dropped == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([OK, CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"]), min_size=1, max_size=4), st.data())
def test_a_good_response_is_good_however_it_is_cut(responses: list[bytes], data: st.DataObject) -> None:
    cuts: list[list[bytes]] = []
    for response in responses:
        places = sorted(data.draw(st.lists(st.integers(0, len(response)), max_size=6)))
        cuts.append([response[a:b] for a, b in zip([0, *places], [*places, len(response)], strict=True) if a < b])

    def script(peer: Peer) -> Talk:
        for cut in cuts:
            yield from peer.hear()
            yield from peer.say(*cut)

    with playing(script) as (loop, server):
        replies = ask(loop, server, *["/"] * len(cuts))
        assert [reply.body for reply in replies if isinstance(reply, Got)] == [b"hello"] * len(cuts)
        assert server.accepted == 1


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=60))).map(b"".join))
def test_a_head_is_read_or_refused(text: bytes) -> None:
    for head in (text + END, b"HTTP/1.1 200 OK\r\n" + text + END, text):
        with suppress(HeadError):
            read = read_head(head)
            assert read.length >= -1
            assert 0 <= read.status <= 999


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=60))))
def test_a_head_in_pieces_ends_where_the_whole_does(stream: list[bytes]) -> None:
    early, end = b"HTTP/1.1 200 OK\r\n", -1
    for piece in stream:
        early, end = gather(early, piece)
        if end >= 0:
            break
    marks = [early.find(mark) + len(mark) for mark in (END, b"\n\n") if mark in early]
    assert end == min(marks, default=-1)


@given(st.one_of(st.binary(), st.binary().map(gzip.compress)), st.integers(0, 200))
def test_unpacking_never_exceeds_the_limit(packed: bytes, limit: int) -> None:
    with suppress(ValueError):
        assert len(unpack(packed, limit)) <= limit


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 30))
def test_a_packed_body_comes_back_or_is_refused(body: bytes, limit: int, missing: int) -> None:
    packed = gzip.compress(body)
    try:
        unpacked = unpack(packed[: len(packed) - missing], limit)
    except ValueError:
        assert missing or len(body) > limit
    else:
        assert missing in (0, len(packed)) or not packed[: len(packed) - missing]
        assert unpacked == (body if not missing else b"")


@given(st.text(), st.sampled_from(["", "http://", "https://", "http://h/", "http://h:80/x?", "http://[::1]/"]))
def test_any_text_makes_one_clean_request_or_none(text: str, start: str) -> None:
    try:
        origin, request = origin_of(start + text), request_bytes(start + text, compressed=True)
    except ValueError:
        return
    lines = request.decode("ascii").split("\r\n")
    assert len(lines) == 7
    assert lines[0].startswith("GET /")
    assert lines[0].count(" ") == 2
    assert lines[1].startswith("Host: ")
    assert lines[5:] == ["", ""]
    assert all(line.isprintable() for line in lines)
    assert urlsplit(start + text).scheme == origin.scheme
