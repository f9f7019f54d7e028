"""AES-128 as HLS has it (RFC 8216 §4.3.2.4, §5.2): whole segments, CBC, PKCS7, the sequence number as the IV.

Key ``n`` is worked out from the stage's secret, so that every node has the same, and lies at ``keys/n.key`` in the
folder of its packaging. The init segment of fMP4 stays open: EXT-X-MAP stands before the first EXT-X-KEY.
"""

from __future__ import annotations

import hashlib
import hmac
from importlib.util import find_spec

from loadtests.errors import InputError
from loadtests.staging.live import Live


def require_cryptography() -> None:
    """InputError where there is no AES: a stream that says it is encrypted and is not would break every player."""
    if find_spec("cryptography") is None:
        raise InputError(
            "staging.keys: segments cannot be encrypted without the package cryptography",
            hint="pip install 'surgecast[keys]', or leave staging.keys out",
        )


def number_of(live: Live, segment: int) -> int:
    """The number of the key that a segment is encrypted with."""
    return sum(first <= segment for first in live.rotations)


def key(live: Live, number: int) -> bytes:
    """Key ``number``, 16 bytes."""
    return hmac.new(live.secret.encode(), f"key {number}".encode(), hashlib.sha256).digest()[:16]


def encrypted(data: bytes, key: bytes, segment: int) -> bytes:
    """A segment's bytes as they are served."""
    from cryptography.hazmat.primitives import padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(segment.to_bytes(16, "big"))).encryptor()
    return encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()
