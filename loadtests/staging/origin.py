"""The origin of one node as an ASGI application: wait for capacity, look the answer up, send it, count it.

    /healthz and /metrics      answered at once, neither throttled nor counted
    everything else            slots → latency → egress line → bytes, then one line in the books

A response is counted before its client can ask for the count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST

from loadtests.staging.capacity import Egress
from loadtests.staging.declared import BACKLOG_SECONDS, CHUNK, Capacity, Slots
from loadtests.staging.live import Live
from loadtests.staging.metrics import BROKEN_OFF, Counts, NodeCollector, exposition
from loadtests.staging.site import CACHE_NEVER, Reply, Site, message, reply
from loadtests.staging.wire import Wire

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

RETRY_AFTER: Final = (b"retry-after", b"1")
"""A second: half a segment, so that a refused player still gets its segment before it leaves the playlist."""


@dataclass(slots=True)
class Exchange:
    """One request on its way: what was asked, where the answer goes and what went out so far, in bytes."""

    method: str
    path: str
    query: str
    wire: Wire
    send: Send
    started_at: int
    body: int = 0

    async def start(self, answer: Reply) -> None:
        """Send the response head."""
        await self.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})

    def content(self, answer: Reply) -> bytes:
        """Return the body as the method wants it."""
        return b"" if self.method == "HEAD" else answer.body

    async def part(self, data: bytes, *, last: bool) -> None:
        """Send part of the body."""
        before = self.wire.handed
        await self.send({"type": "http.response.body", "body": data, "more_body": not last})
        self.body += self.wire.handed - before

    @property
    def sent(self) -> int:
        """Bytes on the wire, head included."""
        return self.wire.handed - self.started_at


class Origin:
    """The application. ``latency`` is added before each response, in seconds; build it inside the event loop."""

    def __init__(self, site: Site, capacity: Capacity, *, latency: float = 0.0) -> None:
        loop = asyncio.get_running_loop()
        self._site = site
        self._capacity = capacity
        self._latency = latency
        self._clock = loop.time
        self._slots = Slots(capacity.rps) if capacity.rps is not None else None
        self._egress = Egress(capacity.egress, loop) if capacity.egress is not None else None
        self._counts = Counts()
        self._collector = NodeCollector(self._counts, capacity, self._egress_depth)

    def count_connections(self, count: Callable[[], int]) -> None:
        """Show in ``/metrics`` how many connections the server has open."""
        self._counts.connections = count

    def change(self, live: Live) -> None:
        """Be as the stage is now: capacity, tokens, keys."""
        self._site.live = live
        now = self._capacity.cut(live.share)
        if self._slots is not None and now.rps is not None:
            self._slots.change(now.rps)
        if self._egress is not None and now.egress is not None:
            self._egress.change(now.egress)

    async def __call__(self, scope: Message, _receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        wire: Wire = scope["state"]["wire"]
        query = scope["query_string"].decode("ascii", "replace")
        exchange = Exchange(scope["method"], scope["path"], query, wire, send, wire.handed)
        own = self._own(exchange.path)
        if own is not None:
            await self._send_at_once(exchange, own)
            return
        self._counts.in_flight += 1
        try:
            await self._exchange(exchange)
        finally:
            self._counts.in_flight -= 1

    def _own(self, path: str) -> Reply | None:
        if path == "/healthz":
            return message("other", 200, "ok")
        if path == "/metrics":
            text = exposition(self._collector)
            return reply("other", 200, text, content_type=CONTENT_TYPE_LATEST, cache=CACHE_NEVER)
        return None

    async def _exchange(self, exchange: Exchange) -> None:
        reason = await self._admit()
        if reason is None:
            answer = self._site.answer(exchange.method, exchange.path, time.time(), exchange.query)
            await self._send(exchange, answer)
        else:
            answer = self._refusal(exchange.path, reason)
            await self._send_at_once(exchange, answer)
            self._counts.refusals[reason] += 1
            self._charge(exchange.sent)
        whole = exchange.sent > 0 and exchange.body == len(exchange.content(answer))
        status = answer.status if whole else BROKEN_OFF
        self._counts.finish(answer.kind, status, body=exchange.body, wire=exchange.sent)

    async def _admit(self) -> str | None:
        """Wait for a slot; return what is exhausted if the request must be refused."""
        if self._slots is not None and not await self._wait_for_slot(self._slots):
            return "requests"
        if self._latency:
            await asyncio.sleep(self._latency)
        if self._egress is not None and self._egress.backlog() > BACKLOG_SECONDS:
            return "egress"
        return None

    async def _wait_for_slot(self, slots: Slots) -> bool:
        now = self._clock()
        start = slots.take(now)
        if start is None:
            return False
        self._counts.wait("requests", start - now)
        if start > now:
            self._counts.waiting += 1
            await asyncio.sleep(start - now)
            self._counts.waiting -= 1
        return True

    async def _send(self, exchange: Exchange, answer: Reply) -> None:
        if self._egress is None:
            await self._send_at_once(exchange, answer)
        else:
            await self._send_in_turns(exchange, answer, self._egress)

    async def _send_at_once(self, exchange: Exchange, answer: Reply) -> None:
        await exchange.start(answer)
        await exchange.part(exchange.content(answer), last=True)

    async def _send_in_turns(self, exchange: Exchange, answer: Reply, egress: Egress) -> None:
        """Send chunk by chunk. To a client that has gone the rest is sent as well: the `Wire` drops it for nothing."""
        body = exchange.content(answer)
        for at in range(0, max(1, len(body)), CHUNK):
            chunk = body[at : at + CHUNK]
            await self._turn(egress, len(chunk), rest=len(body) - at, wire=exchange.wire)
            if at == 0:
                await exchange.start(answer)
                egress.charge(exchange.sent)
            await exchange.part(chunk, last=at + CHUNK >= len(body))

    async def _turn(self, egress: Egress, size: int, *, rest: int, wire: Wire) -> None:
        since = self._clock()
        await egress.turn(size, rest=rest, gone=wire.is_closing)
        self._counts.wait("egress", self._clock() - since)

    def _refusal(self, path: str, reason: str) -> Reply:
        text = f"over the declared capacity ({reason}); try again in a second"
        return message(self._site.kind(path), 503, text, RETRY_AFTER)

    def _charge(self, size: int) -> None:
        if self._egress is not None:
            self._egress.charge(size)

    def _egress_depth(self) -> int:
        return self._egress.depth if self._egress is not None else 0
