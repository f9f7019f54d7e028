"""The requests that change a cluster, each of which can be tried first; and what a refusal of them means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from advisor.cluster.server import Refused, Request, Server
from loadtests.errors import InputError
from surgecast.applying.content import Object
from surgecast.applying.kinds import NAMESPACE, Kind

MANAGER: Final = "surgecast"
"""Owner of the fields that are applied."""
APPLY: Final = "application/apply-patch+yaml"
"""A server-side apply; JSON is YAML."""
_CANNOT: Final = re.compile(r"cannot (\w+) (?:resource|path) ")
_OWNER: Final = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')


class Conflict(NamedTuple):
    """A field that belongs to somebody else."""

    field: str
    owner: str

    def __str__(self) -> str:
        return f"{self.field} belongs to {self.owner}"


class Denied(InputError):  # noqa: N818 - an answer
    """The server would not do it."""

    def __init__(self, message: str, *, hint: str = "", conflicts: tuple[Conflict, ...] = (), late: bool = False):
        super().__init__(message, hint=hint)
        self.conflicts = conflicts
        self.late = late
        """The object is not the one that was read: read it again."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Reads, applies, replaces, makes and deletes single objects. ``dry`` has the server try it and keep nothing."""

    server: Server
    namespace: str

    def identity(self) -> str:
        """The namespace's uid: no two clusters share one. `Denied` where there is no such namespace."""
        found = self._read(NAMESPACE, self.namespace)
        if found is None:
            there = f"there is no namespace {self.namespace} in context {self.server.context}"
            raise Denied(there, hint="is it the context and the --namespace that you meant?")
        return str(found["metadata"]["uid"])

    def read(self, kind: Kind, name: str) -> Object | None:
        """None where there is none."""
        return self._read(kind, name)

    def apply(self, kind: Kind, one: Object, *, dry: bool, force: bool = False, version: str = "") -> Object:
        """Server-side apply; with ``version`` only onto that ``resourceVersion``."""
        meta = {**one["metadata"], "resourceVersion": version} if version else one["metadata"]
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", "force": str(force).lower()}
        path = kind.path(self.namespace, one["metadata"]["name"])
        return self._send("patch", kind, Request("PATCH", path, _tried(query, dry), {**one, "metadata": meta}, APPLY))

    def replace(self, kind: Kind, one: Object, *, dry: bool) -> Object:
        """The object whole, onto the ``resourceVersion`` that it names."""
        path = kind.path(self.namespace, one["metadata"]["name"])
        return self._send("update", kind, Request("PUT", path, _tried({"fieldManager": MANAGER}, dry), one))

    def create(self, kind: Kind, one: Object, *, dry: bool) -> Object:
        """An object that is not there."""
        request = Request("POST", kind.path(self.namespace), _tried({"fieldManager": MANAGER}, dry), one)
        return self._send("create", kind, request)

    def delete(self, kind: Kind, one: Object, *, dry: bool) -> None:
        """Exactly this object, as it was read."""
        meta = one["metadata"]
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        options["preconditions"] = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        options |= {"dryRun": ["All"]} if dry else {}
        try:
            self.server.send(Request("DELETE", kind.path(self.namespace, meta["name"]), {}, options))
        except Refused as refused:
            raise explained(refused, "delete", kind, self) from refused

    def _read(self, kind: Kind, name: str) -> Object | None:
        try:
            return _object(self.server.get(kind.path(self.namespace, name)), kind)
        except Refused as refused:
            details = refused.answer.get("details")
            if refused.status == 404 and isinstance(details, Mapping) and details.get("name") == name:
                return None
            raise explained(refused, "get", kind, self) from refused

    def _send(self, verb: str, kind: Kind, request: Request) -> Object:
        try:
            return _object(self.server.send(request), kind)
        except Refused as refused:
            raise explained(refused, verb, kind, self) from refused


def _object(answer: Object, kind: Kind) -> Object:
    meta = answer.get("metadata")
    if not isinstance(meta, Mapping) or not all(isinstance(meta.get(key), str) for key in ("name", "uid")):
        raise Denied(f"the answer is no {kind.kind}: {plain(str(answer))[:80]}", hint="is this an API server?")
    return answer


def _tried(query: Mapping[str, str], dry: bool) -> dict[str, str | int]:
    return {**query, "dryRun": "All"} if dry else dict(query)


def explained(refused: Refused, verb: str, kind: Kind, writer: Writer) -> Denied:
    """What a refusal means, and what to do about it."""
    said = plain(str(refused))
    where = f"in namespace {writer.namespace}" if kind.namespaced else "at the cluster scope"
    match refused.status:
        case 0:
            return Denied(f"{writer.server.address} does not answer: {said}", hint="is it the context you meant?")
        case 401:
            return Denied(f"the cluster does not know the user of context {writer.server.context}", hint="log in again")
        case 403 if found := _CANNOT.search(said):
            return Denied(
                f"this context's user may not {found[1]} {kind.resource} {where}",
                hint=f"ask for it (k8s/rbac/applier.yaml): apiGroups: ['{kind.group}'], "
                f"resources: ['{kind.plural}'], verbs: ['{found[1]}']",
            )
        case 404 if "namespaces" in said and writer.namespace in said:
            return Denied(f"there is no namespace {writer.namespace}", hint="make it, or name another")
        case 404:
            brings = kind.product or f"a version of Kubernetes with {kind.api}"
            return Denied(
                f"this cluster has no {kind.kind} in {kind.api} ({kind.resource}), so it cannot be asked to {verb} it",
                hint=f"install {brings}, or leave the file out of kustomization.yaml (docs/applying.md)",
            )
        case 409 if conflicts := _conflicts(refused.answer):
            told = "; ".join(map(str, conflicts))
            return Denied(told, hint="--force-conflicts takes the fields over", conflicts=conflicts)
        case 409:
            return Denied(f"it was changed meanwhile: {said}", hint="look at a new plan", late=True)
        case status:
            return Denied(f"{status} to {verb} {kind.resource}: {said}", hint="the server's own words")


def _conflicts(answer: Mapping[str, Any]) -> tuple[Conflict, ...]:
    details = answer.get("details")
    causes = (details.get("causes") or ()) if isinstance(details, Mapping) else ()
    found = []
    for one in causes:
        if isinstance(one, Mapping) and one.get("reason") == "FieldManagerConflict":
            said = plain(str(one.get("message", "")))
            owner = _OWNER.search(said)
            found.append(Conflict(plain(str(one.get("field", "?"))), owner[1] if owner else said))
    return tuple(found)


def plain(text: str) -> str:
    """A stranger's words on one line of a terminal."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:500]
