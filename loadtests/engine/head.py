"""Reads the few response header fields that matter; whatever is unusual is left to h11 (`Unusual`)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

LONGEST_HEAD: Final = 64 * 1024
"""Bytes a response head may have; h11's default is 100 KB, browsers allow 256 KB, real heads have under 4 KB."""

END: Final = b"\r\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n")
_CACHE_FIELDS: Final = (b"x-cache", b"cf-cache-status", b"x-cache-status", b"x-cache-lookup", b"x-proxy-cache")
_HITS: Final = (b"hit", b"stale", b"updating", b"revalidated")
_MISSES: Final = (b"miss", b"expired", b"bypass", b"dynamic")


class Head(NamedTuple):
    """A response head."""

    status: int
    length: int
    """Body bytes; -1 when the framing needs h11 (chunked, until close, 1xx)."""
    keep_alive: bool
    gzip: bool
    location: str
    cache: Literal["hit", "miss", ""]


class HeadError(ValueError):
    """Not an HTTP/1.x response head."""


@lru_cache(maxsize=1024)
def read_head(head: bytes) -> Head:
    """Parse a head, ``head`` ending with the empty line. Cached: one second's viewers get the same bytes."""
    match = _STATUS.match(head)
    if match is None:
        raise HeadError(f"not an HTTP/1.x response: {head[:40]!r}")
    status = int(match[1])
    fields = _fields(head[match.end() :])
    return Head(
        status=status,
        length=_length(status, fields),
        keep_alive=_keeps_alive(head, fields),
        gzip=b"gzip" in fields.get(b"content-encoding", b"").lower(),
        location=fields.get(b"location", b"").decode("latin-1"),
        cache=_cache(fields),
    )


def _fields(lines: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for line in lines.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            key = name.strip().lower()
            if key == b"content-length" and found.get(key, value.strip()) != value.strip():
                raise HeadError("two different Content-Length fields")
            found[key] = value.strip()
    return found


def _length(status: int, fields: dict[bytes, bytes]) -> int:
    if status in (204, 304):
        return 0
    if status < 200 or b"transfer-encoding" in fields or b"content-length" not in fields:
        return -1
    text = fields[b"content-length"]
    if not text.isdigit():
        raise HeadError(f"Content-Length is not a number: {text[:40]!r}")
    return int(text)


def _keeps_alive(head: bytes, fields: dict[bytes, bytes]) -> bool:
    connection = fields.get(b"connection", b"").lower()
    return b"keep-alive" in connection if head.startswith(b"HTTP/1.0") else b"close" not in connection


def _cache(fields: dict[bytes, bytes]) -> Literal["hit", "miss", ""]:
    said = next((fields[name].lower() for name in _CACHE_FIELDS if name in fields), b"")
    if any(word in said for word in _HITS):
        return "hit"
    return "miss" if any(word in said for word in _MISSES) else ""
