"""A certificate for the sink, good for a day, by the standard library alone (X.509 with ECDSA on P-256).

It protects nothing: both ends are this command's own processes on loopback, and the key is gone with the folder.
The engine verifies certificates and cannot be told not to, so there has to be one, with an authority that signed it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

Point: TypeAlias = tuple[int, int] | None

P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G: Final = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
"""NIST P-256 (FIPS 186-4, D.1.2.3); its a is -3."""
_EC_KEY, _P256, _ECDSA = "2a8648ce3d0201", "2a8648ce3d030107", "2a8648ce3d040302"
_NAME, _BASIC, _USAGE, _SUBJECT, _AUTHORITY, _SAN = "550403", "551d13", "551d0f", "551d0e", "551d23", "551d11"


def add(one: Point, other: Point) -> Point:
    """The sum of two points of the curve."""
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0] and (one[1] + other[1]) % P == 0:
        return None
    if one == other:
        slope = (3 * one[0] ** 2 - 3) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope**2 - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(factor: int, point: Point = G) -> Point:
    """``factor`` times a point."""
    total: Point = None
    while factor:
        if factor & 1:
            total = add(total, point)
        point, factor = add(point, point), factor >> 1
    return total


def der(tag: int, *parts: bytes) -> bytes:
    """One value in DER."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(length)]) + length + body


def integer(value: int) -> bytes:
    """A non-negative INTEGER."""
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(code: str) -> bytes:
    """An OBJECT IDENTIFIER, given as the hexadecimal of its value."""
    return der(0x06, bytes.fromhex(code))


def pem(kind: str, data: bytes) -> str:
    """DER as text."""
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(data).decode()}-----END {kind}-----\n"


class Key(NamedTuple):
    """A private key and its public point, uncompressed."""

    secret: int
    point: bytes

    @classmethod
    def fresh(cls) -> Key:
        """A new one."""
        secret = secrets.randbelow(N - 1) + 1
        public = times(secret)
        assert public is not None
        return cls(secret, b"\x04" + public[0].to_bytes(32, "big") + public[1].to_bytes(32, "big"))

    @property
    def known_as(self) -> bytes:
        """The identifier that certificates call it by (RFC 5280 §4.2.1.2)."""
        return hashlib.sha1(self.point, usedforsecurity=False).digest()

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, as DER."""
        digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
        while True:
            nonce = secrets.randbelow(N - 1) + 1
            point = times(nonce)
            assert point is not None
            r = point[0] % N
            s = pow(nonce, -1, N) * (digest + r * self.secret) % N
            if r and s:
                return der(0x30, integer(r), integer(s))

    def text(self) -> str:
        """The private key as PEM (RFC 5915)."""
        public = der(0xA1, der(0x03, b"\0", self.point))
        parts = (integer(1), der(0x04, self.secret.to_bytes(32, "big")), der(0xA0, oid(_P256)), public)
        return pem("EC PRIVATE" + " KEY", der(0x30, *parts))


def _extension(code: str, value: bytes, *, critical: bool = False) -> bytes:
    return der(0x30, oid(code), der(0x01, b"\xff") if critical else b"", der(0x04, value))


def _name(text: str) -> bytes:
    return der(0x30, der(0x31, der(0x30, oid(_NAME), der(0x0C, text.encode()))))


def certificate(name: str, key: Key, signer: Key, *extensions: bytes) -> bytes:
    """A certificate for ``name`` signed by the authority, from yesterday to tomorrow."""
    now = datetime.now(UTC)
    dates = (der(0x17, f"{now + timedelta(days=days):%y%m%d%H%M%SZ}".encode()) for days in (-1, 1))
    ecdsa = der(0x30, oid(_ECDSA))
    identified = (
        _extension(_SUBJECT, der(0x04, key.known_as)),
        _extension(_AUTHORITY, der(0x30, der(0x80, signer.known_as))),
    )
    body = der(
        0x30,
        der(0xA0, integer(2)),
        integer(secrets.randbits(120) | 1),
        ecdsa,
        _name("surgecast doctor"),
        der(0x30, *dates),
        _name(name),
        der(0x30, der(0x30, oid(_EC_KEY), oid(_P256)), der(0x03, b"\0", key.point)),
        der(0xA3, der(0x30, *extensions, *identified)),
    )
    return der(0x30, body, ecdsa, der(0x03, b"\0", signer.sign(body)))


def write_chain(folder: Path, host: str) -> Path:
    """Write ``chain.pem`` for a server called ``host``; the file of the authority that a client trusts."""
    authority, server = Key.fresh(), Key.fresh()
    own = certificate(
        "surgecast doctor",
        authority,
        authority,
        _extension(_BASIC, der(0x30, der(0x01, b"\xff")), critical=True),
        _extension(_USAGE, der(0x03, b"\x02\x04"), critical=True),  # keyCertSign, the sixth bit
    )
    signed = certificate(host, server, authority, _extension(_SAN, der(0x30, der(0x82, host.encode()))))
    (folder / "chain.pem").write_text(server.text() + pem("CERTIFICATE", signed), encoding="ascii")
    (folder / "ca.pem").write_text(pem("CERTIFICATE", own), encoding="ascii")
    return folder / "ca.pem"
