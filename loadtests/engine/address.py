"""Splits a URL into where to connect and what to say; cached, because thousands of viewers ask the same."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

PORTS: Final = {"http": 80, "https": 443}
LONGEST_URL: Final = 8192
"""Servers commonly refuse request lines beyond 8 KB (nginx large_client_header_buffers, Apache LimitRequestLine)."""
USER_AGENT: Final = "surgecast/0.1 (load rehearsal)"
_SAFE: Final = "/%:=&?~#+!$,;'@()*[]"


class Origin(NamedTuple):
    """Where to connect."""

    scheme: str
    host: str
    port: int


@lru_cache(maxsize=4096)
def origin_of(url: str) -> Origin:
    """The origin of an http(s) URL; ValueError for anything else."""
    if len(url) > LONGEST_URL:
        raise ValueError(f"URL of {len(url)} characters, at most {LONGEST_URL}")
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"only http and https addresses are fetched, found {parts.scheme or 'no'} scheme")
    return Origin(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme])


@lru_cache(maxsize=4096)
def request_bytes(url: str, *, compressed: bool) -> bytes:
    """The GET request for a URL; ``compressed`` allows gzip, which only bodies that are read may use."""
    parts, origin = urlsplit(url), origin_of(url)
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    name = origin.host.encode("idna").decode() if not origin.host.isascii() else origin.host
    bracketed = f"[{name}]" if ":" in name else name
    host = bracketed if origin.port == PORTS[origin.scheme] else f"{bracketed}:{origin.port}"
    encoding = "gzip" if compressed else "identity"
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\n"
        f"Accept: */*\r\nAccept-Encoding: {encoding}\r\n\r\n"
    ).encode("ascii")
