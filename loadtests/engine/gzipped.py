"""Unpacks gzip bodies, never beyond a limit: a bomb costs no more memory than an honest body may."""

from __future__ import annotations

import zlib
from typing import Final

_WINDOW: Final = 47
"""zlib window bits: gzip or zlib header, detected."""


class TooLargeError(ValueError):
    """The body would be larger than the limit."""


def unpack(packed: bytes, limit: int) -> bytes:
    """The body, of one or several gzip members; TooLargeError, or ValueError when it is cut short or no gzip at all."""
    body = bytearray()
    while packed:
        member = zlib.decompressobj(_WINDOW)
        try:
            body += member.decompress(packed, limit + 1 - len(body))
        except zlib.error as error:
            raise ValueError(f"not gzip: {error}") from error
        if len(body) > limit:
            raise TooLargeError(f"unpacks to more than {limit} bytes")
        if not member.eof:
            raise ValueError("gzip cut short")
        packed = member.unused_data
    return bytes(body)
