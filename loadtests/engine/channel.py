"""Moves bytes for one connection: straight through the socket, or through TLS in memory.

Bodies nobody reads are discarded by the kernel where it can (`MSG_TRUNC` on a Linux TCP socket copies nothing:
measured: 22.6 µs per MB against 72-82 through a buffer); TLS has to decrypt, so it reads.
"""

from __future__ import annotations

import socket
import ssl
import sys
from contextlib import suppress
from typing import Any, Final

from loadtests.engine.poller import original
from loadtests.errors import InputError

BUFFER: Final = bytearray(64 * 1024)
"""One for the whole process: only what a caller copies out survives the next read."""
VIEW: Final = memoryview(BUFFER)
TRUNCATE: Final = socket.MSG_TRUNC if sys.platform == "linux" else 0

MOST: Final = 1 << 20 if TRUNCATE else 64 * 1024
"""Bytes discarded by one call."""
SCRAP: Final = bytearray(MOST)
"""Where discarded bytes would go: with MSG_TRUNC the kernel never writes to it, so it costs no memory."""

TURN: Final = 256 * 1024
"""Bytes that TLS takes from one socket in one turn of the loop: a fast server may not starve the other viewers."""

SystemSocket: Final[type[socket.socket]] = original("socket", "socket")


def open_socket(family: int) -> socket.socket:
    """A non-blocking TCP socket of the system, not gevent's."""
    sock = SystemSocket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Plain:
    """Bytes as they are. `read` and `discard` return how many bytes, 0 at the end of the stream."""

    __slots__ = ("_unsent", "sock")
    secure: Final = False

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._unsent = b""

    def write(self, data: bytes) -> bool:
        """Send ``data``; False when the kernel did not take all of it: `flush` when it can take more."""
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return True
        self._unsent = data[sent:]
        return False

    def flush(self) -> bool:
        """Go on sending; whether all is out."""
        return self.write(self._unsent)

    def read(self) -> int:
        """Receive into `BUFFER`; BlockingIOError when there is nothing yet."""
        return self.sock.recv_into(BUFFER)

    def discard(self, most: int) -> int:
        """Receive and forget up to ``most`` bytes."""
        return self.sock.recv_into(SCRAP, most if most < MOST else MOST, TRUNCATE)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


class Tls:
    """The same through a TLS engine in memory; certificates are checked by the context it is given."""

    __slots__ = ("_credit", "_inbox", "_object", "_outbox", "_unsent", "sock", "truncated")
    secure: Final = True

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str, session: Any = None) -> None:
        self.sock = sock
        self._inbox, self._outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._inbox, self._outbox, server_hostname=host, session=session)
        self._unsent = b""
        self.truncated = False
        """Whether the stream ended without the TLS closing alert."""
        self.begin_turn()

    @property
    def session(self) -> Any:
        """What a later connection may resume."""
        return self._object.session

    def begin_turn(self) -> None:
        """Allow this connection its share of the loop's turn; past it the socket counts as empty until the next."""
        self._credit = TURN

    def handshake(self) -> bool:
        """Go on with the handshake; whether it is done. ssl.SSLError when it failed."""
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                if not self._fill():
                    return False
            except ssl.SSLError:
                self.flush()  # the alert that tells the server why
                raise
            else:
                self.flush()
                return True

    def write(self, data: bytes) -> bool:
        """Encrypt and send ``data``; False when the kernel did not take all of it: `flush` when it can take more."""
        self._object.write(data)
        return self.flush()

    def flush(self) -> bool:
        """Go on sending; whether all is out."""
        self._unsent += self._outbox.read()
        if self._unsent:
            try:
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
            except BlockingIOError:
                return False
        return not self._unsent

    def read(self) -> int:
        """Decrypt into `BUFFER`; 0 at the end of the stream, BlockingIOError when there is nothing yet."""
        return self.discard(len(BUFFER))

    def discard(self, most: int) -> int:
        """Decrypt and forget up to ``most`` bytes."""
        while True:
            try:
                return self._object.read(min(most, len(BUFFER)), BUFFER)  # type: ignore[return-value]
            except ssl.SSLWantReadError:
                self.flush()  # the answer to a key update
                if not self._fill():
                    raise BlockingIOError from None
            except ssl.SSLZeroReturnError:
                return 0
            except ssl.SSLEOFError:
                self.truncated = True
                return 0

    @property
    def pending(self) -> bool:
        """Whether decrypted or undecrypted bytes wait in memory, where the poller cannot see them."""
        return bool(self._object.pending() or self._inbox.pending)

    def close(self) -> None:
        """Say goodbye if the other end can still hear it, and close the socket."""
        with suppress(OSError, ValueError):  # it waits for the other end's goodbye, or there is nothing to end
            self._object.unwrap()
        with suppress(OSError):
            self.flush()
        self.sock.close()

    def _fill(self) -> bool:
        """Move what the socket has into the inbox; False when it has nothing yet."""
        if self._credit <= 0:
            return False
        try:
            data = self.sock.recv(len(BUFFER))
        except BlockingIOError:
            return False
        self._credit -= len(data)
        if data:
            self._inbox.write(data)
        else:
            self._inbox.write_eof()
        return True


def tls_problem(error: ssl.SSLError) -> str:
    """What went wrong, as OpenSSL says it."""
    return getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)


def client_context(ca_file: str = "") -> ssl.SSLContext:
    """Certificates are verified, HTTP/1.1 is offered by ALPN. InputError when ``ca_file`` holds no certificates."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise InputError(
            f"target.ca_file: {ca_file}: {error.strerror or error}", hint="give a PEM file of the signing authority"
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    return context
