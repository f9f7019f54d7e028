"""One viewer's HTTP/2 connection to one origin: every request to it is a stream of its own (RFC 9113).

While it opens, requests wait for it, as in browsers. A server that chooses HTTP/1.1 after all (ALPN, RFC 7301) gets
`Connection`s instead, and its origin is remembered in the visit. What comes is read by `Frames`.
"""

from __future__ import annotations

import errno
import ssl
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Final

from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, StreamEnded, StreamReset
from h2.exceptions import NoSuchStreamError, ProtocolError

from loadtests.engine.channel import VIEW, Tls, tls_problem
from loadtests.engine.connection import CONNECT_TIMEOUT, Connection
from loadtests.engine.dial import Dial, NoChannel, Outcome
from loadtests.engine.exchange import Exchange
from loadtests.engine.http2_frames import HEADERS, Frame, Frames
from loadtests.engine.http2_response import take
from loadtests.engine.poller import READ, WRITE
from loadtests.engine.request import Origin
from loadtests.session import ErrorKind, Failed

if TYPE_CHECKING:
    from loadtests.engine.loop import Loop
    from loadtests.engine.visit import Visit

PROTOCOL: Final = "h2"
"""HTTP/2 over TLS, as ALPN names it (RFC 9113 §3.1)."""


class Stage(IntEnum):
    """There is a channel in OPEN only."""

    NEW = auto()
    OPENING = auto()
    OPEN = auto()
    CLOSED = auto()


