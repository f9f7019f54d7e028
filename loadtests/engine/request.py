"""What a URL means to the engine: the origin to connect to and the bytes to send there.

Cached, because thousands of viewers ask the same. How an address found in a playlist becomes a URL is another
matter: `loadtests.address`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from loadtests.address import escape

PORTS: Final = {"http": 80, "https": 443}
LONGEST_URL: Final = 8192
"""Servers commonly refuse request lines beyond 8 KB (nginx large_client_header_buffers, Apache LimitRequestLine)."""
USER_AGENT: Final = "surgecast/0.1 (load rehearsal)"
_HOST: Final = re.compile(r"[a-z0-9_.:%-]+")
"""Names, addresses, IPv6 zones; what else urlsplit lets through is no host and must not reach a header."""


class Origin(NamedTuple):
    """Where to connect."""

    scheme: str
    host: str
    """In lower case; international names in their ASCII form."""
    port: int


@lru_cache(maxsize=1024)
def origin_of(url: str) -> Origin:
    """The origin of an http(s) URL; ValueError for anything else."""
    if len(url) > LONGEST_URL:
        raise ValueError(f"URL of {len(url)} characters, at most {LONGEST_URL}")
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"only http and https addresses are fetched, found {parts.scheme or 'no'} scheme")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
    if not _HOST.fullmatch(host):
        raise ValueError(f"not a host name: {host[:80]!r}")
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("port 0 cannot be connected to")
    return Origin(parts.scheme, host, port)


@lru_cache(maxsize=8192)
def prepared(url: str, compressed: bool) -> tuple[Origin, bytes]:
    """Both, by one look-up; ValueError as `origin_of`."""
    return origin_of(url), request_bytes(url, compressed=compressed)


def request_bytes(url: str, *, compressed: bool) -> bytes:
    """The GET request for a URL; ``compressed`` allows gzip, which only bodies that are read may use."""
    parts, origin = urlsplit(url), origin_of(url)
    path = escape(parts.path or "/") + (f"?{escape(parts.query)}" if parts.query else "")
    bracketed = f"[{origin.host}]" if ":" in origin.host else origin.host
    host = bracketed if origin.port == PORTS[origin.scheme] else f"{bracketed}:{origin.port}"
    encoding = "gzip" if compressed else "identity"
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\n"
        f"Accept: */*\r\nAccept-Encoding: {encoding}\r\n\r\n"
    ).encode("ascii")
