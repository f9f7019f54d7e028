"""A small HTTP/1.1 client that sees every byte: what the node says it sent is compared with what came."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from loadtests.staging import Node
from loadtests.staging.clock import newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response: ``head`` and ``body`` are its bytes, ``seconds`` the time from request to last byte."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def wire(self) -> int:
        return len(self.head) + len(self.body)

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode().split("\r\n")[1:-2]
        return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


class Client:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def get(self, path: str, *, method: str = "GET", headers: str = "") -> Answer:
        began = time.perf_counter()
        await self.ask(path, method=method, headers=headers)
        head = await self.reader.readuntil(b"\r\n\r\n")
        answer = Answer(status=int(head[9:12]), head=head, body=b"", seconds=0.0)
        length = 0 if method == "HEAD" else int(answer.headers["content-length"])
        body = await self.reader.readexactly(length)
        return Answer(status=answer.status, head=head, body=body, seconds=time.perf_counter() - began)

    async def ask(self, path: str, *, method: str = "GET", headers: str = "") -> None:
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: stage.surgecast.test\r\n{headers}\r\n".encode())
        await self.writer.drain()


@asynccontextmanager
async def connected(node: Node, *, receive_buffer: int | None = None) -> AsyncIterator[Client]:
    raw = socket.socket()
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, (node.address, node.port))
    reader, writer = await asyncio.open_connection(sock=raw)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def segment(quality: str, back: int = 0) -> str:
    """The path of the newest TS segment, or of one further ``back``."""
    return f"/live/{quality}/{newest(time.time()) - back}.ts"
