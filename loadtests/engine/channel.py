"""Moves bytes for one connection: straight through the socket, or through TLS in memory.

Bodies nobody reads are discarded by the kernel where it can (`MSG_TRUNC` on a Linux TCP socket copies nothing:
22.6 µs per MB against 72-82 through a buffer, docs/engine.md); TLS has to decrypt, so it reads.
"""

from __future__ import annotations

import socket
import ssl
import sys
from typing import Any, Final

from loadtests.engine.poller import original

BUFFER: Final = bytearray(64 * 1024)
"""One for the whole process: only what a caller copies out survives the next read."""
VIEW: Final = memoryview(BUFFER)
TRUNCATE: Final = socket.MSG_TRUNC if sys.platform == "linux" else 0

MOST: Final = 1 << 20 if TRUNCATE else 64 * 1024
"""Bytes discarded by one call."""
SCRAP: Final = bytearray(MOST)
"""Where discarded bytes would go: with MSG_TRUNC the kernel never writes to it, so it costs no memory."""

SystemSocket: Final[type[socket.socket]] = original("socket", "socket")


def open_socket(family: int) -> socket.socket:
    """A non-blocking TCP socket of the system, not gevent's."""
    sock = SystemSocket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Plain:
    """Bytes as they are. `read` and `discard` return how many bytes, 0 at the end of the stream."""

    __slots__ = ("sock",)

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def handshake(self) -> bool:
        """Nothing to agree on."""
        return True

    def write(self, data: bytes) -> int:
        """Send what the kernel takes; how many bytes that was. BlockingIOError when none."""
        return self.sock.send(data)

    def read(self) -> int:
        """Receive into `BUFFER`; BlockingIOError when there is nothing yet."""
        return self.sock.recv_into(BUFFER)

    def discard(self, most: int) -> int:
        """Receive and forget up to ``most`` bytes."""
        return self.sock.recv_into(SCRAP, min(most, MOST), TRUNCATE)

    @property
    def pending(self) -> bool:
        """Whether bytes wait that the poller cannot see."""
        return False


class Tls:
    """The same through a TLS engine in memory; certificates are checked by the context it is given."""

    __slots__ = ("_inbox", "_object", "_outbox", "_unsent", "sock")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str, session: Any = None) -> None:
        self.sock = sock
        self._inbox, self._outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._inbox, self._outbox, server_hostname=host, session=session)
        self._unsent = b""

    @property
    def session(self) -> Any:
        """What a later connection may resume."""
        return self._object.session

    def handshake(self) -> bool:
        """Go on with the handshake; whether it is done. ssl.SSLError when it failed."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            if not self._fill():
                return False
            return self.handshake()
        self._flush()
        return True

    def write(self, data: bytes) -> int:
        """Encrypt and send; all of ``data`` is taken."""
        written = self._object.write(data)
        self._flush()
        return written

    def read(self) -> int:
        """Decrypt into `BUFFER`; 0 at the end of the stream, BlockingIOError when there is nothing yet."""
        while True:
            try:
                return self._object.read(len(BUFFER), BUFFER)  # type: ignore[return-value]
            except ssl.SSLWantReadError:
                if not self._fill():
                    raise BlockingIOError from None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return 0

    def discard(self, most: int) -> int:
        """Decrypt and forget up to ``most`` bytes."""
        while True:
            try:
                return self._object.read(min(most, len(BUFFER)), BUFFER)  # type: ignore[return-value]
            except ssl.SSLWantReadError:
                if not self._fill():
                    raise BlockingIOError from None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return 0

    @property
    def pending(self) -> bool:
        """Whether decrypted or undecrypted bytes wait in memory."""
        return bool(self._object.pending() or self._inbox.pending)

    def _fill(self) -> bool:
        """Move what the socket has into the inbox; False when it has nothing yet."""
        try:
            data = self.sock.recv(len(BUFFER))
        except BlockingIOError:
            return False
        if data:
            self._inbox.write(data)
        else:
            self._inbox.write_eof()
        return True

    def _flush(self) -> None:
        self._unsent += self._outbox.read()
        if self._unsent:
            try:
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
            except BlockingIOError:
                return


def client_context(ca_file: str = "") -> ssl.SSLContext:
    """Certificates are verified, HTTP/1.1 is offered by ALPN."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.set_alpn_protocols(["http/1.1"])
    return context
