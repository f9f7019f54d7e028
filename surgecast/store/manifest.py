"""What a stored folder holds, with checksums. It is written last: where there is none, an upload has not ended."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from loadtests.errors import RunError
from loadtests.region import Frozen
from loadtests.run import RUN_FILE

FILE: Final = "manifest.json"
KINDS: Final = (".csv", ".html", ".json", ".jsonl", ".md", ".txt", ".xml")
"""Files that go along: the run and its reports. Logs and scenario files do not: they may hold tokens of the target."""
SENT: Final = re.compile(r"(run|advice|backtest|compare|report|search|simulation|verdict|locust_\w+)\..*")
"""The run and its reports by name: what else lies in a folder may be anything, credentials or a rollback file too."""
LARGEST: Final = 2**20
"""Bytes of a manifest that is read."""
MOST_FILES: Final = 1000
MOST_BYTES: Final = 64 * 2**30
"""Bytes of all files together: half an hour in ten regions is a hundred megabytes, so this is no run (assumed)."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}", re.ASCII)


def may_be_stored(name: str) -> bool:
    """Whether a stored folder may hold a file of this name: a plain one, of a kind that we write."""
    return bool(_NAME.fullmatch(name)) and name.endswith(KINDS) and name != FILE


def _plain(name: str) -> str:
    if not may_be_stored(name):
        raise ValueError(f"{name!r} is no file of a run")
    return name


class Entry(Frozen):
    """One file."""

    name: Annotated[str, AfterValidator(_plain)]
    size: int = Field(ge=0, le=MOST_BYTES)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(Frozen):
    """What `manifest.json` holds."""

    schema_version: Literal[1] = 1
    run_id: str = Field(default="", max_length=300)
    """Of the run's header; empty where there are only reports."""
    files: tuple[Entry, ...] = Field(max_length=MOST_FILES)

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if len({entry.name.casefold() for entry in self.files}) < len(self.files):
            raise ValueError("two files have one name")
        if sum(entry.size for entry in self.files) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes")
        return self

    @property
    def run(self) -> Entry | None:
        """The run itself, if there is one."""
        return next((entry for entry in self.files if entry.name == RUN_FILE), None)

    @property
    def size(self) -> int:
        """All files together."""
        return sum(entry.size for entry in self.files)

    def with_files(self, run_id: str, entries: Iterable[Entry]) -> Manifest:
        """The same with more files, or newer ones."""
        files = {entry.name: entry for entry in (*self.files, *entries)}
        return Manifest(
            run_id=run_id or self.run_id, files=tuple(sorted(files.values(), key=lambda one: _rank(one.name)))
        )

    def text(self) -> bytes:
        """As it is stored."""
        return f"{self.model_dump_json(indent=1)}\n".encode()


def parse_manifest(place: str, text: bytes) -> Manifest:
    """Read it; RunError when it is none of ours."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise RunError(
            f"{place}/{FILE}: {where + ': ' if where else ''}{problem['msg']}",
            hint="it was not written by surgecast store push, or by a newer version: upgrade surgecast",
        ) from error


def sendable(folder: Path) -> tuple[Path, ...]:
    """The files of a folder that go along, the run first: what was measured is the first to be safe."""
    named = (path for path in folder.iterdir() if may_be_stored(path.name) and SENT.fullmatch(path.name))
    found = [path for path in named if path.is_file() and not path.is_symlink()]
    return tuple(sorted(found, key=lambda path: _rank(path.name)))


def _rank(name: str) -> tuple[bool, str]:
    return name != RUN_FILE, name
