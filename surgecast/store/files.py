"""What is no run, to and from a store: a scenario with what it names, one file that is written, an export, a rollback.

What comes is bounded in size and number and named by plain names alone. What goes is kept on this machine as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import click

from loadtests.document import read_yaml
from loadtests.errors import InputError, SurgecastError
from surgecast.store.address import Address, parse_address
from surgecast.store.bucket import Bucket, connect
from surgecast.store.digests import sum_of
from surgecast.store.fetching import LARGEST_FILE, cached_file, kept
from surgecast.store.manifest import MOST_FILES
from surgecast.store.uploading import ONLY_NEW

INDEX: Final = "kustomization.yaml"
"""Sent last and asked for first: where it is, an export is whole."""
MANIFEST: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,100}\.yaml", re.ASCII)
"""Names of the files of an export that are fetched."""
LARGEST_MANIFEST: Final = 2**20
"""Bytes, as `surgecast apply` takes them."""
ROLLBACK: Final = "rollback-*.json"
NAMES: Final = ("file", "trace")
"""Keys of a scenario under which a file beside it is named (docs/scenarios.md)."""


def cached_scenario(address: Address) -> Path:
    """A copy in the cache of a scenario, with the curves and traces that it names, from where it lies in the bucket.

    InputError where one of them is not there, or does not lie beside it.
    """
    bucket = connect(address.bucket)
    file = cached_file(address, bucket)
    try:
        names = sorted(set(_named(read_yaml(str(address), file.read_text(encoding="utf-8")), set())))
    except UnicodeDecodeError as error:
        raise InputError(f"{address}: cannot be read: {error}", hint="give a YAML file of a scenario") from error
    if len(names) > MOST_FILES:
        raise InputError(f"{address}: names {len(names)} files, at most {MOST_FILES} are fetched", hint="name fewer")
    left = LARGEST_FILE
    for name in names:
        beside = _beside(address, name)
        if (found := bucket.read(beside.key, left)) is None:
            raise InputError(f"{beside}: no such file", hint=f"{address} names it: put it there")
        left -= len(found[0])
        kept(file.parent / name, found[0])
    return file


def _named(value: object, seen: set[int]) -> Iterator[str]:
    """What a document names; a part that stands in several places is looked at once."""
    if not isinstance(value, dict | list) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        names = NAMES if not value.get("points") else ()  # a curve that is written out needs no file
        yield from (one for name in names if isinstance(one := value.get(name), str) and one)
    for one in value.values() if isinstance(value, dict) else value:
        yield from _named(one, seen)


def _beside(address: Address, name: str) -> Address:
    """Where a file lies that a scenario names; InputError for one that would be looked for elsewhere on this disk."""
    folder = str(address).rpartition("/")[0]
    try:
        found = parse_address(f"{folder}/{name}")
    except InputError as error:
        hint = "in a store it names files beside it or in a folder there, such as curves/last-year.csv"
        raise InputError(f"{address}: names {name!r}, which is no file beside it", hint=hint) from error
    return found


@contextmanager
def written_for(address: Address) -> Iterator[Path]:
    """A place on this machine for one file, and in it what the address holds; sent at the end where it has changed."""
    bucket = connect(address.bucket)
    before, etag = bucket.read(address.key, LARGEST_FILE) or (None, "")
    with _folder(address) as folder:
        file = folder / address.name
        if before is not None:
            file.write_bytes(before)
        try:
            yield file
        finally:
            if file.is_file() and file.read_bytes() != before:
                _send(bucket, address, file, {"IfMatch": etag} if etag else ONLY_NEW)
            else:
                file.unlink(missing_ok=True)


@contextmanager
def exported_for(address: Address) -> Iterator[Path]:
    """A folder to export to, sent when all went well; InputError where anything lies there.

    Files of an older export would be carried out too, and nothing is deleted in a store.
    """
    bucket = connect(address.bucket)
    if any(True for _ in bucket.listing(f"{address.key}/")):
        raise InputError(f"{address}: something lies there already", hint="an export needs a place of its own")
    with _folder(address) as folder:
        yield folder
        found = [one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()]
        for file in sorted(found, key=lambda one: (one.name == INDEX, one)):
            _send(bucket, address.under(file.relative_to(folder).as_posix()), file, ONLY_NEW)


@contextmanager
def applied_from(address: Address) -> Iterator[Path]:
    """A folder with the files of one region's export; rollback files that are written into it are sent beside them."""
    bucket, prefix = connect(address.bucket), f"{address.key}/"
    names = [one.key.removeprefix(prefix) for one in islice(bucket.listing(prefix), MOST_FILES + 1)]
    wanted = [name for name in names if MANIFEST.fullmatch(name)]
    if INDEX not in wanted or len(names) > MOST_FILES:
        hint = "name the folder of one region, as `advise --export` writes it"
        raise InputError(f"{address}: expected {INDEX} and at most {MOST_FILES} files beside it", hint=hint)
    with _folder(address) as folder, _rollbacks(bucket, address, folder):
        for name in wanted:
            if found := bucket.read(address.under(name).key, LARGEST_MANIFEST):
                (folder / name).write_bytes(found[0])
        yield folder


@contextmanager
def rolled_back_from(address: Address) -> Iterator[Path]:
    """A rollback file; the one that is written before anything is put back is sent beside it."""
    bucket = connect(address.bucket)
    found = bucket.read(address.key, LARGEST_FILE)
    if found is None:
        raise InputError(f"{address}: no such file", hint="is it spelled otherwise?")
    beside = Address(address.bucket, address.key.rpartition("/")[0])
    with _folder(address) as folder:
        (folder / address.name).write_bytes(found[0])
        with _rollbacks(bucket, beside, folder):
            yield folder / address.name


@contextmanager
def _rollbacks(bucket: Bucket, address: Address, folder: Path) -> Iterator[None]:
    """Send those that are written meanwhile; without one nothing was changed, and what was fetched goes again."""
    before = set(folder.glob(ROLLBACK))
    try:
        yield
    finally:
        new = sorted({*folder.glob(ROLLBACK)} - before)
        for file in () if new else folder.iterdir():
            file.unlink()
        for file in new:
            _send(bucket, address.under(file.name), file, ONLY_NEW)


@contextmanager
def _folder(address: Address) -> Iterator[Path]:
    """One of its own on this machine, gone again where nothing is written into it."""
    folder = Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%S-%fZ}-{address.name}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}", hint="start from a folder of yours") from error
    try:
        yield folder
    finally:
        with suppress(OSError):  # there is something in it
            folder.rmdir()


def _send(bucket: Bucket, address: Address, file: Path, condition: dict[str, str]) -> None:
    body = file.read_bytes()
    try:
        bucket.put(address.key, body, sum_of(body), condition)
    except SurgecastError as error:
        hint = "; ".join(filter(None, (error.hint, f"{file} is safe: give another address, or copy it there")))
        raise type(error)(f"not stored: {error.message}", hint=hint) from error
    click.echo(f"Stored at {address}, and in {file}", err=True)
