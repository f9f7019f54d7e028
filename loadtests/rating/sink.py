"""The sink: a live HLS stream from memory, as cheap as Python serves it. ``python -m loadtests.rating.sink`` is one.

Segments come in blocks, light and heavy in turn. A heavy one is as large as `Diet.budget` allows for
the viewers that are here, so bytes per second do not follow requests per second, and their costs can be told apart.
"""

from __future__ import annotations

import argparse
import math
import os
import select
import signal
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from loadtests.limits import raise_file_limit

READ, WRITE = 0x001, 0x004
WINDOW: Final = 20
"""Segments in the playlist: about a kilobyte of text."""
BLOCK: Final = 1.5
"""Seconds of light segments, and then of heavy ones: both together are out of step with the four-second steps."""
KEPT: Final = 64
"""Answers kept in memory."""
END: Final = b"\r\n\r\n"
MASTER: Final = (
    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000,AVERAGE-BANDWIDTH=1000000\nlive.m3u8\n"  # what it says moves nothing
)


class Diet(NamedTuple):
    """What the sink serves."""

    pace: float
    """Seconds of a segment."""
    light: int
    heavy: int
    """Bytes of a segment."""
    budget: float
    """Bytes per second of heavy segments, all viewers of this sink together."""

    def size(self, number: int, viewers: int) -> int:
        """Bytes of segment ``number``."""
        if int(number * self.pace / BLOCK) % 2 == 0:
            return self.light
        return max(self.light, min(self.heavy, int(self.budget * self.pace / max(viewers, 1))))


@dataclass(slots=True)
class Stream:
    """Answers by path; a playlist changes when a segment is complete."""

    diet: Diet
    now: Callable[[], float] = time.time
    _kept: dict[bytes, bytes] = field(default_factory=dict)

    def answer(self, path: bytes, viewers: int) -> bytes:
        """The whole response to ``path``."""
        newest = int(self.now() / self.diet.pace) - 1
        key = b"%b %d" % (path, newest) if path.endswith(b"8") else path
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            found = self._kept[key] = self._make(path, newest, viewers)
        return found

    def _make(self, path: bytes, newest: int, viewers: int) -> bytes:
        if path == b"/live.m3u8":
            return response(200, "application/vnd.apple.mpegurl", self._playlist(newest).encode())
        if path == b"/master.m3u8":
            return response(200, "application/vnd.apple.mpegurl", MASTER.encode())
        number = path[1:].partition(b".")[0]
        if number.isdigit() and newest - 2 * WINDOW < int(number) <= newest:
            return response(200, "video/mp2t", bytes(self.diet.size(int(number), viewers)))
        return response(404, "text/plain", b"nothing here\n")

    def _playlist(self, newest: int) -> str:
        first, pace = newest - WINDOW + 1, self.diet.pace
        lines = ["#EXTM3U", f"#EXT-X-TARGETDURATION:{math.ceil(pace)}", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        lines += [f"#EXTINF:{pace:.3f},\n{number:012d}.ts?of=the-live-stream" for number in range(first, newest + 1)]
        return "\n".join(lines) + "\n"


def response(status: int, content_type: str, body: bytes) -> bytes:
    """Head and body, with a date that changes as that of a real server."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    head = f"HTTP/1.1 {status} X\r\nServer: sink\r\nDate: {date}\r\nContent-Type: {content_type}\r\n"
    return (
        f"{head}Content-Length: {len(body)}\r\nCache-Control: max-age=1\r\nConnection: keep-alive\r\n\r\n".encode()
        + body
    )


@dataclass(slots=True)
class Peer:
    """One connection: what came of a request, and what of the answer did not go out yet."""

    sock: socket.socket
    shaken: bool
    came: bytes = b""
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    watched: int = READ


class Sink:
    """Serves listening sockets, a turn at a time."""

    def __init__(self, listeners: list[socket.socket], stream: Stream, context: ssl.SSLContext | None) -> None:
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._stream, self._context = stream, context
        self._peers: dict[int, Peer] = {}
        self._poll = select.epoll() if hasattr(select, "epoll") else select.poll()
        self._wait = 0.5 if hasattr(select, "epoll") else 500
        for fd, listener in self._listeners.items():
            listener.setblocking(False)
            self._poll.register(fd, READ)

    def turn(self) -> None:
        """Serve whoever is ready, or wait half a second."""
        peers = self._peers
        for fd, _ in self._poll.poll(self._wait):
            peer = peers.get(fd)
            if peer is None:
                self._accept(self._listeners[fd])
                continue
            try:
                self._serve(fd, peer)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._watch(fd, peer, READ)
            except ssl.SSLWantWriteError:
                self._watch(fd, peer, WRITE)
            except OSError:
                self._close(fd, peer)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(64):  # then those who are connected are served again
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self._peers[sock.fileno()] = Peer(sock, self._context is None)
            self._poll.register(sock.fileno(), READ)

    def _serve(self, fd: int, peer: Peer) -> None:
        if not peer.shaken:
            assert isinstance(peer.sock, ssl.SSLSocket)
            peer.sock.do_handshake()
            peer.shaken = True
        if peer.unsent:
            self._send(fd, peer)
            return
        data = peer.sock.recv(16384)
        if not data:
            self._close(fd, peer)
            return
        peer.came += data
        if peer.came.endswith(END):
            path, peer.came = peer.came[4 : peer.came.find(b" ", 4)].partition(b"?")[0], b""
            peer.unsent = memoryview(self._stream.answer(path, len(self._peers)))
            self._send(fd, peer)

    def _send(self, fd: int, peer: Peer) -> None:
        with suppress(BlockingIOError):
            peer.unsent = peer.unsent[peer.sock.send(peer.unsent) :]
        self._watch(fd, peer, WRITE if peer.unsent else READ)

    def _watch(self, fd: int, peer: Peer, events: int) -> None:
        if peer.watched != events:
            peer.watched = events
            self._poll.modify(fd, events)

    def _close(self, fd: int, peer: Peer) -> None:
        del self._peers[fd]
        self._poll.unregister(fd)
        peer.sock.close()


def main() -> None:
    """Serve the listening sockets that were inherited until the parent is gone, which hears Ctrl-C itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parser = argparse.ArgumentParser(description="A sink for the rating of a load generator.")
    parser.add_argument("--fds", required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--chain", default="")
    for name in Diet._fields:
        parser.add_argument(f"--{name}", type=float, required=True)
    options = parser.parse_args()
    context = None
    if options.chain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.chain)
    diet = Diet(options.pace, int(options.light), int(options.heavy), options.budget)
    sink = Sink([socket.socket(fileno=int(fd)) for fd in options.fds.split(",")], Stream(diet), context)
    raise_file_limit()
    while os.getppid() == options.parent:
        sink.turn()


if __name__ == "__main__":
    main()
