"""What the double says of itself: versions, groups, resources, and as much OpenAPI as kubectl asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.cluster.api import Resource

VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
PARAMETERS = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")]


def answer(path: str, served: Sequence[Resource]) -> dict[str, Any] | None:
    """The document at a path; None where there is none."""
    groups = sorted({(one.group, one.version) for one in served if one.group})
    if path == "/version":
        return {"major": "1", "minor": "34", "gitVersion": "v1.34.0", "platform": "linux/amd64"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*one) for one in groups]}
    if path == "/openapi/v3":
        roots = sorted({one.root for one in served})
        return {"paths": {root[1:]: {"serverRelativeURL": f"/openapi/v3{root}?hash=1"} for root in roots}}
    if path.startswith("/openapi/v3/"):
        return _openapi([one for one in served if one.root == path.removeprefix("/openapi/v3")])
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


def _openapi(here: Sequence[Resource]) -> dict[str, Any]:
    paths = {}
    for one in here:
        named = {"group": one.group, "version": one.version, "kind": one.kind}
        patch = {"x-kubernetes-group-version-kind": named, "parameters": PARAMETERS, "x-kubernetes-action": "patch"}
        place = "namespaces/{namespace}/" if one.namespaced else ""
        paths[f"{one.root}/{place}{one.plural}/{{name}}"] = {"patch": {**patch, "responses": {}}}
    return {"openapi": "3.0.0", "info": {"title": "double", "version": "1"}, "paths": paths}
