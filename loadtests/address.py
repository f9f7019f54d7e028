"""Addresses found in playlists and redirects: untrusted, so http(s) only, and fit to stand in a request line."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urldefrag, urljoin, urlsplit

_PLAIN: Final = re.compile(r"[\w%-][\w%./?=&~+-]*", re.ASCII)
_SAFE: Final = "%/:=&?~#+!$,;'@()*[]"  # what `quote` leaves alone: reserved and already escaped characters


def escape(text: str) -> str:
    """``text`` with everything escaped that may not stand in a request line, and nothing escaped twice."""
    return quote(text, safe=_SAFE)


def resolve(base: str, address: str) -> str:
    """The absolute http(s) address of ``address`` found at ``base``; ValueError if it is not one.

    Blanks and what else may not stand in a request line are escaped, a fragment is cut off.
    """
    if _PLAIN.fullmatch(address) and "./" not in address and (base_folder := folder(base)):
        return base_folder + address  # most segments by far, and ten times as fast
    absolute = urldefrag(escape(urljoin(base, address))).url
    parts = urlsplit(absolute)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http(s) address: {address[:80]!r}")
    return absolute


def folder(url: str) -> str:
    """Everything up to the last slash of an http(s) address's path; empty where that is not plain to see."""
    path = url.partition("?")[0]
    if "#" in url or not path.startswith(("http://", "https://")):
        return ""
    return f"{path}/" if path.count("/") == 2 else path[: path.rindex("/") + 1]


def redirect(url: str, location: str) -> str:
    """Where a redirect from ``url`` leads; ValueError when it may not be followed: not http(s), or https to http.

    A browser refuses the latter as mixed content.
    """
    if not location:
        raise ValueError("redirect without Location")
    target = resolve(url, location)
    if url.startswith("https:") and not target.startswith("https:"):
        raise ValueError("redirect from https to http")
    return target
