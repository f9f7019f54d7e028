"""What lies below an address: folders with a run or a manifest in them, told from the names of objects alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from loadtests.errors import InputError
from loadtests.run import RUN_FILE
from surgecast.store.address import SCHEME, shown
from surgecast.store.bucket import Stored
from surgecast.store.manifest import FILE
from surgecast.store.transfer import readable

MOST: Final = 100_000
"""Objects that are looked through: a hundred pages."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a bucket that is, or was to be, a stored run or reports."""

    key: str
    names: frozenset[str]
    size: int
    at: datetime

    @property
    def state(self) -> str:
        """In a word or two."""
        if FILE not in self.names:
            return "not whole"
        return "run" if RUN_FILE in self.names else "reports"


def folders(objects: Iterable[Stored]) -> Iterator[Folder]:
    """The folders of ours among the objects of a bucket; what strangers put there is left out."""
    met: dict[str, list[Stored]] = {}
    for number, one in enumerate(objects):
        if number == MOST:
            raise InputError(f"more than {MOST:,} objects lie there", hint="name a longer prefix")
        met.setdefault(one.key.rpartition("/")[0], []).append(one)
    for key in sorted(met):
        names = frozenset(one.key.rpartition("/")[2] for one in met[key])
        if names & {FILE, RUN_FILE}:
            at = max((one.at for one in met[key] if one.at), default=datetime.fromtimestamp(0, UTC))
            yield Folder(key, names, sum(one.size for one in met[key]), at)


def told(bucket: str, folder: Folder) -> str:
    """A line for the terminal."""
    place = f"{SCHEME}{bucket}/{shown(folder.key)}"
    return f"{folder.at:%Y-%m-%d %H:%M}  {readable(folder.size):>12}  {folder.state:<9}  {place}"
