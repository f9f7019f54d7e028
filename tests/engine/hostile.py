"""A real server on a real socket that can misbehave on purpose, stepped in the test's own thread.

A `Script` is a generator that plays the server's side of one connection. It yields whenever it has to wait; the
server resumes it on the next `step`. So client and server take turns, and a test decides who comes first.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import TypeAlias

from loadtests.engine.channel import SystemSocket

Talk: TypeAlias = Generator[None, None, None]
Script: TypeAlias = Callable[["Peer"], Talk]


class GoneError(Exception):
    """The client has closed its side."""


class Peer:
    """The server's end of one connection, plain or through TLS."""

    def __init__(self, server: Server, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        self.server, self.sock, self._heard = server, sock, b""
        self._inbox, self._outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._inbox, self._outbox, server_side=True) if context else None
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def hear(self) -> Generator[None, None, str]:
        """The path of the next request; GoneError when none will come."""
        while b"\r\n\r\n" not in self._heard:
            data = self._receive()
            if data == b"":
                raise GoneError
            self._heard += data or b""
            if data is None:
                yield
        request, _, self._heard = self._heard.partition(b"\r\n\r\n")
        self.server.requests.append(request.decode())
        return request.split(b" ", 2)[1].decode()

    def _receive(self) -> bytes | None:
        """What came, None for nothing yet, empty for the end."""
        if self.tls is None:
            return self._from_socket()
        try:
            return self.tls.read(1 << 16)
        except ssl.SSLWantReadError:
            self._fill()
            return None
        except ssl.SSLError:
            return b""

    def _fill(self) -> None:
        data = self._from_socket()
        if data:
            self._inbox.write(data)
        elif data == b"":
            self._inbox.write_eof()

    def _from_socket(self) -> bytes | None:
        try:
            return self.sock.recv(1 << 16)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def say(self, *pieces: bytes) -> Talk:
        """Send pieces, the client's turn in between."""
        for piece in pieces:
            self.server.said += len(piece)
            if self.tls is not None:
                self.tls.write(piece)
                piece = self._outbox.read()  # noqa: PLW2901 - from here on it is ciphertext
            yield from self._to_socket(piece)
            yield

    def say_at_once(self, *pieces: bytes) -> Talk:
        """The same in as few packets as the kernel makes of it: through TLS, a record per piece."""
        data = b""
        for piece in pieces:
            self.server.said += len(piece)
            if self.tls is not None:
                self.tls.write(piece)
                data += self._outbox.read()
            else:
                data += piece
        yield from self._to_socket(data)

    def _to_socket(self, data: bytes) -> Talk:
        while data:
            try:
                data = data[self.sock.send(data) :]
            except BlockingIOError:
                yield
            except OSError:
                raise GoneError from None

    def shake_hands(self) -> Talk:
        """Agree on TLS, if this is a TLS server."""
        while self.tls is not None:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                yield from self._to_socket(self._outbox.read())
                self._fill()
                yield
            except ssl.SSLError:
                yield from self._to_socket(self._outbox.read())
                raise GoneError from None
            else:
                yield from self._to_socket(self._outbox.read())
                return

    def pause(self, turns: int) -> Talk:
        """Let the client have some turns."""
        for _ in range(turns):
            yield

    def end(self) -> Talk:
        """The TLS closing alert, where there is TLS; the socket is closed when the script ends."""
        if self.tls is not None:
            with suppress(ssl.SSLError):
                self.tls.unwrap()
            yield from self._to_socket(self._outbox.read())

    def finish_sending(self) -> None:
        """Half-close: the client reads the end of the stream, but may go on sending."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close so that the client sees a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Server:
    """Listens, and plays ``script`` on every connection."""

    def __init__(
        self, script: Script, *, host: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None
    ) -> None:
        self._script, self._context = script, context
        self._listener = SystemSocket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(512)
        self._listener.setblocking(False)
        self.host, self.port = host, int(self._listener.getsockname()[1])
        self.requests: list[str] = []
        """Heads of the requests heard, in order."""
        self.said = 0
        """Bytes of responses sent, before TLS."""
        self.accepted = 0
        self._open: dict[Peer, Talk] = {}

    def url(self, path: str = "/") -> str:
        """An address on this server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self._context else ''}://{host}:{self.port}{path}"

    @property
    def connections(self) -> int:
        """Connections whose script has not ended."""
        return len(self._open)

    def step(self) -> None:
        """Accept who knocks and give every script a turn."""
        while (sock := self._accept()) is not None:
            self.accepted += 1
            peer = Peer(self, sock, self._context)
            self._open[peer] = self._play(peer)
        for peer, talk in tuple(self._open.items()):
            try:
                next(talk)
            except (StopIteration, GoneError):
                del self._open[peer]
                peer.sock.close()

    def _play(self, peer: Peer) -> Talk:
        yield from peer.shake_hands()
        yield from self._script(peer)

    def _accept(self) -> socket.socket | None:
        try:
            return self._listener.accept()[0]
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self._listener.close()
        for peer in self._open:
            peer.sock.close()
        self._open.clear()


def wait_for(condition: Callable[[], bool], *steps: Callable[[], None], patience: float = 5.0) -> None:
    """Take turns until ``condition`` holds; AssertionError after ``patience`` seconds."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it does not come to an end"
        for step in steps:
            step()
