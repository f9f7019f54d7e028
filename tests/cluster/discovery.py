"""What the double says of itself: versions, groups and resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.cluster.api import Resource

VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def answer(path: str, served: Sequence[Resource]) -> dict[str, Any] | None:
    """The document at a path; None where there is none."""
    groups = sorted({(one.group, one.version) for one in served if one.group})
    if path == "/version":
        return {"major": "1", "minor": "34", "gitVersion": "v1.34.0", "platform": "linux/amd64"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*one) for one in groups]}
    for group, version in [("", "v1"), *groups]:
        here = [one for one in served if (one.group, one.version) == (group, version)]
        if path == here[0].root:
            resources = [_resource(one) for one in here]
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": here[0].api, "resources": resources}
    return None


def _group(group: str, version: str) -> dict[str, Any]:
    known = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [known], "preferredVersion": known}


def _resource(one: Resource) -> dict[str, Any]:
    named = {"name": one.plural, "singularName": one.kind.lower(), "kind": one.kind}
    return {**named, "namespaced": one.namespaced, "verbs": VERBS}
