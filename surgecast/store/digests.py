"""Checksums of a file, read once: of the whole and of the parts in which it is sent, as S3 tells them."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from surgecast.store.bucket import Stored
from surgecast.store.manifest import Entry

PART: Final = 8 * 2**20
"""Bytes of a part: what a line of 10 Mbit/s brings in seven seconds. S3 takes none below 5 MiB but the last."""
MOST_PARTS: Final = 10_000
"""Of one upload, by S3's limits (qfacts.html, 2026-11)."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a file."""

    at: int
    size: int
    sha256: bytes
    md5: bytes
    """What a store without checksums tells as the ETag."""

    @property
    def sum(self) -> str:
        """SHA-256 as S3 writes it."""
        return b64encode(self.sha256).decode()

    def is_there(self, found: Stored | None) -> bool:
        """Whether the store has just this."""
        return found is not None and found.size == self.size and _same(found, self.sum, self.md5.hex())


@dataclass(frozen=True, slots=True)
class Digests:
    """A file as it was read."""

    file: Path
    entry: Entry
    parts: tuple[Part, ...]

    @property
    def in_parts(self) -> bool:
        """Whether it is sent in several parts."""
        return len(self.parts) > 1

    def is_there(self, found: Stored | None) -> bool:
        """Whether the object in the store is this file, by its checksum or else its ETag."""
        if found is None or found.size != self.entry.size:
            return False
        if not self.in_parts:
            return self.parts[0].is_there(found)
        count = f"-{len(self.parts)}"
        sha256 = hashlib.sha256(b"".join(part.sha256 for part in self.parts)).digest()
        md5 = hashlib.md5(b"".join(part.md5 for part in self.parts), usedforsecurity=False).hexdigest()
        return _same(found, b64encode(sha256).decode(), md5 + count)


def digests_of(file: Path, part: int = PART) -> Digests:
    """Read the file once."""
    size = file.stat().st_size
    length = max(part, -(-size // MOST_PARTS))
    whole = hashlib.sha256()
    parts: list[Part] = []
    with file.open("rb") as content:
        while (at := content.tell()) < size or not parts:
            body = content.read(min(length, size - at))
            whole.update(body)
            md5 = hashlib.md5(body, usedforsecurity=False).digest()
            parts.append(Part(at, len(body), hashlib.sha256(body).digest(), md5))
            if not body:
                break
    read = sum(one.size for one in parts)
    return Digests(file, Entry(name=file.name, size=read, sha256=whole.hexdigest()), tuple(parts))


def sum_of(body: bytes) -> str:
    """SHA-256 as S3 writes it."""
    return b64encode(hashlib.sha256(body).digest()).decode()


def sha256_of(file: Path) -> str:
    """SHA-256 of a whole file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def body_of(content: IO[bytes], part: Part) -> bytes:
    """The bytes of a part, read again."""
    content.seek(part.at)
    return content.read(part.size)


def _same(found: Stored, sha256: str, etag: str) -> bool:
    """S3 writes the number of parts behind a checksum of checksums, not every store does."""
    return found.sha256.partition("-")[0] == sha256 if found.sha256 else found.etag.strip('"') == etag
