"""A bucket, as much of it as runs need: read, put, send in parts, list. It deletes nothing and changes no setting.

Credentials, region, endpoint and proxies are boto3's own: profiles, roles, ``AWS_*`` in the environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from loadtests.errors import InputError, RunError
from surgecast.store.address import Address
from surgecast.store.refusals import translated

CONNECT: Final = 10.0
READ: Final = 60.0
"""Seconds."""
TRIES: Final = 5
"""How often a call is made where the line or the store gives way (botocore waits longer each time)."""
CHUNK: Final = 256 * 2**10
"""Bytes that are read at once."""
INSTALL: Final = "install it with: pip install 'surgecast[cloud]'"


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store says of an object, or of one part of an upload."""

    size: int
    etag: str
    sha256: str = ""
    """As S3 tells it: base64, of the parts' sums where there are several; empty where the store keeps none."""
    key: str = ""
    at: datetime | None = None


@dataclass(slots=True)
class Bucket:
    """One bucket. Every call raises SurgecastError in our words."""

    name: str
    client: Any = field(repr=False)
    """A boto3 client of S3."""

    def read(self, key: str, most: int) -> tuple[bytes, str] | None:
        """A small object and its ETag; None when there is none, RunError when it is larger than ``most`` bytes."""
        place = Address(self.name, key)
        with translated(place):
            try:
                answer = self.client.get_object(Bucket=self.name, Key=key)
            except self.client.exceptions.NoSuchKey:
                return None
            with answer["Body"] as body:
                content = b"".join(_limited(body, most + 1))
        if len(content) > most:
            raise RunError(f"{place}: more than {most:,} bytes", hint="it was not written by surgecast store push")
        return content, answer["ETag"]

    def stream(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """Bytes ``start`` to ``end`` of an object, the last not counted."""
        with translated(Address(self.name, key)):
            answer = self.client.get_object(Bucket=self.name, Key=key, Range=f"bytes={start}-{end - 1}")
            with answer["Body"] as body:
                yield from _limited(body, end - start)

    def look(self, key: str) -> Stored | None:
        """What is there under a key; None when nothing is."""
        from botocore.exceptions import ClientError

        with translated(Address(self.name, key)):
            try:
                found = self.client.head_object(Bucket=self.name, Key=key, ChecksumMode="ENABLED")
            except ClientError as error:
                if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                    return None
                raise
        return Stored(found["ContentLength"], found["ETag"], found.get("ChecksumSHA256", ""))

    def put(self, key: str, body: bytes, sha256: str, condition: Mapping[str, str]) -> None:
        """A whole object; Taken when the condition (``IfMatch``, ``IfNoneMatch``) does not hold."""
        with translated(Address(self.name, key)):
            self.client.put_object(Bucket=self.name, Key=key, Body=body, **self._sums(sha256), **condition)

    def begin(self, key: str) -> str:
        """A new upload in parts."""
        with translated(Address(self.name, key)):
            algorithm = {"ChecksumAlgorithm": "SHA256"} if self._keeps_sums else {}
            return str(self.client.create_multipart_upload(Bucket=self.name, Key=key, **algorithm)["UploadId"])

    def parts(self, key: str, upload: str) -> dict[int, Stored]:
        """The parts that have arrived; Gone when the upload is known no longer."""
        with translated(Address(self.name, key)):
            pages = self.client.get_paginator("list_parts").paginate(Bucket=self.name, Key=key, UploadId=upload)
            return {
                part["PartNumber"]: Stored(part["Size"], part["ETag"], part.get("ChecksumSHA256", ""))
                for page in pages
                for part in page.get("Parts", ())
            }

    def send_part(self, key: str, upload: str, number: int, body: bytes, sha256: str) -> str:
        """One part; its ETag."""
        with translated(Address(self.name, key)):
            answer = self.client.upload_part(
                Bucket=self.name, Key=key, UploadId=upload, PartNumber=number, Body=body, **self._sums(sha256)
            )
        return str(answer["ETag"])

    def finish(self, key: str, upload: str, parts: list[tuple[str, str]], condition: Mapping[str, str]) -> None:
        """Make an object of the parts, given as ETag and SHA-256; Taken when the condition does not hold."""
        told = [
            {"PartNumber": number, "ETag": etag, **self._sums(sha256)} for number, (etag, sha256) in enumerate(parts, 1)
        ]
        with translated(Address(self.name, key)):
            self.client.complete_multipart_upload(
                Bucket=self.name, Key=key, UploadId=upload, MultipartUpload={"Parts": told}, **condition
            )

    def listing(self, prefix: str) -> Iterator[Stored]:
        """Every object below a prefix, in order."""
        with translated(Address(self.name, prefix.removesuffix("/"))):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
                for one in page.get("Contents", ()):
                    yield Stored(one["Size"], one["ETag"], key=one["Key"], at=one["LastModified"])

    def _sums(self, sha256: str) -> dict[str, str]:
        return {"ChecksumSHA256": sha256} if self._keeps_sums else {}

    @property
    def _keeps_sums(self) -> bool:
        """Not every store that speaks S3's language knows checksums; AWS_REQUEST_CHECKSUM_CALCULATION says so."""
        return bool(self.client.meta.config.request_checksum_calculation != "when_required")


def connect(name: str) -> Bucket:
    """The bucket, asked nothing yet; InputError where boto3 is missing or the AWS settings are wrong."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise InputError("s3:// needs boto3, which is not installed", hint=INSTALL) from error
    settings = Config(
        connect_timeout=CONNECT,
        read_timeout=READ,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        user_agent_extra="surgecast",
    )
    with translated(Address(name, "")):
        try:
            return Bucket(name, boto3.Session().client("s3", config=settings))
        except ValueError as error:
            raise InputError(f"the AWS settings: {error}", hint="AWS_ENDPOINT_URL, AWS_DEFAULT_REGION") from error


def _limited(body: Any, most: int) -> Iterator[bytes]:
    left = most
    while left > 0 and (chunk := body.read(min(CHUNK, left))):
        left -= len(chunk)
        yield chunk
