"""What an HTTP/2 stream brings, added to its `Exchange`: head, body, and whether they are of use."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from h2.events import DataReceived, Event, ResponseReceived, StreamEnded

from loadtests.engine.exchange import Exchange
from loadtests.engine.head import Head, HeadError, head_of
from loadtests.engine.http2_frames import Field
from loadtests.session import ErrorKind


class Flaw(NamedTuple):
    """Why nobody wants the rest of a response."""

    reason: ErrorKind
    detail: str


def take(exchange: Exchange, event: Event) -> Flaw | None:
    """Add what came; 1xx responses, trailers and priorities are no matter of ours."""
    match event:
        case DataReceived():
            return _take_piece(exchange, event.data)
        case ResponseReceived():
            return _take_head(exchange, event.headers)
        case StreamEnded() if 0 <= exchange.head.length != exchange.size:  # h2 looks only where a DATA frame came
            return Flaw("protocol", f"{exchange.size} bytes where {exchange.head.length} were said")
    return None


def _take_head(exchange: Exchange, fields: Iterable[Field]) -> Flaw | None:
    try:
        head = exchange.head = _read_fields(tuple(fields))
    except HeadError as error:
        return Flaw("protocol", str(error))
    if head.length > exchange.get.limit:
        return Flaw("too_large", f"{head.length} bytes, at most {exchange.get.limit}")
    return None


@lru_cache(maxsize=1024)
def _read_fields(fields: tuple[Field, ...]) -> Head:
    """Cached as `read_head` is. h2 has seen to it that there is a status, and that a length is a number."""
    pairs = dict(fields)
    status = pairs[b":status"]
    if not (status.isdigit() and len(status) == 3):
        raise HeadError(f"not a status: {status[:40]!r}")
    return head_of(int(status), fields)._replace(length=int(pairs.get(b"content-length", b"-1")))


def _take_piece(exchange: Exchange, piece: bytes) -> Flaw | None:
    exchange.size += len(piece)
    if exchange.size > exchange.get.limit:
        return Flaw("too_large", f"more than {exchange.get.limit} bytes")
    if exchange.get.read:
        exchange.keep(piece)
    exchange.tell()
    return None
