"""Reads what `advise --export` wrote for a region. Whatever an export could not have written is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from advisor.carrying.exporting import KUSTOMIZATION
from advisor.exports import exports
from loadtests.document import read_yaml
from loadtests.errors import InputError
from surgecast.applying.content import KEPT, Object
from surgecast.applying.kinds import KINDS, Kind, kind_of

LARGEST: Final = 2**20
"""Bytes of a file."""
TOP: Final = {
    "PriorityClass": {"value", "globalDefault", "preemptionPolicy", "description"},
}
"""Keys beside ``apiVersion``, ``kind`` and ``metadata``; of all other kinds it is ``spec``."""
POD: Final = {
    "priorityClassName", "terminationGracePeriodSeconds", "automountServiceAccountToken", "containers",
    "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "imagePullSecrets",
}  # fmt: skip
CONTAINER: Final = {"name", "image", "imagePullPolicy", "resources", "securityContext"}
"""A placeholder runs nothing of anybody's, mounts nothing and reads nothing."""
NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object to apply."""

    file: str
    kind: Kind
    body: Object

    @property
    def name(self) -> str:
        """Of the object."""
        return str(self.body["metadata"]["name"])


def manifests(folder: Path, namespace: str) -> tuple[Manifest, ...]:
    """The objects that the folder's kustomization names, in its order; InputError for any other folder."""
    found = [one for file in _listed(folder) for one in _objects(folder / file, namespace)]
    seen: dict[tuple[str, str], str] = {}
    for one in found:
        if first := seen.get((one.kind.kind, one.name)):
            places = f"in {first} and in {one.file}"
            raise InputError(f"{folder}: {one.kind.kind} {one.name} stands twice, {places}", hint="keep one of the two")
        seen[one.kind.kind, one.name] = one.file
    return tuple(found)


def _listed(folder: Path) -> list[str]:
    file = folder / KUSTOMIZATION
    if not file.is_file():
        regions = sorted(one.parent.name for one in folder.glob(f"*/{KUSTOMIZATION}"))
        hint = f"name the folder of one region: {', '.join(regions)}" if regions else "see surgecast advise --export"
        raise InputError(f"{folder}: expected {KUSTOMIZATION} as `advise --export` writes it, found none", hint=hint)
    body = read_yaml(str(file), _text(file))
    listed = body.get("resources") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(listed, list) or not listed:
        raise InputError(f"{file}: expected resources: with a list of files", hint="see surgecast advise --export")
    if more := sorted(str(key) for key in body.keys() - {"apiVersion", "kind", "resources"}):
        raise InputError(f"{file}: expected resources only, found {', '.join(more)}", hint="apply it with kubectl -k")
    known = {one.file_name: one for one in exports()}
    for name in listed:
        if not isinstance(name, str) or name not in known:
            raise InputError(f"{file}: {name!r} is no file of an export", hint=f"one of: {', '.join(known)}")
        twin = next((one for one in known.values() if one.plugin_name() == known[name].instead_of), None)
        if twin is not None and twin.file_name in listed:
            raise InputError(f"{file}: {name} and {twin.file_name} do the same", hint="leave one of the two out")
    return listed


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST:
            raise InputError(f"{file}: more than {LARGEST:,} bytes", hint="an export is never so large")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}", hint="see surgecast advise --export") from error


def _objects(file: Path, namespace: str) -> Iterator[Manifest]:
    for number, text in enumerate(re.split(r"^---[ \t]*$", _text(file), flags=re.MULTILINE)):
        place = f"{file}, document {number}"
        body = read_yaml(place, text)
        if body is not None:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
                raise InputError(f"{place}: a YAML alias, which no export has", hint="write the value out")
            kind = checked(place, body, namespace)
            assert isinstance(body, dict)
            yield Manifest(file.name, kind, body)


def checked(place: str, body: object, namespace: str) -> Kind:
    """The kind of an object that an export could have written for this namespace; InputError for any other."""
    known = ", ".join(one.kind for one in KINDS)
    if not isinstance(body, dict):
        raise InputError(f"{place}: expected an object, found {type(body).__name__}", hint=f"one of: {known}")
    kind = kind_of(body.get("apiVersion"), body.get("kind"))
    if kind is None:
        found = f"{body.get('kind')} of {body.get('apiVersion')}"
        raise InputError(f"{place}: {found!r} is nothing that is exported", hint=f"one of: {known}")
    meta = body.get("metadata")
    if not isinstance(meta, dict) or not NAME.fullmatch(str(meta.get("name"))):
        raise InputError(f"{place}: expected metadata with a name", hint="lower-case letters, digits, - and .")
    if more := sorted(str(key) for key in meta.keys() - set(KEPT)):
        raise InputError(f"{place}: metadata.{more[0]} is nothing that is exported", hint=f"only {', '.join(KEPT)}")
    where = meta.get("namespace")
    if kind.namespaced and where != namespace:
        hint = f"--namespace {where}, if that is the one" if NAME.fullmatch(str(where)) else "name it in metadata"
        raise InputError(f"{place}: {kind.kind} is for namespace {where!r}, not {namespace!r}", hint=hint)
    if not kind.namespaced and where is not None:
        raise InputError(f"{place}: {kind.kind} belongs to no namespace, found {where!r}", hint="leave it out")
    if more := sorted(
        str(key) for key in body.keys() - {"apiVersion", "kind", "metadata"} - TOP.get(kind.kind, {"spec"})
    ):
        raise InputError(f"{place}: {more[0]} is nothing that is exported", hint="see surgecast advise --export")
    if kind.kind == "Deployment":
        _only_placeholders(place, body.get("spec"))
    try:
        json.dumps(body, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{place}: a value that JSON has not got: {error}", hint="quote dates and times") from error
    return kind


def _only_placeholders(place: str, spec: object) -> None:
    """Of Deployments only pods that keep a slot free are exported."""
    template = spec.get("template") if isinstance(spec, dict) else None
    pod = template.get("spec") if isinstance(template, dict) else None
    containers = pod.get("containers") if isinstance(pod, dict) else None
    if not isinstance(pod, dict) or not isinstance(containers, list):
        raise InputError(f"{place}: expected a Deployment with containers", hint="see surgecast advise --export")
    extra = {str(key) for key in pod.keys() - POD}
    for one in containers:
        extra |= {str(key) for key in one.keys() - CONTAINER} if isinstance(one, Mapping) else {"containers"}
    if extra:
        raise InputError(
            f"{place}: placeholder pods do not have {', '.join(sorted(extra))}",
            hint="of Deployments only placeholders are applied; others with kubectl",
        )


def known_object(place: str, body: Any) -> Kind:
    """The kind of an object as a server sent it, in a rollback file; InputError for a kind that is never changed."""
    kind = kind_of(body.get("apiVersion"), body.get("kind")) if isinstance(body, dict) else None
    meta = body.get("metadata") if isinstance(body, dict) else None
    if kind is None or not isinstance(meta, dict) or not NAME.fullmatch(str(meta.get("name"))):
        raise InputError(f"{place}: no object that surgecast applies", hint="is it a file that apply wrote?")
    return kind
