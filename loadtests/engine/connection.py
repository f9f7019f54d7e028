"""One HTTP/1.1 connection of one viewer: ask, read the head, keep or discard the body, be used again."""

from __future__ import annotations

import errno
import ssl
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Final

import h11

from loadtests.engine.channel import BUFFER, VIEW, Plain, Tls
from loadtests.engine.dial import Dial, NoChannel, Outcome
from loadtests.engine.framing import Framing
from loadtests.engine.gzipped import TooLargeError, unpack
from loadtests.engine.head import END, Head, HeadError, gather, read_head
from loadtests.engine.poller import READ, WRITE
from loadtests.engine.request import Origin
from loadtests.session import ErrorKind, Failed, Get, Got

if TYPE_CHECKING:
    from loadtests.engine.loop import Loop
    from loadtests.engine.visit import Lane, Visit

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for name look-up, connect and TLS (Shaka's connect time-out; browsers allow more)."""


class State(IntEnum):
    """What the connection waits for; there is a channel from SENDING to IDLE."""

    NEW = auto()
    OPENING = auto()
    SENDING = auto()
    HEAD = auto()
    BODY = auto()
    FRAMED = auto()
    """A body whose end only `Framing` finds."""
    IDLE = auto()
    CLOSED = auto()


class Connection:
    """Driven by the loop: `begin` a request, `on_ready` when the poller says so, `expire` when time is up."""

    __slots__ = (
        "_body",
        "_channel",
        "_dial",
        "_early",
        "_first_at",
        "_framing",
        "_head",
        "_received",
        "_remaining",
        "_request",
        "_reused",
        "_size",
        "_wanted",
        "fd",
        "get",
        "lane",
        "loop",
        "origin",
        "started",
        "state",
        "visit",
    )
    _channel: Plain | Tls
    _dial: Dial
    _head: Head
    _framing: Framing | None

    def __init__(self, loop: Loop, visit: Visit, origin: Origin) -> None:
        self.loop, self.visit, self.origin = loop, visit, origin
        self.state, self.fd = State.NEW, -1
        self._wanted = 0
        self._reused = False
        self.lane: Lane | None = None

    # -- asking ---------------------------------------------------------------------------------------------------

    def begin(self, lane: Lane, get: Get, request: bytes, now: float) -> None:
        """Send ``request`` for ``get`` on behalf of ``lane``."""
        self.lane, self.get, self.started, self._request = lane, get, now, request
        self._early, self._framing, self._body = b"", None, bytearray()
        self._received = self._remaining = self._size = 0
        self._first_at = -1.0
        self.loop.busy[self] = None
        if self.state is State.IDLE:
            self._reused = True
            self._ask()
        else:
            self._open()

    def _open(self) -> None:
        self.state, self._reused = State.OPENING, False
        session = self.visit.tls_sessions.get(self.origin)
        self._dial = Dial(self.loop, self.origin, self.visit.viewer.number, session, self._opened)
        self._dial.start()

    def _opened(self, outcome: Outcome) -> None:
        if isinstance(outcome, NoChannel):
            if outcome.ours:
                self._drop(outcome)
            else:
                self.fail(outcome.reason, outcome.detail)
            return
        self._channel, self.fd, self._wanted = outcome, outcome.sock.fileno(), 0
        self.loop.take_over(self)
        self.visit.note_connected()
        self._ask()

    def _ask(self) -> None:
        self.state = State.SENDING
        try:
            sent = self._channel.write(self._request)
        except OSError as error:
            self._lost(error)
            return
        if sent:
            self.state = State.HEAD
        self._want(READ if sent else WRITE)

    def _want(self, events: int) -> None:
        if self._wanted != events:
            self._wanted = events
            self.loop.rewatch(self, events)

    # -- hearing --------------------------------------------------------------------------------------------------

    def on_ready(self) -> None:
        """The poller says the socket can move on."""
        try:
            if self._channel.secure:
                self._advance_in_memory()
            else:
                self._advance()
        except BlockingIOError:
            return
        except ssl.SSLError as error:
            self.fail("tls", error.reason or str(error))
        except OSError as error:
            self._lost(error)
        except (HeadError, h11.RemoteProtocolError) as error:
            self.fail("protocol", str(error))

    def _advance_in_memory(self) -> None:
        assert isinstance(self._channel, Tls)
        self._channel.begin_turn()
        self._advance()
        while State.HEAD <= self.state <= State.IDLE and self._channel.pending:
            self._advance()

    def _advance(self) -> None:
        match self.state:
            case State.HEAD:
                self._read_head()
            case State.BODY:
                self._read_body()
            case State.FRAMED:
                self._read_framed()
            case State.SENDING:
                if self._channel.flush():
                    self.state = State.HEAD
                    self._want(READ)
            case State.IDLE:
                if self._channel.secure:
                    self._channel.read()  # BlockingIOError: a session ticket or a key update, not the end
                self.close()

    def _read_head(self) -> None:
        count = self._channel.read()
        if count == 0:
            self._lost(ConnectionResetError(errno.ECONNRESET, "closed before the response head ended"))
            return
        if self._first_at < 0:
            self._first_at = self.loop.clock()
        self._received += count
        end = -1 if self._early else BUFFER.find(END, 0, count)
        if end < 0:
            self._gather_head(bytes(VIEW[:count]))
        else:
            self._take_head(VIEW[:count], end + len(END))

    def _gather_head(self, data: bytes) -> None:
        self._early, end = gather(self._early, data)
        if end >= 0:
            self._take_head(memoryview(self._early), end)

    def _take_head(self, data: memoryview, end: int) -> None:
        head = self._head = read_head(bytes(data[:end]))
        if head.length < 0:
            self._start_framing(bytes(data))
            return
        if head.length > self.get.limit:
            self.fail("too_large", f"{head.length} bytes, at most {self.get.limit}")
            return
        came = len(data) - end
        self._size = min(came, head.length)
        self._remaining = head.length - self._size
        if self.get.read:
            self._body += data[end : end + self._size]
        if self._remaining:
            self.state = State.BODY
        else:
            self._done(clean=came == self._size)

    def _read_body(self) -> None:
        if self.get.read:
            count = self._channel.read()
            taken = min(count, self._remaining)
            self._body += VIEW[:taken]
        else:
            taken = count = self._channel.discard(self._remaining)
        if count == 0:
            raise ConnectionResetError(errno.ECONNRESET, f"closed with {self._remaining} body bytes missing")
        self._received += count
        self._size += taken
        self._remaining -= taken
        if not self._remaining:
            self._done(clean=count == taken)

    def _start_framing(self, data: bytes) -> None:
        self._framing = Framing()
        self.state = State.FRAMED
        self._take_piece(self._framing, self._framing.feed(data))

    def _read_framed(self) -> None:
        assert self._framing is not None
        count = self._channel.read()
        self._received += count
        truncated = isinstance(self._channel, Tls) and self._channel.truncated
        self._take_piece(self._framing, self._framing.feed(bytes(VIEW[:count]), truncated=truncated))

    def _take_piece(self, framing: Framing, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self.get.limit:
            self.fail("too_large", f"more than {self.get.limit} bytes")
            return
        if self.get.read:
            self._body += piece
        if framing.ended:
            assert framing.head is not None
            self._head = framing.head
            self._done(clean=framing.is_clean)

    # -- ending ---------------------------------------------------------------------------------------------------

    def _done(self, *, clean: bool) -> None:
        head, now, get = self._head, self.loop.clock(), self.get
        self.visit.tally.responded(
            get.kind,
            head.status,
            size=self._size,
            head=self._received - self._size,
            ttfb=self._first_at - self.started,
            total=now - self.started,
            cache=head.cache,
        )
        body, lane = self._body, self._detach()
        if clean and head.keep_alive and not self.visit.over:
            self.state = State.IDLE
            self.visit.idle.append(self)
        else:
            self.close()
        if lane is not None:
            self.loop.resume(lane, self._reply(now, body))

    def _reply(self, now: float, body: bytearray) -> Got | Failed:
        get, head = self.get, self._head
        plain = bytes(body)
        if head.gzip and plain:
            try:
                plain = unpack(plain, get.limit)
            except ValueError as error:
                reason: ErrorKind = "too_large" if isinstance(error, TooLargeError) else "protocol"
                self.visit.tally.media_error(get.kind, reason)
                return Failed(now, self.started, get.url, reason, str(error))
        return Got(now, self.started, get.url, head.status, self._size, plain, head.location)

    def _lost(self, error: OSError) -> None:
        if self.state is State.IDLE:
            self.close()
        elif self._reused and not self._received:
            self._hang_up()  # the server closed it while it was idle: ask again on a new one (RFC 9112 §9.3.1)
            self._open()
        else:
            self.fail("reset", error.strerror or str(error))

    def fail(self, reason: ErrorKind, detail: str) -> None:
        """The request failed; the connection is of no more use."""
        self.visit.tally.request_failed(self.get.kind, reason, size=self._size, head=self._received - self._size)
        self._give_back(reason, detail)

    def _drop(self, why: NoChannel) -> None:
        """The request could not be sent, and that is not the target's fault: it counts as dropped, not as a request."""
        self.loop.health.dropped += 1
        self._give_back(why.reason, why.detail)

    def cancel(self, why: str = "the run is over") -> None:
        """Cut off the request under way, if there is one: neither good nor bad."""
        if self in self.loop.busy:
            size, head = self._size, self._received - self._size
            self.visit.tally.request_cancelled(self.get.kind, size=size, head=head)
        self._give_back("protocol", why)

    def abandon(self, error: Exception) -> None:
        """An error of ours: this request cannot go on, the others can."""
        self.cancel(f"error in surgecast: {error!r}")

    def _give_back(self, reason: ErrorKind, detail: str) -> None:
        lane = self._detach()
        self.close()
        if lane is not None:
            self.loop.resume(lane, Failed(self.loop.clock(), self.started, self.get.url, reason, detail))

    def expire(self, now: float) -> None:
        """Fail the request if one of its times is up."""
        waited, get = now - self.started, self.get
        if waited > get.timeout:
            self.fail("timeout", f"not whole after {get.timeout:g} s")
        elif self._first_at < 0 and waited > get.first_byte_timeout:
            self.fail("timeout", f"no first byte after {get.first_byte_timeout:g} s")
        elif self.state is State.OPENING and waited > CONNECT_TIMEOUT:
            self.fail("timeout", f"no connection after {CONNECT_TIMEOUT:g} s")

    def _detach(self) -> Lane | None:
        self.loop.busy.pop(self, None)
        lane, self.lane = self.lane, None
        self._body, self._framing, self._early = bytearray(), None, b""
        return lane

    def close(self) -> None:
        """Close the socket and forget the connection."""
        if self.state is State.OPENING:
            self._dial.give_up()
        elif State.SENDING <= self.state <= State.IDLE:
            self._hang_up()
        self.state = State.CLOSED
        self.visit.forget(self)

    def _hang_up(self) -> None:
        if isinstance(self._channel, Tls) and (session := self._channel.session) is not None:
            self.visit.tls_sessions[self.origin] = session
        self.loop.unwatch(self)
        self._channel.close()
        self.fd = -1
        self.visit.lost += 1
