"""The rollback file: the objects as they were and as they were left, on disk before the first of them is changed.

It names the cluster by the uid of the namespace, which no other cluster has, and carries its own SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from loadtests.errors import InputError
from loadtests.region import Frozen
from surgecast.applying.folder import known_object
from surgecast.applying.kinds import Kind, kind_of

LARGEST: Final = 16 * 2**20
"""Bytes."""


class Entry(Frozen):
    """One object that is changed."""

    api_version: str
    kind: str
    name: str
    before: dict[str, Any] | None
    """None: it was not there."""
    after: dict[str, Any] | None
    """As the server's dry run said it would be; None: it was deleted."""

    @property
    def of_kind(self) -> Kind:
        """Where it is served."""
        found = kind_of(self.api_version, self.kind)
        assert found is not None, "checked when it is read"
        return found


class Rollback(Frozen):
    """All that is needed to put things back."""

    version: Literal[1] = 1
    written_at: str
    context: str
    server: str
    namespace: str
    namespace_uid: str
    entries: tuple[Entry, ...]


def write(rollback: Rollback, file: Path) -> None:
    """Write it where no file is yet, and return once it is on disk; InputError where that cannot be done."""
    body = rollback.model_dump(mode="json")
    text = json.dumps({"rollback": body, "sha256": _sum(body)}, indent=1)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        hint = "nothing was changed; name another place with --rollback-file"
        raise InputError(f"{file}: the rollback file cannot be written: {error}", hint=hint) from error


def read(file: Path) -> Rollback:
    """What is in it; InputError where it is not whole."""
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
        whole = json.loads(data) if len(data) <= LARGEST else None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: no rollback file can be read: {error}", hint=EXPECTED) from error
    if not isinstance(whole, Mapping) or whole.keys() != {"rollback", "sha256"}:
        raise InputError(f"{file}: this is no rollback file", hint=EXPECTED)
    if whole["sha256"] != _sum(whole["rollback"]):
        raise InputError(f"{file}: its SHA-256 is not the one that it names", hint="take the copy that apply wrote")
    try:
        found = Rollback.model_validate(whole["rollback"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(one) for one in first["loc"])
        raise InputError(f"{file}: {place}: {first['msg']}", hint=EXPECTED) from error
    for one in found.entries:
        _check(file, one, found.namespace)
    return found


EXPECTED: Final = "expected a file that surgecast apply or surgecast rollback wrote"


def _check(file: Path, entry: Entry, namespace: str) -> None:
    sides = [one for one in (entry.before, entry.after) if one is not None]
    for side in sides:
        kind = known_object(str(file), side)
        meta = side["metadata"]
        told = (side["apiVersion"], side["kind"], meta["name"], meta.get("namespace"))
        if told != (entry.api_version, entry.kind, entry.name, namespace if kind.namespaced else None):
            raise InputError(f"{file}: an entry for {entry.kind} {entry.name} holds another object", hint=EXPECTED)
    if not sides:
        raise InputError(f"{file}: an entry for {entry.kind} {entry.name} holds nothing", hint=EXPECTED)


def _sum(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
