"""Moves bytes for one connection: straight through the socket, or through TLS in memory.

Bodies nobody reads are discarded by the kernel where it can (`MSG_TRUNC` on a Linux TCP socket copies nothing:
measured: 22.6 µs per MB against 72-82 through a buffer); TLS has to decrypt, so it reads.
"""

from __future__ import annotations

import socket
import ssl
import struct
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

STAMP: Final = 35 if sys.platform == "linux" else 0
"""SO_TIMESTAMPNS (socket(7); 35 in asm-generic/socket.h): the kernel says when it received the last bytes of a read.

Segments that it joined in its queue have one time, the last one's (tcp_try_coalesce): first bytes are timed to a turn.
"""
_TIME: Final = struct.Struct("@ll")
STAMP_ROOM: Final = socket.CMSG_SPACE(_TIME.size)
"""Bytes that such a time takes in the ancillary data of a read."""
_READ: Final = (BUFFER,)
_SCRAP: Final = memoryview(SCRAP)

LEAKS: Final = sys.version_info < (3, 12, 8) or (3, 13, 0) <= sys.version_info < (3, 13, 1)
"""Reading a TLS session leaks the whole of it, 5.3 KB (CPython issue 116810; measured on 3.11.7, 3.12.1 and 3.13.0)."""

SystemSocket: Final[type[socket.socket]] = original("socket", "socket")


NO_PORT: Final = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)
"""Linux: a bound address takes its port only when it connects, so that one port serves many destinations."""


def open_socket(family: int, source: str = "", receive_buffer: int = 0) -> socket.socket:
    """A non-blocking TCP socket of the system, not gevent's.

    ``source`` is the address of this machine to connect from, ``receive_buffer`` bytes bound what the kernel keeps for
    it; without them the system chooses.
    """
    sock = SystemSocket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:  # before it connects: the window scale is agreed on then
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            if sys.platform == "linux":
                sock.setsockopt(socket.IPPROTO_IP, NO_PORT, 1)
            sock.bind((source, 0))
    except OSError:
        sock.close()
        raise
    if STAMP:
        with suppress(OSError):  # a kernel without it: the loop's own clock has to do
            sock.setsockopt(socket.SOL_SOCKET, STAMP, 1)
    return sock


def stamp_of(ancillary: list[tuple[int, int, bytes]]) -> float:
    """Seconds since 1970 at which the kernel received the last of the bytes just read; 0 when it does not say."""
    if not ancillary:
        return 0.0
    seconds, nanoseconds = _TIME.unpack(ancillary[0][2])
    stamp: float = seconds + nanoseconds * 1e-9
    return stamp


class Plain:
    """Bytes as they are. `read` and `discard` return how many bytes, 0 at the end of the stream."""

    __slots__ = ("_unsent", "sock", "stamp")
    secure: Final = False

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._unsent = b""
        self.stamp = 0.0
        """When the bytes read last came, see `stamp_of`."""

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
        count, ancillary, _, _ = self.sock.recvmsg_into(_READ, STAMP_ROOM)
        self.stamp = stamp_of(ancillary)
        return count

    def discard(self, most: int) -> int:
        """Receive and forget up to ``most`` bytes."""
        count, ancillary, _, _ = self.sock.recvmsg_into((_SCRAP[: min(most, MOST)],), STAMP_ROOM, TRUNCATE)
        self.stamp = stamp_of(ancillary)
        return count

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


class Tls:
    """The same through a TLS engine in memory; certificates are checked by the context it is given."""

    __slots__ = ("_credit", "_given", "_inbox", "_object", "_outbox", "_unsent", "sock", "stamp", "truncated")
    secure: Final = True

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str, session: Any = None) -> None:
        self.sock = sock
        self._inbox, self._outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._inbox, self._outbox, server_hostname=host, session=session)
        self._given = session
        self._unsent = b""
        self.stamp = 0.0
        """When the encrypted bytes read last came, see `stamp_of`."""
        self.truncated = False
        """Whether the stream ended without the TLS closing alert."""
        self.begin_turn()

    @property
    def session(self) -> Any:
        """What a later connection may resume: where reading it leaks, the one that this one was given."""
        return self._given if LEAKS and self._given is not None else self._object.session

    @property
    def protocol(self) -> str | None:
        """What both ends agreed to speak (ALPN), None when the server did not say."""
        return self._object.selected_alpn_protocol()

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
            data, ancillary, _, _ = self.sock.recvmsg(len(BUFFER), STAMP_ROOM)
        except BlockingIOError:
            return False
        self.stamp = stamp_of(ancillary) or self.stamp
        self._credit -= len(data)
        if data:
            self._inbox.write(data)
        else:
            self._inbox.write_eof()
        return True


def tls_problem(error: ssl.SSLError) -> str:
    """What went wrong, as OpenSSL says it."""
    return getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)


def client_context(*ca_files: str, http2: bool = False) -> ssl.SSLContext:
    """Certificates are verified, HTTP/1.1 is offered by ALPN, and before it HTTP/2 if it is wanted.

    An empty name, or none, stands for the public authorities. InputError when one of ``ca_files`` holds no
    certificates.
    """
    files = tuple(dict.fromkeys(ca_files or ("",)))
    try:
        context = ssl.create_default_context(cafile=files[0] or None)
        for ca_file in files[1:]:
            context.load_verify_locations(ca_file) if ca_file else context.load_default_certs()
    except OSError as error:
        named = ", ".join(filter(None, files))
        raise InputError(
            f"target.ca_file: {named}: {error.strerror or error}", hint="give a PEM file of the signing authority"
        ) from error
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    return context