class Http2:
    """Driven by the loop like `Connection`, but for several requests at a time."""

    __slots__ = (
        "_answered_at",
        "_channel",
        "_dial",
        "_frames",
        "_heard_at",
        "_leaving",
        "_opened_at",
        "_queue",
        "_stage",
        "_streams",
        "_wanted",
        "fd",
        "loop",
        "origin",
        "visit",
    )
    _channel: Tls
    _dial: Dial
    _frames: Frames

    def __init__(self, loop: Loop, visit: Visit, origin: Origin) -> None:
        self.loop, self.visit, self.origin = loop, visit, origin
        self.fd, self._wanted, self._stage = -1, 0, Stage.NEW
        self._queue: deque[Exchange] = deque()
        """Requests that wait for the connection, or for the server's leave to open another stream."""
        self._streams: dict[int, Exchange] = {}
        self._opened_at = self._heard_at = -1.0
        self._answered_at: float | None = None
        """When its first response was whole: from then on it is a connection that is used again."""
        self._leaving = False
        """Whether it takes no further requests."""

    # -- asking ---------------------------------------------------------------------------------------------------

    def send(self, exchange: Exchange) -> None:
        """Send what has been asked for already."""
        self.loop.busy[self] = 0.0
        self._queue.append(exchange)
        if self._stage is Stage.NEW:
            self._open()
        elif self._stage is Stage.OPEN:
            self._ask()

    def _open(self) -> None:
        self._stage, self._opened_at = Stage.OPENING, self.loop.clock()
        if self.origin not in self.visit.http1:
            self.visit.shared[self.origin] = self
        self._dial = Dial(self.loop, self.visit, self.origin, self._opened)
        self._dial.start()

    def _opened(self, outcome: Outcome) -> None:
        if isinstance(outcome, NoChannel):
            if outcome.ours:
                self._drop(outcome)
            else:
                self._break(outcome.reason, outcome.detail)
            return
        assert isinstance(outcome, Tls)
        if outcome.protocol != PROTOCOL:
            self._fall_back(outcome)
            return
        self.visit.http1 -= {self.origin}
        self.visit.shared.setdefault(self.origin, self)
        self._channel, self.fd, self._wanted = outcome, outcome.sock.fileno(), 0
        self._stage, self._frames = Stage.OPEN, Frames()
        self.loop.polled.take_over(self)
        self.visit.note_connected()
        self._ask()

    def _fall_back(self, channel: Tls) -> None:
        """The server has chosen HTTP/1.1: the first request goes on here, each other one opens its own connection."""
        self.visit.http1 |= {self.origin}
        first, *others = self._take_all()
        self.close()
        connection = Connection(self.loop, self.visit, self.origin)
        self.visit.opened.append(connection)
        connection.send(first, channel)
        for exchange in others:
            self.loop.link(self.visit, self.origin).send(exchange)

    def _take_all(self) -> list[Exchange]:
        """Every request under way; there are none from now on."""
        exchanges = [*self._streams.values(), *self._queue]
        self._streams.clear()
        self._queue.clear()
        self.loop.busy.pop(self, None)
        return exchanges

    def _ask(self) -> None:
        """Open streams for as many requests as the server allows, and send what there is to send."""
        while self._queue and len(self._streams) < self._frames.room:
            exchange = self._queue.popleft()
            exchange.sent_at = self.loop.clock()
            self._streams[self._frames.ask(exchange.request)] = exchange
        try:
            data = self._frames.take_out()
            sent = self._channel.write(data) if data else self._channel.flush()
        except OSError as error:
            self._lost(error)
            return
        events = READ if sent else WRITE  # who does not read is not read: what we owe a server stays bounded
        if self._wanted != events:
            self._wanted = events
            self.loop.polled.rewatch(self, events)

    # -- hearing --------------------------------------------------------------------------------------------------

    def on_ready(self) -> None:
        """The poller says the socket can move on."""
        try:
            self._channel.begin_turn()
            if self._wanted == WRITE and not self._channel.flush():
                return
            self._hear()
        except BlockingIOError:
            self._ask()
            self._rest()
        except ssl.SSLError as error:
            self._break("tls", tls_problem(error))
        except OSError as error:
            self._lost(error)
        except NoSuchStreamError as error:
            self._break("protocol", f"a frame for stream {error.stream_id}, which is not open")
        except ProtocolError as error:
            self._break("protocol", str(error))

    def _hear(self) -> None:
        """Read until nothing is left: BlockingIOError."""
        while True:
            count = self._channel.read()
            if count == 0:
                raise ConnectionResetError(errno.ECONNRESET, "closed before the response ended")
            self._heard_at = self.loop.moment(self._channel.stamp, 0.0)
            for frame in self._frames.feed(bytes(VIEW[:count])):
                self._take_frame(frame)

    def _take_frame(self, frame: Frame) -> None:
        exchange = self._streams.get(frame.stream)
        if exchange is not None:
            exchange.received += frame.size
            if exchange.first_at < 0 and frame.kind == HEADERS:
                exchange.first_at = max(self._heard_at, exchange.started)
        for event in frame.events:
            if isinstance(event, ConnectionTerminated):
                self._go_away(event)
            elif exchange is not None and frame.stream in self._streams:
                self._take_event(frame.stream, exchange, event)
            elif isinstance(event, DataReceived):
                self._frames.consumed(event.stream_id, event.flow_controlled_length)

    def _take_event(self, number: int, exchange: Exchange, event: Event) -> None:
        if isinstance(event, DataReceived):
            self._frames.consumed(number, event.flow_controlled_length)
        if isinstance(event, StreamReset):
            self._reset(number, exchange, event)
        elif (flaw := take(exchange, event)) is not None:
            self._refuse(number, exchange, *flaw)
        elif isinstance(event, StreamEnded):
            self._done(number, exchange)

    # -- ending ---------------------------------------------------------------------------------------------------

    def _done(self, number: int, exchange: Exchange) -> None:
        del self._streams[number]
        now = max(self._heard_at, exchange.first_at)
        if self._answered_at is None:
            self._answered_at = now
        exchange.responded(now)
        if exchange.lane is not None:
            self.loop.resume(exchange.lane, exchange.reply(now))

    def _reset(self, number: int, exchange: Exchange, event: StreamReset) -> None:
        del self._streams[number]
        if not event.remote_reset:
            self._fail(exchange, "protocol", "the body is not as long as its Content-Length")
        elif event.error_code == ErrorCodes.REFUSED_STREAM and _may_go_again(exchange):
            self._queue.appendleft(exchange)
        else:
            self._fail(exchange, "reset", f"stream reset: {_named(event.error_code)}")

    def _go_away(self, event: ConnectionTerminated) -> None:
        """Requests that the server has not looked at are sent again on another connection (RFC 9113 §6.8)."""
        self._leave()
        last = event.last_stream_id or 0
        unseen = [self._streams.pop(number) for number in tuple(self._streams) if number > last]
        waiting = tuple(self._queue)
        self._queue.clear()
        self._send_elsewhere(unseen, waiting, f"server goes away: {_named(event.error_code)}")

    def _send_elsewhere(self, sent: Iterable[Exchange], waiting: Iterable[Exchange], why: str) -> None:
        """Requests that were sent go once more at most, and first; those that still wait just wait there."""
        for exchange in sent:
            if _may_go_again(exchange):
                self.loop.link(self.visit, self.origin).send(exchange)
            else:
                self._fail(exchange, "reset", why)
        for exchange in waiting:
            self.loop.link(self.visit, self.origin).send(exchange)

    def _lost(self, error: OSError) -> None:
        """Requests that found a used connection closed are sent again once, as over HTTP/1.1 (RFC 9110 §9.2.2)."""
        proven = self._answered_at
        waiting = tuple(self._queue)
        unheard = [
            one for one in self._streams.values() if not one.received and proven is not None and one.sent_at >= proven
        ]
        broken = [one for one in self._streams.values() if one not in unheard]
        self._take_all()
        self.close()
        detail = error.strerror or str(error)
        for exchange in broken:
            self._fail(exchange, "reset", detail)
        self._send_elsewhere(unheard, waiting, detail)

    def _break(self, reason: ErrorKind, detail: str) -> None:
        """The connection is of no use: all that it carries has failed."""
        exchanges = self._take_all()
        self.close()
        for exchange in exchanges:
            self._fail(exchange, reason, detail)

    def _drop(self, why: NoChannel) -> None:
        """Nothing could be sent, and that is not the target's fault."""
        exchanges = self._take_all()
        self.close()
        self.loop.health.dropped += len(exchanges)
        for exchange in exchanges:
            self._tell(exchange, why.reason, why.detail)

    def _refuse(self, number: int, exchange: Exchange, reason: ErrorKind, detail: str) -> None:
        """We want no more of a response; the other streams go on."""
        del self._streams[number]
        self._hush(number)
        self._fail(exchange, reason, detail)

    def _hush(self, number: int) -> None:
        with suppress(ProtocolError):  # it has ended already
            self._frames.cancel(number)

    def _fail(self, exchange: Exchange, reason: ErrorKind, detail: str) -> None:
        exchange.failed(reason)
        self._tell(exchange, reason, detail)

    def _tell(self, exchange: Exchange, reason: ErrorKind, detail: str) -> None:
        if exchange.lane is not None:
            failed = Failed(self.loop.clock(), exchange.started, exchange.get.url, reason, detail)
            self.loop.resume(exchange.lane, failed)

    def cancel(self, why: str = "the run is over") -> None:
        """Cut off every request under way: neither good nor bad."""
        for number in self._streams:
            self._hush(number)
        exchanges = self._take_all()
        self.close()
        for exchange in exchanges:
            exchange.cancelled()
            self._tell(exchange, "protocol", why)

    def abandon(self, error: Exception) -> None:
        """An error of ours: these requests cannot go on, those of other connections can."""
        self.cancel(f"error in surgecast: {error!r}")

    def disown(self) -> None:
        """The viewer has left: requests under way are read to their end, then the connection is closed."""
        for exchange in (*self._streams.values(), *self._queue):
            exchange.lane = None
        self._rest()

    def expire(self, now: float) -> float:
        """Fail the requests whose time is up; the connection too, when it never opened or has fallen silent."""
        if self._stage is Stage.OPENING and now - self._opened_at > CONNECT_TIMEOUT:
            self._break("timeout", f"no connection after {CONNECT_TIMEOUT:g} s")
            return 0.0
        for number, exchange in tuple(self._streams.items()):
            if overdue := exchange.overdue(now):
                if self._heard_at < exchange.sent_at:
                    self._leave()
                self._refuse(number, exchange, "timeout", overdue)
        for exchange in tuple(self._queue):
            if overdue := exchange.overdue(now):
                self._queue.remove(exchange)
                self._fail(exchange, "timeout", overdue)
        if self._stage is Stage.OPENING:
            self._dial.hurry(now)
        elif self._stage is Stage.OPEN:
            self._ask()
        self._rest()
        return 0.0

    def _rest(self) -> None:
        """With nothing under way the connection is idle, or of no more use."""
        if not (self._streams or self._queue):
            self.loop.busy.pop(self, None)
            if self._leaving or self.visit.over or self._stage is Stage.OPENING:
                self.close()

    def _leave(self) -> None:
        """Take no further requests."""
        self._leaving = True
        self.visit.unshare(self.origin, self)
        self._keep_session()

    def close(self) -> None:
        """Say goodbye, close the socket and forget the connection."""
        if self._stage is Stage.OPENING:
            self._dial.give_up()
        elif self._stage is Stage.OPEN:
            self._hang_up()
        self._stage = Stage.CLOSED
        self.visit.unshare(self.origin, self)
        self.visit.forget(self)

    def _hang_up(self) -> None:
        self._frames.end()
        with suppress(OSError):
            self._channel.write(self._frames.take_out())
        self._keep_session()
        self.loop.polled.unwatch(self)
        self._channel.close()
        self.fd = -1
        self.visit.lost += 1

    def _keep_session(self) -> None:
        """The next connection resumes it."""
        self.visit.keep_session(self.origin, self._channel)


def _may_go_again(exchange: Exchange) -> bool:
    """Once, and only if the server has not begun to answer. From now on not any more."""
    first = not exchange.sent_again and exchange.first_at < 0
    exchange.sent_again = True
    return first


def _named(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else f"error {code}"
