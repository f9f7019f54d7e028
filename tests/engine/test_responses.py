"""One request, one response in every shape that servers send: what the viewer gets and what is counted."""

from __future__ import annotations

import gzip
import zlib

import pytest

from loadtests.engine.head import LONGEST_HEAD
from loadtests.session import ErrorKind, Failed, Get, Got
from tests.engine.asking import OK, ask, sums
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import Peer, Talk
from tests.engine.scripts import CHUNKED, always, head

LINES = b"#EXTM3U\n" * 100
PACKED = gzip.compress(LINES)


GOOD: dict[str, tuple[tuple[bytes, ...], bytes, bool]] = {
    # name: what is sent, the body that must come of it, whether the connection can be used again
    "a length": ((OK,), b"hello", True),
    "nothing": ((head("Content-Length: 0"),), b"", True),
    "no content": ((head(status="204 No Content"),), b"", True),
    "not modified, with the length of what is not sent": ((head("Content-Length: 9", status="304 x"),), b"", True),
    "head and body apart": ((head("Content-Length: 5"), b"he", b"llo"), b"hello", True),
    "byte by byte": (tuple(bytes([byte]) for byte in OK), b"hello", True),
    "head cut inside its end": ((OK[:-7], OK[-7:-6], OK[-6:]), b"hello", True),
    "fields in odd cases and blanks": ((b"HTTP/1.1 200 OK\r\ncontent-LENGTH :  5 \r\n\r\nhello",), b"hello", True),
    "no reason phrase": ((b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",), b"hello", True),
    "the same length twice": ((head("Content-Length: 5", "Content-Length: 5") + b"hello",), b"hello", True),
    "bare line feeds": ((b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",), b"hello", True),
    "asked to close": ((head("Content-Length: 5", "Connection: close") + b"hello",), b"hello", False),
    "HTTP/1.0": ((b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",), b"hello", False),
    "HTTP/1.0 that keeps": (
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",),
        b"hello",
        True,
    ),
    "chunks": ((CHUNKED + b"2\r\nhe\r\n", b"3\r\nllo\r\n", b"0\r\n\r\n"), b"hello", True),
    "chunks cut anywhere": ((CHUNKED + b"5", b"\r\nhel", b"lo\r", b"\n0\r\n", b"\r\n"), b"hello", True),
    "chunks with extensions and trailers": ((CHUNKED + b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",), b"hello", True),
    "chunks over a length": (
        (head("Content-Length: 99", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",),
        b"hello",
        True,
    ),
    "100 first": ((b"HTTP/1.1 100 Continue\r\n\r\n", OK), b"hello", True),
    "103 first": ((head("Link: </1.ts>; rel=preload", status="103 Early Hints") + OK,), b"hello", True),
    "several before the last": ((head(status="102 x"), head(status="103 x"), CHUNKED + b"0\r\n\r\n"), b"", True),
    "gzip": ((head("Content-Encoding: gzip", f"Content-Length: {len(PACKED)}") + PACKED,), LINES, True),
    "gzip in two members": (
        (head("Content-Encoding: gzip", f"Content-Length: {2 * len(PACKED)}") + PACKED + PACKED,),
        LINES * 2,
        True,
    ),
    "zlib that says gzip": (
        (head("Content-Encoding: gzip", f"Content-Length: {len(zlib.compress(LINES))}") + zlib.compress(LINES),),
        LINES,
        True,
    ),
    "gzip in chunks": (
        (
            head("Content-Encoding: gzip", "Transfer-Encoding: chunked") + b"%x\r\n" % len(PACKED),
            PACKED + b"\r\n0\r\n\r\n",
        ),
        LINES,
        True,
    ),
    "trailing garbage": ((OK + b"garbage",), b"hello", False),
    "trailing garbage after chunks": ((CHUNKED + b"0\r\n\r\ngarbage",), b"", False),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_response_in_any_shape_is_read_and_counted_to_the_byte(name: str, make_loop: MakeLoop, serve: Serve) -> None:
    pieces, body, reusable = GOOD[name]
    loop, server = make_loop(), serve(always(*pieces))
    replies = ask(loop, server, "/1", "/2")
    assert [reply.body for reply in replies if isinstance(reply, Got)] == [body, body]
    assert server.accepted == (1 if reusable else 2)
    recorded = sums(loop)
    assert recorded.count == len(server.requests) == 2
    assert recorded.bytes + recorded.head_bytes == server.said
    assert recorded.ttfb.count == recorded.total.count == 2
    assert not recorded.errors


@pytest.mark.parametrize("name", GOOD)
def test_an_unread_body_is_counted_the_same(name: str, make_loop: MakeLoop, serve: Serve) -> None:
    pieces, body, _ = GOOD[name]
    loop, server = make_loop(), serve(always(*pieces))
    (reply,) = ask(loop, server, Get(server.url(), "segment"))
    assert isinstance(reply, Got)
    assert reply.body == b""
    assert reply.size == sums(loop, "segment").bytes
    assert "gzip" in name or "zlib" in name or reply.size == len(body)


def test_a_body_without_length_ends_with_the_connection(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(b"HTTP/1.0 200 OK\r\n\r\nhel", b"lo", close=True))
    (reply,) = ask(loop, server, "/")
    assert isinstance(reply, Got)
    assert reply.body == b"hello"
    assert sums(loop).errors == {}


def test_a_half_closed_connection_still_brings_its_response(make_loop: MakeLoop, serve: Serve) -> None:
    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say_at_once(OK)
        peer.finish_sending()
        yield from peer.pause(10)

    loop, server = make_loop(), serve(script)
    first, second = ask(loop, server, "/1", "/2")
    assert isinstance(first, Got)
    assert isinstance(second, Got)
    assert server.accepted == 2


FAILED: dict[str, tuple[tuple[bytes, ...], ErrorKind]] = {
    # name: what is sent before the server closes, and why the request fails
    "nothing at all": ((), "reset"),
    "half a head": ((b"HTTP/1.1 200 OK\r\nContent-Le",), "reset"),
    "body cut short": ((head("Content-Length: 9") + b"hello",), "reset"),
    "chunks cut short": ((CHUNKED + b"5\r\nhel",), "reset"),
    "no last chunk": ((CHUNKED + b"5\r\nhello\r\n",), "reset"),
    "only early hints": ((head(status="103 x"),), "reset"),
    "another protocol": ((b"SSH-2.0-OpenSSH_9.2\r\n",), "protocol"),
    "a TLS alert": ((b"\x15\x03\x01\x00\x02\x02\x46",), "protocol"),
    "a word where the status is due": ((b"HTTP/1.1 OK\r\n\r\n",), "protocol"),
    "HTTP/2": ((b"HTTP/2 200\r\n\r\n",), "protocol"),
    "two lengths": ((head("Content-Length: 5", "Content-Length: 6") + b"hello!",), "protocol"),
    "a negative length": ((head("Content-Length: -5"),), "protocol"),
    "a length that is none": ((head("Content-Length: 5, 5") + b"hello",), "protocol"),
    "an empty length": ((head("Content-Length:"),), "protocol"),
    "a length with 5,000 digits": ((head("Content-Length: " + "9" * 5000),), "protocol"),
    "a terabyte": ((head("Content-Length: 1000000000000"),), "too_large"),
    "a bad chunk": ((CHUNKED + b"hello\r\n",), "protocol"),
    "an unknown transfer coding": ((head("Transfer-Encoding: snappy") + b"hello",), "protocol"),
    "a protocol we did not ask for": ((head("Upgrade: websocket", status="101 x"),), "protocol"),
    "not gzip": ((head("Content-Encoding: gzip", "Content-Length: 5") + b"hello",), "protocol"),
    "half of gzip": ((head("Content-Encoding: gzip", "Content-Length: 20") + PACKED[:20],), "protocol"),
    "a huge head": ((head(f"X-Filler: {'x' * LONGEST_HEAD}", "Content-Length: 0"),), "protocol"),
    "a head without end": ((b"HTTP/1.1 200 OK\r\n", *(b"X: " + b"x" * 9000 + b"\r\n",) * 8), "protocol"),
}


@pytest.mark.parametrize("name", FAILED)
def test_a_broken_response_fails_with_its_reason(name: str, make_loop: MakeLoop, serve: Serve) -> None:
    pieces, reason = FAILED[name]
    loop, server = make_loop(), serve(always(*pieces, close=True))
    (reply,) = ask(loop, server, "/")
    assert isinstance(reply, Failed)
    assert reply.reason == reason
    assert reply.detail
    recorded = sums(loop)
    assert recorded.errors == {reason: 1}
    assert recorded.count == len(server.requests) == 1


def test_a_reset_in_the_middle_of_a_body(make_loop: MakeLoop, serve: Serve) -> None:
    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say(head("Content-Length: 100000") + bytes(5000))
        yield from peer.pause(5)
        peer.reset()

    loop, server = make_loop(), serve(script)
    (reply,) = ask(loop, server, Get(server.url(), "segment"))
    assert isinstance(reply, Failed)
    assert reply.reason == "reset"
    assert sums(loop, "segment").bytes == 5000


@pytest.mark.parametrize(
    "pieces",
    [(head("Content-Length: 101") + bytes(101),), (CHUNKED + b"65\r\n" + bytes(101) + b"\r\n0\r\n\r\n",)],
    ids=["declared", "streamed"],
)
@pytest.mark.parametrize("read", [True, False])
def test_a_body_beyond_the_limit_is_refused(
    pieces: tuple[bytes, ...], read: bool, make_loop: MakeLoop, serve: Serve
) -> None:
    loop, server = make_loop(), serve(always(*pieces))
    within, beyond = ask(loop, server, *(Get(server.url(), "segment", read, limit) for limit in (101, 100)))
    assert isinstance(within, Got)
    assert isinstance(beyond, Failed)
    assert beyond.reason == "too_large"
    recorded = sums(loop, "segment")
    assert recorded.errors == {"too_large": 1}
    assert recorded.bytes + recorded.head_bytes == server.said


def test_a_gzip_bomb_goes_off_nowhere(make_loop: MakeLoop, serve: Serve) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    loop, server = make_loop(), serve(always(head("Content-Encoding: gzip", f"Content-Length: {len(bomb)}") + bomb))
    within, beyond = ask(loop, server, *(Get(server.url(), "playlist", True, limit) for limit in (10_000_000, 100_000)))
    assert isinstance(within, Got)
    assert isinstance(beyond, Failed)
    assert beyond.reason == "too_large"
    assert sums(loop).errors == {"too_large": 1}


@pytest.mark.parametrize(("status", "reason"), [("404 x", "http_4xx"), ("429 x", "http_4xx"), ("503 x", "http_5xx")])
def test_an_error_page_is_an_answer_that_counts_as_error_and_not_as_latency(
    status: str, reason: ErrorKind, make_loop: MakeLoop, serve: Serve
) -> None:
    loop, server = make_loop(), serve(always(head("Content-Length: 5", status=status) + b"sorry"))
    (reply,) = ask(loop, server, "/")
    assert isinstance(reply, Got)
    assert (reply.status, reply.body) == (int(status[:3]), b"sorry")
    recorded = sums(loop)
    assert recorded.errors == {reason: 1}
    assert (recorded.count, recorded.bytes) == (1, 5)
    assert recorded.ttfb.count == recorded.total.count == 0


def test_a_redirect_is_left_to_the_session(make_loop: MakeLoop, serve: Serve) -> None:
    redirect = head("Location: /elsewhere?a=\xe9", "Content-Length: 0", status="302 Found").decode().encode("latin-1")
    loop, server = make_loop(), serve(always(redirect))
    (reply,) = ask(loop, server, "/")
    assert isinstance(reply, Got)
    assert (reply.status, reply.location) == (302, "/elsewhere?a=\xe9")
    assert sums(loop).errors == {}


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("X-Cache: Hit from cloudfront", "hit"),
        ("X-Cache: TCP_MISS", "miss"),
        ("CF-Cache-Status: DYNAMIC", "miss"),
        ("X-Cache-Status: STALE", "hit"),
        ("X-Cache: perhaps", None),
        ("X-Nothing: hit", None),
    ],
)
def test_what_a_cache_says_is_counted(field: str, said: str | None, make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(head(field, "Content-Length: 0")))
    ask(loop, server, "/")
    assert sums(loop).cache == ({said: 1} if said else {})
