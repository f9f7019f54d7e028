"""Who owns which field, as the API server keeps it in ``metadata.managedFields``: server-side apply and plain updates.

Lists are owned whole, but for containers, which are told apart by their names. Source: kubernetes.io, "Server-Side
Apply" (merge strategy, field management, conflicts), and structured-merge-diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

Object = dict[str, Any]
Place = tuple[str, ...]
SERVERS = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
"""Metadata that nobody owns."""


class Owner(NamedTuple):
    """Two operations of one name are two owners."""

    manager: str
    operation: str


class Conflicts(Exception):  # noqa: N818 - an answer
    """Fields that belong to others."""

    def __init__(self, found: list[tuple[Place, Owner]]) -> None:
        super().__init__(found)
        self.found = found


def owned(one: Mapping[str, Any]) -> dict[Place, Any]:
    """Every field that somebody can own, with its value."""
    meta = {key: value for key, value in one.get("metadata", {}).items() if key not in SERVERS}
    rest = {key: value for key, value in one.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return dict(_leaves({**rest, **({"metadata": meta} if meta else {})}, ()))


def _leaves(value: Any, at: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*at, f"f:{key}"))
    elif isinstance(value, list) and at[-1] == "f:containers":
        for inner in value:
            key = json.dumps({"name": inner["name"]}, separators=(",", ":"))
            yield from _leaves(inner, (*at, f"k:{key}"))
    elif at:
        yield at, value


def _built(fields: Mapping[Place, Any]) -> Object:
    """The other way round."""
    tree: Object = {}
    for place, value in fields.items():
        inside = tree
        for word in place[:-1]:
            inside = inside.setdefault(word, {})
        inside[place[-1]] = value
    return dict(_plain(tree))


def _plain(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.startswith("k:") for key in tree):
        return [_plain(value) for value in tree.values()]
    return {key.removeprefix("f:"): _plain(value) for key, value in tree.items()}


def owners(one: Mapping[str, Any]) -> dict[Owner, set[Place]]:
    """Of an object."""
    entries = one.get("metadata", {}).get("managedFields") or ()
    return {Owner(entry["manager"], entry["operation"]): set(_places(entry["fieldsV1"], ())) for entry in entries}


def _places(tree: Mapping[str, Any], at: Place) -> Iterator[Place]:
    for key, inner in tree.items():
        if inner:
            yield from _places(inner, (*at, key))
        else:
            yield (*at, key)


def entries(found: Mapping[Owner, set[Place]], api: str, now: str) -> list[Object]:
    """As they are written."""
    made = []
    for owner, places in found.items():
        tree: Object = {}
        for place in sorted(places):
            inside = tree
            for word in place:
                inside = inside.setdefault(word, {})
        head = {"manager": owner.manager, "operation": owner.operation, "apiVersion": api, "time": now}
        made += [{**head, "fieldsType": "FieldsV1", "fieldsV1": tree}] if places else []
    return made


def applied(live: Object | None, config: Object, manager: str, force: bool, now: str) -> Object:
    """What a server-side apply comes to; `Conflicts` unless forced."""
    here, wanted = owned(live or {}), owned(config)
    found, me = owners(live or {}), Owner(manager, "Apply")
    changed = {place for place, value in wanted.items() if place in here and here[place] != value}
    taken = [(place, owner) for owner, places in found.items() if owner != me for place in sorted(places & changed)]
    if taken and not force:
        raise Conflicts(taken)
    others = {owner: places - changed for owner, places in found.items() if owner != me}
    gone = found.get(me, set()) - wanted.keys() - set().union(*others.values())
    fields = {place: value for place, value in {**here, **wanted}.items() if place not in gone}
    return _with(live or config, fields, {**others, me: set(wanted)}, config["apiVersion"], now)


def updated(live: Object | None, new: Object, manager: str, now: str) -> Object:
    """What a plain write comes to: it owns whatever it changes, and asks nobody."""
    here, wanted = owned(live or {}), owned(new)
    found = owners(new) or owners(live or {})
    changed = {place for place, value in wanted.items() if place not in here or here[place] != value}
    gone = here.keys() - wanted.keys()
    me = Owner(manager, "Update")
    kept = {owner: places - gone - (changed if owner != me else set()) for owner, places in found.items()}
    return _with(live or new, wanted, {**kept, me: kept.get(me, set()) | changed}, new["apiVersion"], now)


def _with(base: Object, fields: Mapping[Place, Any], found: Mapping[Owner, set[Place]], api: str, now: str) -> Object:
    """What the server keeps is of the base, all else of the fields."""
    made = _built(deepcopy(dict(fields)))
    meta = {key: value for key, value in base["metadata"].items() if key in SERVERS}
    head = {"apiVersion": base["apiVersion"], "kind": base["kind"]}
    status = {"status": base["status"]} if "status" in base else {}
    meta = {**meta, **made.pop("metadata", {}), "managedFields": entries(found, api, now)}
    return {**head, "metadata": meta, **made, **status}
