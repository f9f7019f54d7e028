"""Bodies whose end is not a plain Content-Length: chunked, until close, 1xx responses first. h11 finds the end."""

from __future__ import annotations

import errno
from typing import Final

import h11

from loadtests.engine.head import LONGEST_HEAD, Head, head_of

_ASKED: Final = h11.Request(method="GET", target="/", headers=[("Host", "framing")])


class Framing:
    """One response, fed with what the socket gives, its head included."""

    __slots__ = ("ended", "h11", "head")

    def __init__(self) -> None:
        self.h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self.h11.send(_ASKED)
        self.h11.send(h11.EndOfMessage())
        self.head: Head | None = None
        """The final response's head, once it is there."""
        self.ended = False

    def feed(self, data: bytes, *, truncated: bool = False) -> bytes:
        """The body bytes found in ``data``; empty ``data`` is the end of the stream.

        ``truncated``: TLS ended without saying so, which may not end a body (RFC 9112 §9.8). h11.RemoteProtocolError
        when this is not HTTP, ConnectionResetError when the stream ends too early.
        """
        if truncated and self.h11.their_state is h11.SEND_BODY:
            raise ConnectionResetError(errno.ECONNRESET, "TLS cut off before the response ended")
        try:
            self.h11.receive_data(data)
            return b"".join(self._pieces())
        except h11.RemoteProtocolError as error:
            if data:
                raise
            raise ConnectionResetError(errno.ECONNRESET, "closed before the response ended") from error

    def _pieces(self) -> list[bytes]:
        pieces = []
        while not self.ended:
            match self.h11.next_event():
                case h11.Response() as response:
                    self.head = head_of(response.status_code, response.headers)
                case h11.Data() as piece:
                    pieces.append(bytes(piece.data))
                case h11.EndOfMessage():
                    self.ended = True
                case h11.ConnectionClosed():
                    raise ConnectionResetError(errno.ECONNRESET, "closed before the response ended")
                case h11.InformationalResponse():
                    pass
                case _:
                    break
        return pieces

    @property
    def is_clean(self) -> bool:
        """Whether the connection can be used again: the end was marked and nothing came behind it."""
        return self.h11.their_state is h11.DONE and not self.h11.trailing_data[0]
