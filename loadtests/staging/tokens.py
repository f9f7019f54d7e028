"""Signed tokens in addresses, as CDNs have them: the master playlist hands one out, all else asks for it.

    low/index.m3u8?token=1765200000123-5f2c…    when it was issued (Unix milliseconds), and who says so

A token is no secret between viewers; it only proves when it was issued. Expired, forged or missing: 403.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from loadtests.staging.live import Live

NAME: Final = "token"
DIGITS: Final = 16
"""Hex digits of the signature: 64 bits, far more than can be guessed within a token's life."""


def issue(live: Live, now: float) -> str:
    """A token issued at ``now``, Unix seconds."""
    issued = str(int(now * 1000))
    return f"{issued}-{_signature(live, issued)}"


def of_query(query: str) -> str:
    """The token in a query; empty when there is none."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return next((value for name, _, value in pairs if name == NAME), "")


def refusal(live: Live, token: str, now: float) -> str:
    """Why a token is not good at ``now``; empty when it is, or when none is asked for."""
    if live.tokens is None:
        return ""
    issued, _, signature = token.partition("-")
    if not token:
        return "no token; start at the master playlist"
    if not hmac.compare_digest(signature.encode(), _signature(live, issued).encode()):
        return "not a token of this stage"
    at = int(issued) / 1000
    if at < live.tokens_since or now >= at + live.tokens:
        return "the token has expired; fetch the master playlist again"
    return ""


def _signature(live: Live, issued: str) -> str:
    return hmac.new(live.secret.encode(), f"token {issued}".encode(), hashlib.sha256).hexdigest()[:DIGITS]
