"""From a store to this machine: what was cut goes on where it was, and only what the manifest vouches for is used."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from loadtests.errors import InputError, RunError, SurgecastError
from loadtests.run import RUN_FILE
from surgecast.store.address import Address
from surgecast.store.bucket import connect
from surgecast.store.digests import PART, sha256_of
from surgecast.store.manifest import FILE, LARGEST, Entry, Manifest, parse_manifest
from surgecast.store.partial import Copy, Partial
from surgecast.store.refusals import Interrupted
from surgecast.store.together import each
from surgecast.store.transfer import Transfer

TRIES: Final = 5
"""Connections in a row that may bring nothing."""
LARGEST_FILE: Final = 64 * 2**20
"""Bytes of a file that is no run: an advice of ten regions has a tenth of it (assumed)."""
CACHE: Final = "SURGECAST_CACHE"
"""Names the cache's folder in the environment."""


class Readable(Protocol):
    """As much of a `Bucket` as fetching asks for."""

    def read(self, key: str, most: int) -> tuple[bytes, str] | None:
        """A small object and its ETag."""

    def stream(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """A stretch of an object."""


def cache_folder() -> Path:
    """Where fetched runs are kept: ``SURGECAST_CACHE``, or ``surgecast`` in the user's cache folder."""
    if place := os.environ.get(CACHE):
        return Path(place)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "surgecast"


def cached_run(address: Address, bucket: Readable | None = None) -> Path:
    """A folder of the cache with the stored run in it; fetched unless it is there, and checked each time.

    RunError when there is no run, or when what comes is not what the manifest vouches for.
    """
    bucket = bucket or connect(address.bucket)
    manifest, _ = manifest_of(bucket, address)
    if manifest.run is None:
        raise RunError(f"{address}: only reports are stored there, no {RUN_FILE}", hint="name the run's own folder")
    folder = cache_folder() / "runs" / manifest.run.sha256 / address.name
    _fetch(bucket, address, (manifest.run,), folder)
    return folder


def cached_file(address: Address, bucket: Readable | None = None) -> Path:
    """A copy in the cache of a small file, such as a catalogue; it is asked for each time, as it may have changed.

    InputError when there is none.
    """
    found = (bucket or connect(address.bucket)).read(address.key, LARGEST_FILE)
    if found is None:
        raise InputError(f"{address}: no such file", hint="is it spelled otherwise?")
    return kept(cache_folder() / "files" / hashlib.sha256(found[0]).hexdigest() / address.name, found[0])


def kept(file: Path, body: bytes) -> Path:
    """The file, written into the cache whole or not at all."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(body)
        fresh.replace(file)
    except OSError as error:
        raise InputError(
            f"{file.parent}: cannot be written: {error.strerror}", hint=f"{CACHE} names another folder"
        ) from error
    return file


def pull(address: Address, folder: Path, bucket: Readable | None = None) -> Manifest:
    """All files of a stored folder, into one of this machine. Files that differ there are not overwritten."""
    bucket = bucket or connect(address.bucket)
    manifest, _ = manifest_of(bucket, address)
    for entry in manifest.files:
        if (folder / entry.name).exists() and not _is_whole(folder / entry.name, entry):
            raise RunError(f"{folder / entry.name}: differs from the one in {address}", hint="give another --out")
    _fetch(bucket, address, manifest.files, folder)
    return manifest


def manifest_of(bucket: Readable, address: Address) -> tuple[Manifest, str]:
    """What lies there, and the ETag of its manifest; RunError when no upload has ended there."""
    found = bucket.read(address.under(FILE).key, LARGEST)
    if found is None:
        raise RunError(
            f"{address}: no run here (no {FILE})",
            hint=f"surgecast store list {address} shows what is; an upload that was cut goes on with store push",
        )
    return parse_manifest(str(address), found[0]), found[1]


def _fetch(bucket: Readable, address: Address, entries: tuple[Entry, ...], folder: Path) -> None:
    transfer = Transfer(str(address), "fetched", sum(entry.size for entry in entries))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone_in(folder):
            missing = [entry for entry in entries if not _is_whole(folder / entry.name, entry)]
            _refuse_too_much(address, missing, folder, shutil.disk_usage(folder).free)
            for entry in (one for one in missing if one.size > PART):
                fetch(bucket, address, entry, folder, transfer)
            small = [one for one in missing if one.size <= PART]
            each(lambda entry: fetch(bucket, address, entry, folder, transfer), small)
    except OSError as error:
        raise InputError(
            f"{error.filename or folder}: cannot be written: {error.strerror}",
            hint=f"is the disk full? {CACHE} names another folder",
        ) from error


def fetch(
    bucket: Readable,
    address: Address,
    entry: Entry,
    folder: Path,
    transfer: Transfer,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """One file, by way of a partial one that stays when the line is cut; RunError when its checksum is another."""
    partial = Partial(folder, entry)
    key = address.under(entry.name).key
    goes_on = any(partial.have)
    _copy(bucket, key, partial, transfer, wait)
    if goes_on and sha256_of(partial.file) != entry.sha256:  # what was left may be at fault: from the beginning, once
        transfer.add(-entry.size)
        partial.drop()
        _copy(bucket, key, partial, transfer, wait)
    if (found := sha256_of(partial.file)) != entry.sha256:
        apart = partial.file.replace(folder / f".{entry.name}.refused")
        partial.drop()
        raise RunError(
            f"{address}/{entry.name}: SHA-256 {found}, the manifest says {entry.sha256}: refused",
            hint=f"what came is kept in {apart}; push the run again from where it was made",
        )
    partial.file.replace(folder / entry.name)
    partial.drop()


def _copy(bucket: Readable, key: str, partial: Partial, transfer: Transfer, wait: Callable[[float], None]) -> None:
    """All stretches, a few at a time."""
    have = partial.have
    transfer.add(sum(have))
    with partial.opened() as copy:

        def fetched(stretch: int) -> None:
            start, end = partial.stretches[stretch]
            _stretch(bucket, key, (stretch, start, end), have[stretch], copy, transfer, wait)

        each(fetched, range(len(have)))


def _stretch(
    bucket: Readable,
    key: str,
    stretch: tuple[int, int, int],
    have: int,
    copy: Copy,
    transfer: Transfer,
    wait: Callable[[float], None],
) -> None:
    """What is missing of one, of which ``have`` bytes are there."""
    number, start, end = stretch
    vain = 0
    while have < end - start:
        trouble: SurgecastError | None = None
        before = have
        try:
            for chunk in bucket.stream(key, start + have, end):
                have = copy.write(number, start, have, chunk)
                transfer.add(len(chunk))
        except Interrupted as error:
            trouble = error
        vain = 0 if have > before else vain + 1
        if vain == TRIES:
            raise trouble or Interrupted(f"{key}: {have} of {end - start} bytes came, and no more do")
        wait(float(vain))


def _is_whole(file: Path, entry: Entry) -> bool:
    return file.is_file() and file.stat().st_size == entry.size and sha256_of(file) == entry.sha256


def _refuse_too_much(address: Address, missing: Sequence[Entry], folder: Path, free: int) -> None:
    if (wanted := sum(entry.size for entry in missing)) > free:
        raise InputError(
            f"{address}: {wanted:,} bytes, and the disk of {folder} has {free:,} free",
            hint=f"make room, or name another folder with {CACHE} or --out",
        )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two processes that fetch one run into one folder take turns; the second finds it done."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
