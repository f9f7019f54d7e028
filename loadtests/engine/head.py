"""Reads the few response header fields that matter; framing that is unusual is left to `loadtests.engine.framing`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from loadtests.cached import LISTED, NOTHING, Cached, cached

LONGEST_HEAD: Final = 64 * 1024
"""Bytes a response head may have; h11's default is 100 KB, browsers allow 256 KB, real heads have under 4 KB."""

END: Final = b"\r\n\r\n"
BARE_END: Final = b"\n\n"
START: Final = b"HTTP/1."
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n")
Fields = dict[bytes, bytes]


class Head(NamedTuple):
    """A response head."""

    status: int
    length: int
    """Body bytes; -1 when the framing is unusual (chunked, until close, 1xx before it, bare line feeds)."""
    keep_alive: bool
    gzip: bool
    location: str
    cached: Cached


class HeadError(ValueError):
    """Not an HTTP/1.x response head."""


_BARE: Final = Head(0, -1, keep_alive=False, gzip=False, location="", cached=NOTHING)
"""Lines that end with a bare line feed: h11 reads those."""


@lru_cache(maxsize=1024)
def read_head(head: bytes) -> Head:
    """Parse a head that ends with its empty line. Cached: one second's viewers get the same bytes."""
    if not head.endswith(END):
        return _BARE
    match = _STATUS.match(head)
    if match is None:
        raise HeadError(f"not an HTTP/1.x response: {head[:40]!r}")
    status, fields = int(match[1]), _fields(head[match.end() :])
    return _head(status, fields, _length(status, fields), _keeps_alive(head, fields))


def head_of(status: int, pairs: Iterable[tuple[bytes, bytes]]) -> Head:
    """The head that h11 has read; ``pairs`` are its fields, names in lower case. It knows the framing itself."""
    fields: Fields = {}
    for name, value in pairs:
        fields[name] = fields[name] + b", " + value if name in fields and name in LISTED else value
    return _head(status, fields, -1, keep_alive=True)


def gather(early: bytes, data: bytes) -> tuple[bytes, int]:
    """Put a head together that comes in pieces: all of it so far, and where it ends, -1 while it does not.

    Bare line feeds end it too: not every server has heard of CRLF. HeadError when this will never be a head.
    """
    start = max(len(early) - len(END), 0)
    whole = early + data
    ends = [at + len(mark) for mark in (END, BARE_END) if (at := whole.find(mark, start)) >= 0]
    if not whole.startswith(START[: len(whole)]):
        raise HeadError(f"not an HTTP/1.x response: {whole[:40]!r}")
    if min(ends, default=len(whole)) > LONGEST_HEAD:
        raise HeadError(f"response head longer than {LONGEST_HEAD} bytes")
    return whole, min(ends, default=-1)


def _head(status: int, fields: Fields, length: int, keep_alive: bool) -> Head:
    return Head(
        status=status,
        length=length,
        keep_alive=keep_alive,
        gzip=b"gzip" in fields.get(b"content-encoding", b"").lower(),
        location=fields.get(b"location", b"").decode("latin-1"),
        cached=cached(fields),
    )


def _fields(lines: bytes) -> Fields:
    found: Fields = {}
    for line in lines.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            key = name.strip().lower()
            if key == b"content-length" and found.get(key, value.strip()) != value.strip():
                raise HeadError("two different Content-Length fields")
            found[key] = found[key] + b", " + value.strip() if key in found and key in LISTED else value.strip()
    return found


def _length(status: int, fields: Fields) -> int:
    if status in (204, 304):
        return 0
    if status < 200 or b"transfer-encoding" in fields or b"content-length" not in fields:
        return -1
    text = fields[b"content-length"]
    if not text.isdigit() or len(text) > 18:
        raise HeadError(f"Content-Length is not a number of bytes: {text[:40]!r}")
    return int(text)


def _keeps_alive(head: bytes, fields: Fields) -> bool:
    connection = fields.get(b"connection", b"").lower()
    return b"keep-alive" in connection if head.startswith(b"HTTP/1.0") else b"close" not in connection
