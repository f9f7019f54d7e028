"""What of an object counts when two are compared: all but what the server and the controllers keep in it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import yaml

Object: TypeAlias = Mapping[str, Any]
KEPT: Final = ("name", "namespace", "labels", "annotations")
NOTES: Final = ("labels", "annotations")
WIDE: Final = 100_000
"""Columns: a value stays on its line, so that a diff shows it whole."""


def content(one: Object | None) -> dict[str, Any]:
    """Without status, and of metadata what people write; empty for an object that is not there."""
    if one is None:
        return {}
    meta = {key: value for key, value in one["metadata"].items() if key in KEPT and value}
    return {**{key: value for key, value in one.items() if key != "status"}, "metadata": meta}


def same(one: Object | None, other: Object | None) -> bool:
    """Whether nothing that counts differs."""
    return content(one) == content(other)


def untouched(left: Object | None, live: Object | None) -> bool:
    """Whether ``live`` still is what was left: labels and annotations that were added since do not count.

    Controllers add some: KEDA names the ScaledObject, Deployments are numbered.
    """
    if left is None or live is None:
        return left is live
    was, now = content(left), content(live)
    for notes in NOTES:
        mine = was["metadata"].get(notes, {})
        kept = {key: value for key, value in now["metadata"].pop(notes, {}).items() if key in mine}
        now["metadata"] |= {notes: kept} if kept else {}
    return was == now


def restored(before: Object, left: Object | None, live: Object) -> dict[str, Any]:
    """``before``, as it is to replace ``live``: what others added since (labels, annotations, finalizers) stays."""
    meta = {key: value for key, value in live["metadata"].items() if key not in ("managedFields", *NOTES)}
    for notes in NOTES:
        ours = (left or {}).get("metadata", {}).get(notes) or {}
        others = {key: value for key, value in (live["metadata"].get(notes) or {}).items() if key not in ours}
        if found := others | (before["metadata"].get(notes) or {}):
            meta[notes] = found
    return {**{key: value for key, value in before.items() if key != "status"}, "metadata": meta}


def owners(before: Object, live: Object, manager: str) -> list[Any]:
    """``managedFields`` as they were, and those of whoever came since; ``manager`` is the one that restores."""
    was = list(before["metadata"].get("managedFields") or ())
    known = {_owner(one) for one in was}
    came = [one for one in live["metadata"].get("managedFields") or () if _owner(one) not in known]
    return was + [one for one in came if one.get("manager") != manager]


def _owner(entry: Object) -> tuple[Any, ...]:
    return tuple(entry.get(key) for key in ("manager", "operation", "subresource"))


def difference(before: Object | None, after: Object | None) -> list[str]:
    """Lines of a diff as `diff -u` writes them, without its head; only the new lines of an object that is new."""
    lines = difflib.unified_diff(_lines(before), _lines(after), lineterm="", n=3)
    return [line for line in lines if not line.startswith(("---", "+++", "@@ -0,0", "@@ -1,"))]


def _lines(one: Object | None) -> list[str]:
    """As YAML, in which control characters are escaped."""
    if one is None:
        return []
    return str(yaml.safe_dump(content(one), width=WIDE, allow_unicode=True)).splitlines()
