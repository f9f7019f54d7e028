"""One HTTP/1.1 connection of one viewer: ask, read the head, keep or discard the body, be used again."""

from __future__ import annotations

import errno
import ssl
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Final

import h11

from loadtests.engine.channel import BUFFER, VIEW, Plain, Tls, tls_problem
from loadtests.engine.dial import Dial, NoChannel, Outcome
from loadtests.engine.exchange import Exchange
from loadtests.engine.framing import Framing
from loadtests.engine.head import END, HeadError, gather, read_head
from loadtests.engine.poller import READ, WRITE
from loadtests.engine.request import Origin
from loadtests.session import ErrorKind, Failed

if TYPE_CHECKING:
    from loadtests.engine.loop import Loop
    from loadtests.engine.visit import Visit

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for name look-up, connect and TLS (Shaka's connect time-out; browsers allow more)."""

YOUNG: Final = 0.1
"""Seconds after which a sweep looks at a request for the first time: most are over by then."""


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


HEAD: Final = State.HEAD
"""Where most time is spent: looked up once."""


class Connection:
    """Driven by the loop: `send` a request, `on_ready` when the poller says so, `expire` when time is up."""

    __slots__ = (
        "_channel",
        "_dial",
        "_early",
        "_framing",
        "_reused",
        "_wanted",
        "exchange",
        "fd",
        "loop",
        "origin",
        "state",
        "visit",
    )
    _channel: Plain | Tls
    _dial: Dial
    _framing: Framing
    exchange: Exchange

    def __init__(self, loop: Loop, visit: Visit, origin: Origin) -> None:
        self.loop, self.visit, self.origin = loop, visit, origin
        self.state, self.fd = State.NEW, -1
        self._wanted = 0
        self._reused = False

    # -- asking ---------------------------------------------------------------------------------------------------

    def send(self, exchange: Exchange, channel: Tls | None = None) -> None:
        """Send what has been asked for already; on ``channel``, where one is open."""
        self.exchange = exchange
        self._early = b""
        self.loop.busy[self] = exchange.started + YOUNG
        if channel is not None:
            self._opened(channel)
        elif self.state is State.IDLE:
            self._reused = True
            self._ask()
        else:
            self._open()

    def _open(self) -> None:
        self.state, self._reused = State.OPENING, False
        self.loop.busy[self] = 0.0  # every sweep looks whether the dial has to hurry
        self._dial = Dial(self.loop, self.visit, self.origin, self._dialled)
        self._dial.start()

    def _dialled(self, outcome: Outcome) -> None:
        if not isinstance(outcome, NoChannel):
            del self._dial  # or every viewer would keep one
            self._opened(outcome)
        elif outcome.ours:
            self._drop(outcome)
        else:
            self.fail(outcome.reason, outcome.detail)

    def _opened(self, channel: Plain | Tls) -> None:
        self._channel, self.fd, self._wanted = channel, channel.sock.fileno(), 0
        self.loop.polled.take_over(self)
        self.visit.note_connected()
        if isinstance(channel, Tls) and channel.protocol == "h2":
            self._move()
        else:
            self._ask()

    def _move(self) -> None:
        """The server that chose HTTP/1.1 before has chosen HTTP/2 now."""
        del self.loop.busy[self]
        self.state = State.IDLE
        self.close()
        self.visit.http1 -= {self.origin}
        self.loop.link(self.visit, self.origin).send(self.exchange)

    def _ask(self) -> None:
        self.state = State.SENDING
        try:
            sent = self._channel.write(self.exchange.request)
        except OSError as error:
            self._lost(error)
            return
        if sent:
            self.state = HEAD
        if not sent or self._wanted != READ:
            self._want(READ if sent else WRITE)

    def _want(self, events: int) -> None:
        if self._wanted != events:
            self._wanted = events
            self.loop.polled.rewatch(self, events)

    # -- hearing --------------------------------------------------------------------------------------------------

    def on_ready(self) -> None:
        """The poller says the socket can move on."""
        try:
            if self._channel.secure:
                self._advance_in_memory()
            elif self.state is HEAD:
                self._read_head()
            else:
                self._advance()
        except BlockingIOError:
            return
        except ssl.SSLError as error:
            self.fail("tls", tls_problem(error))
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
        exchange = self.exchange
        count = self._channel.read()
        if count == 0:
            self._lost(ConnectionResetError(errno.ECONNRESET, "closed before the response head ended"))
            return
        at = self.loop.moment(self._channel.stamp, exchange.started)
        if exchange.first_at < 0:
            exchange.first_at = at
        exchange.received += count
        end = -1 if self._early else BUFFER.find(END, 0, count)
        if end < 0:
            self._gather_head(bytes(VIEW[:count]), at)
        else:
            self._take_head(VIEW[:count], end + len(END), at)

    def _gather_head(self, data: bytes, at: float) -> None:
        self._early, end = gather(self._early, data)
        if end >= 0:
            self._take_head(memoryview(self._early), end, at)

    def _take_head(self, data: memoryview, end: int, at: float) -> None:
        exchange = self.exchange
        head = exchange.head = read_head(data[:end].tobytes())
        if head.length < 0:
            self._framing, self.state = Framing(), State.FRAMED
            self._take_piece(self._framing.feed(bytes(data)), at)
            return
        if head.length > exchange.get.limit:
            self.fail("too_large", f"{head.length} bytes, at most {exchange.get.limit}")
            return
        came = len(data) - end
        exchange.size = min(came, head.length)
        exchange.remaining = head.length - exchange.size
        if exchange.get.read:
            exchange.keep(data[end : end + exchange.size].tobytes())
        if exchange.remaining:
            self.state = State.BODY
            exchange.tell()
        else:
            self._done(at, clean=came == exchange.size)

    def _read_body(self) -> None:
        exchange = self.exchange
        if exchange.get.read:
            count = self._channel.read()
            taken = min(count, exchange.remaining)
            exchange.keep(VIEW[:taken].tobytes())
        else:
            taken = count = self._channel.discard(exchange.remaining)
        if count == 0:
            raise ConnectionResetError(errno.ECONNRESET, f"closed with {exchange.remaining} body bytes missing")
        exchange.received += count
        exchange.size += taken
        exchange.remaining -= taken
        if exchange.remaining:
            exchange.tell()
        else:
            self._done(self.loop.moment(self._channel.stamp, exchange.first_at), clean=count == taken)

    def _read_framed(self) -> None:
        count = self._channel.read()
        self.exchange.received += count
        truncated = isinstance(self._channel, Tls) and self._channel.truncated
        piece = self._framing.feed(bytes(VIEW[:count]), truncated=truncated)
        self._take_piece(piece, self.loop.moment(self._channel.stamp, self.exchange.first_at))

    def _take_piece(self, piece: bytes, at: float) -> None:
        exchange, framing = self.exchange, self._framing
        exchange.size += len(piece)
        if exchange.size > exchange.get.limit:
            self.fail("too_large", f"more than {exchange.get.limit} bytes")
            return
        if exchange.get.read:
            exchange.keep(piece)
        if framing.ended:
            assert framing.head is not None
            exchange.head = framing.head
            self._done(at, clean=framing.is_clean)
        elif piece:
            exchange.tell()

    # -- ending ---------------------------------------------------------------------------------------------------

    def _done(self, at: float, *, clean: bool) -> None:
        exchange = self.exchange
        exchange.responded(at)
        del self.loop.busy[self]
        if clean and exchange.head.keep_alive and not self.visit.over:
            self.state = State.IDLE
            self.visit.idle.append(self)
        else:
            self.close()
        if exchange.lane is not None:
            self.loop.resume(exchange.lane, exchange.reply(at))

    def _lost(self, error: OSError) -> None:
        if self.state is State.IDLE:
            self.close()
        elif self._reused and not self.exchange.received:
            self._hang_up()  # the server closed it while it was idle: ask again on a new one (RFC 9112 §9.3.1)
            self._open()
        else:
            self.fail("reset", error.strerror or str(error))

    def fail(self, reason: ErrorKind, detail: str) -> None:
        """The request failed; the connection is of no more use."""
        self.exchange.failed(reason)
        self._give_back(reason, detail)

    def _drop(self, why: NoChannel) -> None:
        """The request could not be sent, and that is not the target's fault: it counts as dropped, not as a request."""
        self.loop.health.dropped += 1
        self._give_back(why.reason, why.detail)

    def cancel(self, why: str = "the run is over") -> None:
        """Cut off the request under way, if there is one: neither good nor bad."""
        if self in self.loop.busy:
            self.exchange.cancelled()
            self._give_back("protocol", why)
        else:
            self.close()

    def abandon(self, error: Exception) -> None:
        """An error of ours: this request cannot go on, the others can."""
        self.cancel(f"error in surgecast: {error!r}")

    def disown(self) -> None:
        """The viewer has left: a request under way is read to its end, an idle connection is closed."""
        if self in self.loop.busy:
            self.exchange.lane = None
        else:
            self.close()

    def _give_back(self, reason: ErrorKind, detail: str) -> None:
        exchange = self.exchange
        del self.loop.busy[self]
        self.close()
        if exchange.lane is not None:
            failed = Failed(self.loop.clock(), exchange.started, exchange.get.url, reason, detail)
            self.loop.resume(exchange.lane, failed)

    def expire(self, now: float) -> float:
        """Fail the request if one of its times is up; when to look again."""
        if overdue := self.exchange.overdue(now):
            self.fail("timeout", overdue)
        elif self.state is State.OPENING and now - self.exchange.started > CONNECT_TIMEOUT:
            self.fail("timeout", f"no connection after {CONNECT_TIMEOUT:g} s")
        elif self.state is State.OPENING:
            self._dial.hurry(now)
            return 0.0
        return self.exchange.due

    def close(self) -> None:
        """Close the socket and forget the connection."""
        if self.state is State.OPENING:
            self._dial.give_up()
        elif State.SENDING <= self.state <= State.IDLE:
            self._hang_up()
        self.state = State.CLOSED
        self.visit.forget(self)

    def _hang_up(self) -> None:
        if isinstance(self._channel, Tls):
            self.visit.keep_session(self.origin, self._channel)
        self.loop.polled.unwatch(self)
        self._channel.close()
        self.fd = -1
        self.visit.lost += 1
