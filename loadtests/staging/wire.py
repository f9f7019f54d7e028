"""Count what really leaves: a transport that adds up the bytes handed to it, and uvicorn's protocol on top of it.

An ASGI application cannot see the response head that its server writes, nor that a client has gone. It finds a
`Wire` in ``scope["state"]["wire"]`` and reads both from it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Wire(asyncio.Transport):
    """A connection's transport. Once it is closing, writes are dropped and not counted."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self.handed = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Pass ``data`` on and count it."""
        if not self._transport.is_closing():
            self._transport.write(data)
            self.handed += len(data)

    def is_closing(self) -> bool:
        """Whether the client has gone, or the connection is being closed from this side."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close when everything handed over is sent."""
        self._transport.close()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the socket, its addresses and so on."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Stop reading requests."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read requests again."""
        self._transport.resume_reading()


class WiredProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol that writes to a `Wire` and shows it to the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put a `Wire` in front of the connection's transport."""
        wire = Wire(transport)
        self.app_state = {**self.app_state, "wire": wire}
        super().connection_made(wire)
