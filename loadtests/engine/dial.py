"""Gets one connection open: look the name up, try its addresses in turn, agree on TLS."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from loadtests.engine.channel import Plain, Tls, open_socket, tls_problem
from loadtests.engine.names import Addresses
from loadtests.engine.poller import READ, WRITE
from loadtests.engine.request import Origin
from loadtests.session import ErrorKind

if TYPE_CHECKING:
    from loadtests.engine.loop import Loop

_OF_THIS_ADDRESS: Final = frozenset((errno.EADDRNOTAVAIL, errno.EPERM, errno.EACCES))
"""No port left, no IPv6, a firewall of its own: the next address may do."""
_SPENT: Final = _OF_THIS_ADDRESS | {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN}
"""The generator's own limits, not the target's: descriptors, memory and threads too."""


class NoChannel(NamedTuple):
    """Why there is no connection."""

    reason: ErrorKind
    detail: str
    ours: bool = False
    """Whether the generator was the limit, not the target."""


Outcome: TypeAlias = Plain | Tls | NoChannel


class Dial:
    """One attempt to connect to ``origin``; ``then`` hears of its outcome once, unless it is given up before.

    ``turn`` chooses the address to begin with, ``session`` is a TLS session to resume.
    """

    __slots__ = ("_addresses", "_channel", "_loop", "_origin", "_over", "_session", "_then", "_turn", "fd")

    def __init__(self, loop: Loop, origin: Origin, turn: int, session: Any, then: Callable[[Outcome], None]) -> None:
        self._loop, self._origin, self._turn, self._session, self._then = loop, origin, turn, session, then
        self._addresses: list[tuple[int, tuple[object, ...]]] = []
        self._channel: Plain | Tls | None = None
        self._over = False
        self.fd = -1

    def start(self) -> None:
        """Begin with the name."""
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
        turn = self._turn % len(answer)
        self._addresses = [*answer[turn:], *answer[:turn]]
        self._connect()

    def _connect(self) -> None:
        family, address = self._addresses.pop(0)
        try:
            sock = open_socket(family)
        except OSError as error:
            self._try_next(error)
            return
        code = sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            sock.close()
            self._try_next(OSError(code, os.strerror(code)))
            return
        self._channel, self.fd = Plain(sock), sock.fileno()
        self._loop.polled.watch(self, WRITE)

    def _try_next(self, error: OSError) -> None:
        self._release()
        if self._addresses and (error.errno not in _SPENT or error.errno in _OF_THIS_ADDRESS):
            self._connect()
        else:
            self._fail("connect", error)

    def on_ready(self) -> None:
        """The poller says the socket can move on."""
        assert self._channel is not None
        try:
            if isinstance(self._channel, Tls):
                self._channel.begin_turn()
                self._shake_hands(self._channel)
            else:
                self._connected(self._channel.sock)
        except ssl.SSLError as error:
            self._end(NoChannel("tls", tls_problem(error)))
        except OSError as error:
            self._fail("tls", error)

    def _connected(self, sock: socket.socket) -> None:
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._try_next(OSError(code, os.strerror(code)))
        elif self._origin.scheme == "http":
            self._open()
        else:
            self._channel = self._secured(sock)
            self._loop.polled.rewatch(self, READ)
            self._shake_hands(self._channel)

    def _secured(self, sock: socket.socket) -> Tls:
        try:
            return Tls(sock, self._loop.tls(), self._origin.host, self._session)
        except ValueError as error:
            raise ssl.SSLError(f"{self._origin.host}: {error}") from error

    def _shake_hands(self, channel: Tls) -> None:
        if channel.handshake():
            self._open()

    def _open(self) -> None:
        channel, self._channel, self._over = self._channel, None, True
        assert channel is not None
        self._then(channel)

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
        if self._channel is not None:
            self._loop.polled.unwatch(self)
            self._channel.close()
            self._channel, self.fd = None, -1
