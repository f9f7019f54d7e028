"""The ledger in a store: one object for each entry, so that no two writers are ever after the same one.

An object's name is the time and the checksum of its entry. It is written only where none is (``If-None-Match``), and
never again: what is there stays, whoever writes beside it.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC
from typing import Final

from advisor.ledger import Entry, Ledger, entry_from, ledger_of, line_of
from loadtests.errors import InputError, RunError
from surgecast.store.address import Address
from surgecast.store.bucket import Bucket, connect
from surgecast.store.digests import sum_of
from surgecast.store.listing import MOST as LOOKED_AT
from surgecast.store.refusals import Taken
from surgecast.store.together import each
from surgecast.store.uploading import ONLY_NEW

NAME: Final = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{16}\.entry\.json", re.ASCII)
LARGEST: Final = 2**20
"""Bytes of an entry: that of three regions has 4,000 (assumed to be enough for a hundred)."""
MOST: Final = 10_000
"""Entries that are read: one an hour for a year."""


def record_at(entry: Entry, address: Address, bucket: Bucket | None = None) -> Address:
    """Add an entry to the ledger below an address; where it lies. SurgecastError says why it cannot be written."""
    bucket = bucket or connect(address.bucket)
    text = line_of(entry).encode()
    time = f"{entry.recorded_at.astimezone(UTC):%Y%m%dT%H%M%S%f}Z"
    place = address.under(f"{time}-{hashlib.sha256(text).hexdigest()[:16]}.entry.json")
    try:
        bucket.put(place.key, text, sum_of(text), ONLY_NEW)
    except Taken:
        found = bucket.read(place.key, LARGEST)
        if found is None or found[0] != text:  # it is there where the answer to a first try was lost
            raise
    return place


def read_ledger_at(address: Address, bucket: Bucket | None = None) -> Ledger:
    """Every entry below an address; InputError names the object that is none, or says that there are none."""
    bucket = bucket or connect(address.bucket)
    prefix = f"{address.key}/" if address.key else ""
    keys = []
    for number, one in enumerate(bucket.listing(prefix)):
        if number == LOOKED_AT:
            raise InputError(
                f"{address}: more than {LOOKED_AT:,} objects lie there", hint="give the ledger an address of its own"
            )
        if NAME.fullmatch(one.key.removeprefix(prefix)):
            keys.append(one.key)
        if len(keys) > MOST:
            raise InputError(
                f"{address}: more than {MOST:,} entries", hint="keep each year's under an address of its own"
            )
    if not keys:
        raise InputError(f"{address}: no ledger here", hint="surgecast advise RUN --ledger writes one; docs/ledger.md")
    return ledger_of(each(lambda key: _entry_at(bucket, key), keys))


def _entry_at(bucket: Bucket, key: str) -> Entry:
    place = Address(bucket.name, key)
    found = bucket.read(key, LARGEST)
    if found is None:
        raise RunError(f"{place}: was taken away while the ledger was read", hint="call it again")
    return entry_from(str(place), found[0])
