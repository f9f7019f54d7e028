"""From this machine to a store: the run first, in parts that are not sent twice, and the manifest last."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from loadtests.errors import RunError, SurgecastError
from loadtests.run import RUN_FILE, LineReader, open_run
from surgecast.store.address import Address, parse_address
from surgecast.store.bucket import Bucket, connect
from surgecast.store.digests import digests_of, sum_of
from surgecast.store.manifest import FILE, LARGEST, MOST_BYTES, MOST_FILES, Manifest, parse_manifest, sendable
from surgecast.store.together import each
from surgecast.store.transfer import Transfer, readable
from surgecast.store.uploading import ONLY_NEW, Upload, another_run

LONGEST_HEADER: Final = 16 * 2**20
"""Bytes: that of the bundled scenario, with three regions, has 24,000; this leaves room (assumed)."""


def push(folder: Path, address: Address, bucket: Bucket | None = None) -> None:
    """Send a folder; runs that lie in it, as those of a search do, each to a folder of its own, before it.

    SurgecastError says how to go on; what lies on this machine stays as it is.
    """
    bucket = bucket or connect(address.bucket)
    try:
        inner = _runs_in(folder)
        for one in inner:
            _push_one(bucket, one, parse_address(str(address.under(one.name))))
        if sendable(folder) or not inner:
            _push_one(bucket, folder, address)
    except SurgecastError as error:
        hint = "; ".join(filter(None, (error.hint, f"{folder} is safe; go on with: {resumed(folder, address)}")))
        raise type(error)(f"not stored: {error.message}", hint=hint) from error
    except KeyboardInterrupt as stopped:
        hint = f"{folder} is safe; go on with: {resumed(folder, address)}"
        raise SurgecastError(f"not stored: the upload to {address} was interrupted", hint=hint) from stopped


def resumed(folder: Path, address: Address) -> str:
    """The command that goes on."""
    return shlex.join(["surgecast", "store", "push", str(folder), str(address)])


def known_at(bucket: Bucket, address: Address) -> tuple[Manifest | None, str]:
    """What is stored there already, and the ETag of its manifest."""
    found = bucket.read(address.under(FILE).key, LARGEST)
    return (None, "") if found is None else (parse_manifest(str(address), found[0]), found[1])


@contextmanager
def recorded_for(address: Address, *, fresh: bool) -> Iterator[Path]:
    """A folder of this machine to record in; what is in it at the end is sent, however the end came.

    With ``fresh`` InputError before anything is done where a run lies there already.
    """
    bucket = connect(address.bucket)
    known, _ = known_at(bucket, address)
    if fresh and (known or bucket.look(address.under(RUN_FILE).key)):
        raise another_run(address)
    folder = Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{address.name or address.bucket}"
    click.echo(f"Recording in {folder}; at the end it goes to {address}", err=True)
    try:
        yield folder
    finally:
        if folder.is_dir() and (sendable(folder) or _runs_in(folder)):
            push(folder, address, bucket)


def _push_one(bucket: Bucket, folder: Path, address: Address) -> None:
    files = sendable(folder)
    run_id = _run_id(files, folder)
    known, etag = known_at(bucket, address)
    before = known or Manifest(files=())
    _refuse_too_much(files, before, folder)
    digests = [digests_of(file) for file in files]
    manifest = before.with_files(run_id, (one.entry for one in digests))
    if before.run not in (None, manifest.run):
        raise another_run(address)
    transfer = Transfer(str(address), "sent", sum(one.entry.size for one in digests))
    large = [one for one in digests if one.in_parts or one.entry.name == RUN_FILE]
    for one in large:  # the run first: what was measured is the first to be safe
        Upload(bucket, address, one, transfer).send()
    each(lambda one: Upload(bucket, address, one, transfer).send(), [one for one in digests if one not in large])
    if manifest != known:
        text = manifest.text()
        bucket.put(address.under(FILE).key, text, sum_of(text), {"IfMatch": etag} if known else ONLY_NEW)
    click.echo(f"Stored at {address}: {_files(manifest)}, {readable(manifest.size)}", err=True)


def _runs_in(folder: Path) -> list[Path]:
    """Folders of runs that lie in it, as those of a search do."""
    return sorted(inner for inner in folder.iterdir() if (inner / RUN_FILE).is_file())


def _files(manifest: Manifest) -> str:
    return "1 file" if len(manifest.files) == 1 else f"{len(manifest.files)} files"


def _refuse_too_much(files: Sequence[Path], known: Manifest, folder: Path) -> None:
    size = sum(file.stat().st_size for file in files) + known.size
    count = len(files) + len(known.files)
    if size > MOST_BYTES or count > MOST_FILES:
        raise RunError(
            f"{folder}: {count} files of {size:,} bytes with what is stored, at most {MOST_FILES} of {MOST_BYTES:,}",
            hint="is it the folder of a run?",
        )


def _run_id(files: Sequence[Path], folder: Path) -> str:
    """Of the run, whose first line is read: what is no run is not sent as one. Empty where there are only reports."""
    if not files:
        raise RunError(f"{folder}: neither a run nor reports are here", hint="give the folder of a run")
    file = files[0]
    if file.name != RUN_FILE:
        return ""
    with open_run(file) as (name, lines):
        reader = LineReader(name)
        reader.add(lines.readline(LONGEST_HEADER))
    if reader.header is None:
        raise RunError(f"{file}: its header is cut", hint="there is nothing in it to keep")
    return reader.header.run_id
