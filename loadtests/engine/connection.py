"""One HTTP/1.1 connection of one viewer: connect, ask, read the head, keep or discard the body, be used again."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import zlib
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Any, Final

import h11

from loadtests.engine.address import Origin, request_bytes
from loadtests.engine.channel import VIEW, Plain, Tls, open_socket
from loadtests.engine.head import END, LONGEST_HEAD, Head, HeadError, read_head
from loadtests.engine.names import Addresses
from loadtests.engine.poller import READ, WRITE
from loadtests.session import ErrorKind, Failed, Get, Got

if TYPE_CHECKING:
    from loadtests.engine.loop import Loop
    from loadtests.engine.visit import Lane, Visit

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for name look-up, connect and TLS (Shaka's connect time-out; browsers allow more)."""
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""The generator's own limits, not the target's."""
_GZIP: Final = 47
"""zlib window bits: gzip or zlib header, detected."""


class State(IntEnum):
    """What the connection waits for."""

    NEW = auto()
    CONNECTING = auto()
    HANDSHAKE = auto()
    SENDING = auto()
    HEAD = auto()
    BODY = auto()
    FRAMED = auto()
    """A body whose framing h11 decodes: chunked, until close, after 1xx."""
    IDLE = auto()
    CLOSED = auto()


class Connection:
    """Driven by the loop: `begin` a request, `on_ready` when the poller says so, `expire` when time is up."""

    __slots__ = (
        "_addresses",
        "_body",
        "_channel",
        "_first_at",
        "_framing",
        "_head",
        "_info",
        "_received",
        "_remaining",
        "_reused",
        "_size",
        "_unsent",
        "fd",
        "get",
        "lane",
        "loop",
        "origin",
        "started",
        "state",
        "visit",
    )

    def __init__(self, loop: Loop, visit: Visit, origin: Origin) -> None:
        self.loop, self.visit, self.origin = loop, visit, origin
        self.state, self.fd = State.NEW, -1
        self._channel: Plain | Tls | None = None
        self._addresses: list[tuple[int, tuple[object, ...]]] = []
        self._reused = False
        self._head = b""
        self._body: bytearray | None = None
        self._info: Head | None = None
        self._framing: h11.Connection | None = None
        self.lane: Lane | None = None

    # -- asking ---------------------------------------------------------------------------------------------------

    def begin(self, lane: Lane, get: Get, now: float) -> None:
        """Ask for ``get`` on behalf of ``lane``."""
        self.lane, self.get, self.started = lane, get, now
        self._head, self._info, self._framing, self._body = b"", None, None, None
        self._received = self._remaining = self._size = 0
        self._first_at = -1.0
        self.loop.busy[self] = None
        if self.state is State.IDLE:
            self._reused = True
            self._ask()
        else:
            self._resolve()

    def _resolve(self) -> None:
        host, port = self.origin.host, self.origin.port
        known = self.loop.names.known(host, port)
        if known is None:
            self.loop.names.ask(host, port, self._resolved)
        else:
            self._resolved(known)

    def _resolved(self, answer: Addresses | OSError) -> None:
        if self.state is not State.NEW:
            return
        if isinstance(answer, OSError):
            self.fail("dns", f"{self.origin.host}: {answer.strerror or answer}")
            return
        turn = self.visit.viewer.number % len(answer)
        self._addresses = [*answer[turn:], *answer[:turn]]
        self._connect()

    def _connect(self) -> None:
        family, address = self._addresses.pop(0)
        try:
            sock = open_socket(family)
        except OSError as error:
            self._no_connection(error)
            return
        code = sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            sock.close()
            self._no_connection(OSError(code, os.strerror(code)))
            return
        self._channel = self._new_channel(sock)
        self.state, self.fd = State.CONNECTING, sock.fileno()
        self.loop.watch(self, WRITE)

    def _new_channel(self, sock: socket.socket) -> Plain | Tls:
        if self.origin.scheme == "http":
            return Plain(sock)
        return Tls(sock, self.loop.tls(), self.origin.host, self.visit.tls_sessions.get(self.origin))

    def _no_connection(self, error: OSError) -> None:
        if error.errno in _EXHAUSTED:
            self.loop.health.dropped += 1
        if self._addresses and error.errno not in _EXHAUSTED:
            self._release()
            self.state = State.NEW
            self._connect()
            return
        self.fail("connect", f"{self.origin.host}:{self.origin.port}: {error.strerror or error}")

    def _ask(self) -> None:
        assert self._channel is not None
        self._unsent = request_bytes(self.get.url, compressed=self.get.read)
        self.state = State.SENDING
        self._send()

    def _send(self) -> None:
        assert self._channel is not None
        try:
            sent = self._channel.write(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lost(error)
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self.loop.rewatch(self, WRITE)
            return
        if not self._reused or sent == 0:
            self.loop.rewatch(self, READ)
        self.state = State.HEAD

    # -- hearing --------------------------------------------------------------------------------------------------

    def on_ready(self) -> None:
        """The poller says the socket can move on."""
        try:
            self._advance()
            while self._channel is not None and self.state in _READING and self._channel.pending:
                self._advance()
        except BlockingIOError:
            return
        except ssl.SSLError as error:
            self.fail("tls", getattr(error, "verify_message", "") or error.reason or str(error))
        except OSError as error:
            self._lost(error)
        except (HeadError, h11.RemoteProtocolError, ValueError) as error:
            self.fail("protocol", str(error))

    def _advance(self) -> None:
        match self.state:
            case State.HEAD:
                self._read_head()
            case State.BODY:
                self._read_body()
            case State.FRAMED:
                self._read_framed()
            case State.CONNECTING:
                self._connected()
            case State.HANDSHAKE:
                self._shake_hands()
            case State.SENDING:
                self._send()
            case State.IDLE:
                self.close()
            case _:
                pass

    def _connected(self) -> None:
        assert self._channel is not None
        code = self._channel.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._no_connection(OSError(code, os.strerror(code)))
            return
        self.visit.note_connected()
        if self.origin.scheme == "https":
            self.state = State.HANDSHAKE
            self.loop.rewatch(self, READ)
            self._shake_hands()
        else:
            self._ask()

    def _shake_hands(self) -> None:
        assert self._channel is not None
        if self._channel.handshake():
            self._ask()

    def _read_head(self) -> None:
        assert self._channel is not None
        count = self._channel.read()
        if count == 0:
            self._lost(ConnectionResetError(errno.ECONNRESET, "closed before the response head ended"))
            return
        if self._first_at < 0:
            self._first_at = self.loop.clock()
        self._received += count
        data = bytes(VIEW[:count])
        head = self._head + data if self._head else data
        end = head.find(END)
        if end < 0:
            if len(head) > LONGEST_HEAD:
                raise HeadError(f"response head longer than {LONGEST_HEAD} bytes")
            self._head = head
            return
        self._take_head(head, end + len(END))

    def _take_head(self, data: bytes, end: int) -> None:
        info = read_head(data[:end])
        if info.length < 0:
            self._start_framing(data)
            return
        self._info = info
        rest = data[end:]
        if info.length > self.get.limit:
            self.fail("too_large", f"{info.length} bytes, at most {self.get.limit}")
            return
        body = rest[: info.length]
        self._size, self._remaining = len(body), info.length - len(body)
        if self.get.read:
            self._body = bytearray(body)
        if self._remaining:
            self.state = State.BODY
        else:
            self._done(clean=len(rest) == len(body))

    def _read_body(self) -> None:
        assert self._channel is not None
        if self._body is None:
            taken = count = self._channel.discard(self._remaining)
        else:
            count = self._channel.read()
            taken = min(count, self._remaining)
            self._body += VIEW[:taken]
        if count == 0:
            raise ConnectionResetError(errno.ECONNRESET, f"closed with {self._remaining} body bytes missing")
        self._received += count
        self._size += taken
        self._remaining -= taken
        if not self._remaining:
            self._done(clean=count == taken)

    # -- bodies that only h11 can frame -----------------------------------------------------------------------------

    def _start_framing(self, data: bytes) -> None:
        framing = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        framing.send(h11.Request(method="GET", target="/", headers=[("Host", "framing")]))
        framing.send(h11.EndOfMessage())
        framing.receive_data(data)
        self._framing = framing
        self._body = bytearray()
        self.state = State.FRAMED
        self._take_events()

    def _read_framed(self) -> None:
        assert self._channel is not None
        assert self._framing is not None
        count = self._channel.read()
        self._received += count
        self._framing.receive_data(bytes(VIEW[:count]))
        self._take_events()

    def _take_events(self) -> None:
        assert self._framing is not None
        while True:
            match self._framing.next_event():
                case h11.Response() as response:
                    self._info = _head_of(response)
                case h11.Data() as piece:
                    if not self._take_piece(bytes(piece.data)):
                        return
                case h11.EndOfMessage():
                    self._done(clean=self._framing.their_state is h11.DONE and not self._framing.trailing_data[0])
                    return
                case h11.NEED_DATA | h11.PAUSED:
                    return
                case h11.ConnectionClosed():
                    raise ConnectionResetError(errno.ECONNRESET, "closed before the response ended")

    def _take_piece(self, piece: bytes) -> bool:
        self._size += len(piece)
        if self._size > self.get.limit:
            self.fail("too_large", f"more than {self.get.limit} bytes")
            return False
        if self.get.read:
            assert self._body is not None
            self._body += piece
        return True

    # -- ending ---------------------------------------------------------------------------------------------------

    def _done(self, *, clean: bool) -> None:
        assert self._info is not None
        info, now, get = self._info, self.loop.clock(), self.get
        self.visit.tally.responded(
            get.kind,
            info.status,
            size=self._size,
            head=self._received - self._size,
            ttfb=self._first_at - self.started,
            total=now - self.started,
            cache=info.cache,
        )
        body, reason = self._plain_body(info)
        lane = self._detach()
        if clean and info.keep_alive and not self.visit.over:
            self.state = State.IDLE
            self.visit.idle.append(self)
        else:
            self.close()
        if lane is None:
            return
        if reason is not None:
            self.loop.resume(lane, Failed(now, self.started, get.url, reason, "the body cannot be decompressed"))
        else:
            self.loop.resume(lane, Got(now, self.started, get.url, info.status, self._size, body, info.location))

    def _plain_body(self, info: Head) -> tuple[bytes, ErrorKind | None]:
        if not self.get.read or self._body is None:
            return b"", None
        if not info.gzip:
            return bytes(self._body), None
        unpack = zlib.decompressobj(_GZIP)
        try:
            body = unpack.decompress(bytes(self._body), self.get.limit)
        except zlib.error:
            self.visit.tally.media_error(self.get.kind, "protocol")
            return b"", "protocol"
        if unpack.unconsumed_tail:
            self.visit.tally.media_error(self.get.kind, "too_large")
            return b"", "too_large"
        return body, None

    def _lost(self, error: OSError) -> None:
        if self.state is State.IDLE:
            self.close()
        elif self.state in (State.NEW, State.CONNECTING):
            self._no_connection(error)
        elif self.state is State.HANDSHAKE:
            self.fail("tls", error.strerror or str(error))
        elif self._reused and not self._received:
            self._retry_fresh()
        else:
            self.fail("reset", error.strerror or str(error))

    def _retry_fresh(self) -> None:
        """The server closed an idle connection just as it was used: ask again on a new one (RFC 9112 §9.3.1)."""
        self._release()
        self.visit.lost += 1
        self.state, self._reused = State.NEW, False
        self._resolve()

    def fail(self, reason: ErrorKind, detail: str) -> None:
        """The request failed; the connection is of no more use."""
        now, get = self.loop.clock(), self.get
        self.visit.tally.request_failed(get.kind, reason, size=self._size, head=self._received - self._size)
        lane = self._detach()
        self.close()
        if lane is not None:
            self.loop.resume(lane, Failed(now, self.started, get.url, reason, detail))

    def cancel(self) -> None:
        """The run ends while this request is under way."""
        self.visit.tally.request_cancelled(self.get.kind, size=self._size, head=self._received - self._size)
        self._detach()
        self.close()

    def expire(self, now: float) -> None:
        """Fail the request if one of its times is up."""
        waited = now - self.started
        if waited > self.get.timeout:
            self.fail("timeout", f"not whole after {self.get.timeout:g} s")
        elif self._first_at < 0 and waited > self.get.first_byte_timeout:
            self.fail("timeout", f"no first byte after {self.get.first_byte_timeout:g} s")
        elif self.state in _OPENING and waited > CONNECT_TIMEOUT:
            self.fail("timeout", f"no connection after {CONNECT_TIMEOUT:g} s")

    def _detach(self) -> Lane | None:
        self.loop.busy.pop(self, None)
        lane, self.lane = self.lane, None
        self._body = self._framing = None
        self._head = b""
        return lane

    def close(self) -> None:
        """Close the socket and forget the connection."""
        if self.state is State.CLOSED:
            return
        if isinstance(self._channel, Tls):
            self.visit.tls_sessions[self.origin] = self._channel.session
        self._release()
        self.state = State.CLOSED
        self.visit.forget(self)

    def _release(self) -> None:
        if self._channel is not None:
            self.loop.unwatch(self)
            self._channel.sock.close()
            self._channel, self.fd = None, -1


_READING: Final = frozenset({State.HANDSHAKE, State.HEAD, State.BODY, State.FRAMED})
_OPENING: Final = frozenset({State.NEW, State.CONNECTING, State.HANDSHAKE})


def _head_of(response: h11.Response) -> Head:
    fields: dict[bytes, Any] = dict(response.headers)
    text = b"HTTP/1.1 %d x\r\n" % response.status_code + b"".join(
        b"%s: %s\r\n" % pair for pair in fields.items() if pair[0] not in (b"transfer-encoding", b"content-length")
    )
    return read_head(text + b"content-length: 0\r\n\r\n")
