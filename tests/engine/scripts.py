"""What servers do in more than one test."""

from __future__ import annotations

from tests.engine.asking import OK
from tests.engine.hostile import Peer, Script, Talk

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def head(*fields: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


def always(*pieces: bytes, close: bool = False) -> Script:
    """Answer every request with ``pieces``, the client's turn between two of them."""

    def script(peer: Peer) -> Talk:
        while True:
            yield from peer.hear()
            yield from peer.say(*pieces)
            if close:
                yield from peer.end()
                return

    return script


def idle_after_first(peer: Peer) -> Talk:
    """Answer once, wait for leave, close without a word."""
    yield from peer.hear()
    yield from peer.say(OK)
    yield from peer.pause(3)


def silent(peer: Peer) -> Talk:
    yield from peer.hear()
    yield from peer.hear()


def dripping(peer: Peer) -> Talk:
    """A slow-loris in reverse: the head never ends."""
    yield from peer.hear()
    yield from peer.say(b"HTTP/1.1 200 OK\r\n")
    while True:
        yield from peer.say(b"X: y\r\n")
        yield from peer.pause(100)


def never_whole(peer: Peer) -> Talk:
    yield from peer.hear()
    yield from peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
    yield from peer.hear()


def slow(peer: Peer) -> Talk:
    """Good answers that take their time."""
    while True:
        yield from peer.hear()
        yield from peer.pause(30)
        yield from peer.say(OK[:-5])
        yield from peer.pause(30)
        yield from peer.say(OK[-5:])
