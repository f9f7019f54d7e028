"""What changes something in the double: create, update, server-side apply, delete; each of them also as a dry run."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.cluster.api import NOW, Api, Query, Resource, Status, validate
from tests.cluster.managed import Conflicts, Object, Owner, Place, applied, owned, updated

if TYPE_CHECKING:
    from tests.cluster.api import Handler

APPLY = "application/apply-patch+yaml"
DEFAULTS: dict[str, Object] = {"Deployment": {"progressDeadlineSeconds": 600, "revisionHistoryLimit": 10}}
"""Some of what Kubernetes adds."""


def change(
    handler: Handler, verb: str, resource: Resource, place: tuple[str, str], query: Query, body: Object
) -> tuple[int, Object]:
    """Status and answer; the whole of it under one lock, as etcd would have it."""
    api, (namespace, name) = handler.api, place
    with api.lock:
        api.meanwhile(verb, resource.name, query.dry or body.get("dryRun") == ["All"])
        if verb == "delete":
            return 200, delete(api, resource, namespace, name, body)
        if resource.namespaced:
            _namespace(api, namespace)
        live = api.objects.get((resource.name, namespace, name or body["metadata"]["name"]))
        if verb == "patch":
            if handler.headers["Content-Type"] != APPLY:
                raise Status(415, "UnsupportedMediaType", "the double knows server-side apply only")
            if live is None:
                handler.allow("create", resource)
            made = _apply(resource, live, body, query)
        else:
            made = _write(resource, live, body, query, verb)
        made = _finished(resource, live, made, namespace)
        if not query.dry and made != live:
            api.put(resource, namespace, made)
            if resource.plural == "customresourcedefinitions":
                api.absent.discard(made["spec"]["group"])
        return 201 if live is None else 200, deepcopy(made)


def _namespace(api: Api, namespace: str) -> None:
    if ("namespaces", "", namespace) not in api.objects:
        details = {"name": namespace, "kind": "namespaces"}
        raise Status(404, "NotFound", f'namespaces "{namespace}" not found', details=details)


def _apply(resource: Resource, live: Object | None, body: Object, query: Query) -> Object:
    version = body["metadata"].get("resourceVersion")
    if live is None and version:
        raise _late(resource, body)
    if live is not None and version not in (None, live["metadata"]["resourceVersion"]):
        raise _late(resource, body)
    try:
        return applied(deepcopy(live), body, query.manager, query.force, NOW)
    except Conflicts as conflicts:
        raise _conflict(body, conflicts.found) from conflicts


def _write(resource: Resource, live: Object | None, body: Object, query: Query, verb: str) -> Object:
    if verb == "create" and live is not None:
        raise Status(409, "AlreadyExists", f'{resource.name} "{body["metadata"]["name"]}" already exists')
    if verb == "update":
        if live is None:
            name = body["metadata"]["name"]
            details = {"name": name, "kind": resource.plural}
            raise Status(404, "NotFound", f'{resource.name} "{name}" not found', details=details)
        meta = live["metadata"]
        if "resourceVersion" not in body["metadata"]:
            raise Status(422, "Invalid", "metadata.resourceVersion: Invalid value: 0: must be specified for an update")
        if any(body["metadata"].get(key, meta[key]) != meta[key] for key in ("resourceVersion", "uid")):
            raise _late(resource, body)
    return updated(deepcopy(live), body, query.manager, NOW)


def _finished(resource: Resource, live: Object | None, made: Object, namespace: str) -> Object:
    """Defaults, what cannot be changed, the schema, the server's own metadata."""
    for key, value in DEFAULTS.get(resource.kind, {}).items():
        made["spec"].setdefault(key, value)
    if resource.kind == "PriorityClass" and live is not None and live["value"] != made["value"]:
        raise Status(422, "Invalid", "PriorityClass is invalid: value: Forbidden: may not be changed in an update.")
    validate(resource, made)
    meta = made["metadata"]
    meta.setdefault("uid", f"uid-tried-{meta['name']}")
    meta.setdefault("creationTimestamp", NOW)
    if namespace:
        meta["namespace"] = namespace
    was = owned(live) if live is not None else {}
    old = live["metadata"].get("generation", 1) if live is not None else 0
    meta["generation"] = old if live is not None and was == owned(made) else old + 1
    return made


def delete(api: Api, resource: Resource, namespace: str, name: str, options: Object) -> Object:
    """With its preconditions."""
    live = api.find(resource, namespace, name)
    wanted = options.get("preconditions") or {}
    if any(live["metadata"][key] != value for key, value in wanted.items()):
        raise Status(409, "Conflict", "Precondition failed: resourceVersion or UID")
    if options.get("dryRun") != ["All"]:
        api.drop(resource, namespace, name)
        if resource.plural == "customresourcedefinitions":
            api.absent.add(live["spec"]["group"])
    details = {"name": name, "group": resource.group, "kind": resource.plural, "uid": live["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _late(resource: Resource, body: Object) -> Status:
    name = body["metadata"]["name"]
    message = f'Operation cannot be fulfilled on {resource.name} "{name}": the object has been modified; '
    message += "please apply your changes to the latest version and try again"
    return Status(409, "Conflict", message, details={"name": name, "kind": resource.plural})


def _conflict(body: Object, found: list[tuple[Place, Owner]]) -> Status:
    causes: list[dict[str, Any]] = []
    for place, owner in found:
        using = f" using {body['apiVersion']}" if owner.operation == "Update" else ""
        path = "".join(f"[{word[2:]}]" if word.startswith("k:") else f".{word[2:]}" for word in place)
        told = f'conflict with "{owner.manager}"{using}'
        causes.append({"reason": "FieldManagerConflict", "message": told, "field": path})
    message = f"Apply failed with {len(causes)} conflict{'s' if len(causes) != 1 else ''}: {causes[0]['message']}"
    return Status(409, "Conflict", f"{message}: {causes[0]['field']}", details={"causes": causes})
