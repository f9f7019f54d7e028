"""Where a run lies in a store: ``s3://bucket/prefix/run``, taken apart, and refused when it cannot be one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from loadtests.errors import InputError
from loadtests.run import RUN_FILE

SCHEME: Final = "s3://"
_BUCKET: Final = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
"""General purpose buckets, by Amazon S3's naming rules (bucketnamingrules.html, 2026-11)."""
LONGEST_KEY: Final = 900
"""Bytes: S3 takes 1,024, and the files of a run have names as well."""
LONGEST_NAME: Final = 180
"""Bytes of a part between slashes: it becomes the name of a folder here, of which most file systems take 255."""


@dataclass(frozen=True, slots=True)
class Address:
    """A folder in a bucket, or with an empty key the bucket itself."""

    bucket: str
    key: str
    """Without a slash at either end."""

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.key.rpartition("/")[2]

    def under(self, name: str) -> Address:
        """What lies in it."""
        return Address(self.bucket, f"{self.key}/{name}" if self.key else name)

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}"


def is_remote(text: str) -> bool:
    """Whether it is an address rather than a path on this machine."""
    return "://" in text


def shown(text: str) -> str:
    """What a stranger wrote, for a terminal: what could drive one is spelled out."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def parse_address(text: str, *, bucket_will_do: bool = False) -> Address:
    """The address; InputError says what is wrong with it. A run may be named by its ``run.jsonl`` as well."""
    if not text.startswith(SCHEME):
        raise InputError(
            f"{text!r}: expected a path, or {SCHEME}BUCKET/PREFIX/RUN", hint="other stores: docs/store.md says how"
        )
    bucket, _, key = text.removeprefix(SCHEME).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise InputError(
            f"{text!r}: {bucket!r} is no name of a bucket",
            hint="3 to 63 of a-z, 0-9, dots and hyphens, such as s3://my-runs/2026/launch-night",
        )
    key = key.removesuffix("/").removesuffix(f"/{RUN_FILE}")
    if not key and not bucket_will_do:
        raise InputError(f"{text!r}: names no run in the bucket", hint=f"for example {SCHEME}{bucket}/launch-night")
    if why := _wrong_with(key):
        raise InputError(f"{text!r}: {why}", hint=f"write it as {SCHEME}BUCKET/PREFIX/RUN")
    return Address(bucket, key)


def _wrong_with(key: str) -> str:
    """Why a key cannot name a folder that has a place on this machine too; empty when it can."""
    parts = key.split("/") if key else []
    if any(part in {"", ".", ".."} for part in parts):
        return "has an empty part, or one of dots only"
    if not key.isprintable() or set(key) & set('\\?#*"<>|'):
        return "has a character that a run's name may not have"
    if len(key.encode()) > LONGEST_KEY or any(len(part.encode()) > LONGEST_NAME for part in parts):
        return f"is too long: {LONGEST_NAME} bytes between slashes, {LONGEST_KEY} in all"
    return ""
