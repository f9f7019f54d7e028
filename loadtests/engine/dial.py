"""Gets one connection open: look the name up, try its addresses in turn, agree on TLS.

An address that does not answer costs a viewer a quarter of a second, as in a browser, not the whole time-out: the next
one is then tried beside it, and the first that is connected wins (RFC 8305 §5).
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from loadtests.engine.channel import Plain, Tls, open_socket, tls_problem
from loadtests.engine.names import Addresses
from loadtests.engine.poller import READ, WRITE
from loadtests.engine.request import Origin
from loadtests.session import ErrorKind

if TYPE_CHECKING:
    from loadtests.engine.loop import Loop
    from loadtests.engine.visit import Visit

_OF_THIS_ADDRESS: Final = frozenset((errno.EADDRNOTAVAIL, errno.EPERM, errno.EACCES))
"""No port left, no IPv6, a firewall of its own: the next address may do."""
_SPENT: Final = _OF_THIS_ADDRESS | {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN}
"""The generator's own limits, not the target's: descriptors, memory and threads too."""

HEAD_START: Final = 0.25
"""Seconds an address has for itself before the next is tried beside it (RFC 8305 §8, Connection Attempt Delay)."""


class NoChannel(NamedTuple):
    """Why there is no connection."""

    reason: ErrorKind
    detail: str
    ours: bool = False
    """Whether the generator was the limit, not the target."""


Outcome: TypeAlias = Plain | Tls | NoChannel


class _Attempt:
    """A socket on its way to one of the addresses."""

    __slots__ = ("_dial", "fd", "sock")

    def __init__(self, dial: Dial, sock: socket.socket) -> None:
        self._dial, self.sock, self.fd = dial, sock, sock.fileno()

    def on_ready(self) -> None:
        """It is there, or it has failed."""
        self._dial.arrived(self)

    def abandon(self, error: Exception) -> None:
        """An error of ours."""
        self._dial.abandon(error)


class Dial:
    """One attempt of a viewer to connect to ``origin``; ``then`` hears of its outcome, unless it is given up before.

    The viewer's number chooses the address to begin with and the address of ours. A TLS session that it has is resumed.
    """

    __slots__ = (
        "_addresses",
        "_attempts",
        "_channel",
        "_loop",
        "_origin",
        "_over",
        "_pace",
        "_session",
        "_since",
        "_then",
        "_turn",
        "fd",
    )

    def __init__(self, loop: Loop, visit: Visit, origin: Origin, then: Callable[[Outcome], None]) -> None:
        self._loop, self._origin, self._then = loop, origin, then
        self._turn, self._pace = visit.viewer.number, visit.pace
        self._session: Any = visit.tls_sessions.get(origin)
        self._addresses: list[tuple[int, tuple[object, ...]]] = []
        """Those not tried yet."""
        self._attempts: list[_Attempt] = []
        self._since = 0.0
        """When the newest attempt began."""
        self._channel: Plain | Tls | None = None
        self._over = False
        self.fd = -1

    def start(self) -> None:
        """Begin; behind a last mile a round trip later, for that is what a connection takes."""
        if self._pace is None:
            self._look_up()
        else:
            self._pace.later(self._look_up)

    def _look_up(self) -> None:
        """Begin with the name."""
        if self._over:
            return
        known = self._loop.names.known(self._origin.host, self._origin.port)
        if known is None:
            self._loop.names.ask(self._origin.host, self._origin.port, self._resolved)
        else:
            self._resolved(known)

    def _resolved(self, answer: Addresses | OSError) -> None:
        if self._over:
            return
        if isinstance(answer, OSError):
            self._fail("dns", answer)
            return
        if not answer:
            self._fail("dns", OSError("has no address"))
            return
        self._turn, first = divmod(self._turn // self._loop.reach.stride, len(answer))
        self._addresses = [*answer[first:], *answer[:first]]
        self._connect(OSError("has no address"))

    # -- one address after the other ------------------------------------------------------------------------------

    def _connect(self, error: OSError) -> None:
        """Try the next addresses until one does not fail at once; ``error`` is why the last one did."""
        while self._addresses:
            try:
                self._try(*self._addresses.pop(0))
            except OSError as problem:
                error = problem
                if error.errno in _SPENT and error.errno not in _OF_THIS_ADDRESS:
                    break
            else:
                return
        if not self._attempts:
            self._fail("connect", error)

    def _try(self, family: int, address: tuple[object, ...]) -> None:
        reach = self._loop.reach
        ours = [source for source in reach.sources if (":" in source) == (family == socket.AF_INET6)]
        sock = open_socket(family, ours[self._turn % len(ours)] if ours else "", reach.receive_buffer)
        with ExitStack() as failed:
            failed.callback(sock.close)
            if self._pace is not None:
                self._pace.prepare(sock)
            code = sock.connect_ex(address)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
            failed.pop_all()
        self._since = self._loop.clock()
        attempt = _Attempt(self, sock)
        self._attempts.append(attempt)
        self._loop.polled.watch(attempt, WRITE)

    def hurry(self, now: float) -> None:
        """Try the next address too, beside those that have not answered within `HEAD_START`."""
        if self._attempts and self._addresses and now - self._since >= HEAD_START:
            self._connect(OSError("no answer"))

    def arrived(self, attempt: _Attempt) -> None:
        """The first that is connected wins, the others are closed."""
        code = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._attempts.remove(attempt)
        if code:
            self._drop(attempt)
            self._connect(OSError(code, os.strerror(code)))
            return
        self._drop_attempts()
        sock = attempt.sock if self._pace is None else self._pace.shape(attempt.sock)
        self._channel, self.fd = Plain(sock), attempt.fd
        self._loop.polled.take_over(self)
        self.on_ready()

    # -- once connected -------------------------------------------------------------------------------------------

    def on_ready(self) -> None:
        """The poller says that the connected socket can move on."""
        assert self._channel is not None
        try:
            if not self._is_agreed(self._channel):
                return
        except ssl.SSLError as error:
            self._end(NoChannel("tls", tls_problem(error)))
        except OSError as error:
            self._fail("tls", error)
        else:
            self._open()

    def _is_agreed(self, channel: Plain | Tls) -> bool:
        if self._origin.scheme == "http":
            return True
        if isinstance(channel, Plain):
            self._channel = channel = self._secured(channel.sock)
            self._loop.polled.rewatch(self, READ)
        channel.begin_turn()
        return channel.handshake()

    def _secured(self, sock: socket.socket) -> Tls:
        try:
            return Tls(sock, self._loop.tls(), self._origin.host, self._session)
        except ValueError as error:
            raise ssl.SSLError(f"{self._origin.host}: {error}") from error

    def _open(self) -> None:
        channel, self._channel, self._over = self._channel, None, True
        assert channel is not None
        self._then(channel)

    # -- ending ---------------------------------------------------------------------------------------------------

    def _fail(self, reason: ErrorKind, error: OSError) -> None:
        where = self._origin.host if reason == "dns" else f"{self._origin.host}:{self._origin.port}"
        detail = f"{where}: {error.strerror or error}"
        self._end(NoChannel(reason, detail, ours=error.errno in _SPENT and not isinstance(error, socket.gaierror)))

    def _end(self, outcome: NoChannel) -> None:
        self.give_up()
        self._then(outcome)

    def give_up(self) -> None:
        """Close what is open; nobody hears of it any more."""
        self._over = True
        self._release()

    def abandon(self, error: Exception) -> None:
        """An error of ours: this connection cannot go on, the others can."""
        self._end(NoChannel("connect", f"error in surgecast: {error!r}", ours=True))

    def _release(self) -> None:
        self._drop_attempts()
        if self._channel is not None:
            self._loop.polled.unwatch(self)
            self._channel.close()
            self._channel, self.fd = None, -1

    def _drop_attempts(self) -> None:
        while self._attempts:
            self._drop(self._attempts.pop())

    def _drop(self, attempt: _Attempt) -> None:
        self._loop.polled.unwatch(attempt)
        attempt.sock.close()
