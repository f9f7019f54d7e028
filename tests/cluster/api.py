"""An API server that speaks Kubernetes' wire format over HTTP on loopback: reads, watches, changes and refusals.

Objects are validated against Kubernetes' own schemas. Every request is recorded as RBAC sees it: verb, resource.
What changes something is in `tests.cluster.changes`, who owns a field in `tests.cluster.managed`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import jsonschema
import kubernetes_validate
import yaml

VERSION: Final = "1.34"
TOKEN: Final = "loopback-token"
NOW: Final = "2026-11-27T10:00:00Z"
SCHEMAS: Final = Path(__file__).parents[1] / "exports/schemas"
"""Of custom resources."""


class Resource(NamedTuple):
    """One kind as it is served."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api(self) -> str:
        """``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """Where its version is served."""
        return f"/apis/{self.api}" if self.group else f"/api/{self.version}"

    @property
    def name(self) -> str:
        """As RBAC names it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


SERVED: Final = (
    Resource("", "v1", "namespaces", "Namespace", namespaced=False),
    Resource("", "v1", "nodes", "Node", namespaced=False),
    Resource("", "v1", "pods", "Pod"),
    Resource("", "v1", "events", "Event"),
    Resource("", "v1", "resourcequotas", "ResourceQuota"),
    Resource("", "v1", "configmaps", "ConfigMap"),
    Resource("", "v1", "services", "Service"),
    Resource("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False),
    Resource("apps", "v1", "deployments", "Deployment"),
    Resource("apps", "v1", "statefulsets", "StatefulSet"),
    Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False),
    Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject"),
    Resource("karpenter.sh", "v1", "nodepools", "NodePool", namespaced=False),
    Resource("karpenter.sh", "v1", "nodeclaims", "NodeClaim", namespaced=False),
    Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False),
    Resource("autoscaling.x-k8s.io", "v1beta1", "capacitybuffers", "CapacityBuffer"),
    Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics"),
)
UNVALIDATED: Final = ("keda.sh", "karpenter.sh", "autoscaling.x-k8s.io", "metrics.k8s.io")


class Status(Exception):  # noqa: N818 - an answer
    """A refusal with its Status body."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.headers = code, dict(headers or {})
        self.body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        self.body |= {"message": message, "reason": reason, "code": code}
        self.body |= {"details": dict(details)} if details else {}


@dataclass
class Api:
    """What it holds, whom it refuses, and what was asked of it."""

    objects: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    """By resource, namespace (empty for the cluster's own) and name."""
    forbidden: set[tuple[str, str]] = field(default_factory=set)
    """Verb and resource."""
    absent: set[str] = field(default_factory=set)
    """Groups that are not served."""
    refusals: list[Status] = field(default_factory=list)
    """What the next requests for lists are answered with, one each."""
    expire: int = 0
    """How many ``continue`` tokens are gone (410)."""
    services: dict[tuple[str, str], str] = field(default_factory=dict)
    """Where those are that it is a proxy for, by namespace and ``NAME:PORT``."""
    token: str = TOKEN
    """Empty: whoever comes is known. kubectl sends no token without TLS."""
    page: int = 500
    asked: list[tuple[str, str]] = field(default_factory=list)
    revision: int = 1
    lock: threading.RLock = field(default_factory=threading.RLock)
    told: list[dict[str, Any]] = field(default_factory=list)
    """Every JSON document that was sent."""
    history: list[tuple[int, str, str, dict[str, Any]]] = field(default_factory=list)
    """Revision, resource, namespace, watch event."""
    meanwhile: Callable[[str, str, bool], None] = lambda _verb, _resource, _dry: None
    """Called with each request to change something, before it is looked at: somebody else may do something."""

    def add(self, *objects: Mapping[str, Any]) -> None:
        """Put objects there as they are, status included."""
        for one in objects:
            resource = next(r for r in SERVED if (r.api, r.kind) == (one["apiVersion"], one["kind"]))
            namespace = one["metadata"].get("namespace", "default") if resource.namespaced else ""
            self.put(resource, namespace, deepcopy(dict(one)))

    def put(self, resource: Resource, namespace: str, one: dict[str, Any]) -> None:
        """Store an object; 422 when Kubernetes would not take it."""
        validate(resource, one)
        with self.lock:
            meta = one["metadata"]
            meta.setdefault("uid", f"uid-{self.revision}")
            meta.setdefault("creationTimestamp", NOW)
            if namespace:
                meta["namespace"] = namespace
            self.revision += 1
            meta["resourceVersion"] = str(self.revision)
            key = resource.name, namespace, meta["name"]
            kind = "MODIFIED" if key in self.objects else "ADDED"
            self.objects[key] = one
            self.history.append((self.revision, resource.name, namespace, {"type": kind, "object": deepcopy(one)}))

    def drop(self, resource: Resource, namespace: str, name: str) -> None:
        """Take an object away."""
        with self.lock:
            self.revision += 1
            gone = self.objects.pop((resource.name, namespace, name))
            gone["metadata"]["resourceVersion"] = str(self.revision)
            self.history.append((self.revision, resource.name, namespace, {"type": "DELETED", "object": gone}))

    def find(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        """One object; 404 when there is none."""
        try:
            return deepcopy(self.objects[resource.name, namespace, name])
        except KeyError:
            details = {"name": name, "kind": resource.plural} | ({"group": resource.group} if resource.group else {})
            raise Status(404, "NotFound", f'{resource.name} "{name}" not found', details=details) from None


class Query(NamedTuple):
    """What a request asks for beside its object."""

    limit: int
    token: str
    selector: str
    watch: bool = False
    since: int = 0
    seconds: float = 1.0
    manager: str = "unknown"
    force: bool = False
    dry: bool = False


def validate(resource: Resource, one: dict[str, Any]) -> None:
    """422 for what Kubernetes would not take."""
    meta = {key: value for key, value in one["metadata"].items() if key not in ("uid", "resourceVersion", "generation")}
    if wrong := _wrong(resource, json.dumps({**one, "metadata": meta})):
        if "dditional properties" in wrong:
            raise Status(400, "BadRequest", f"strict decoding error: {wrong}")
        raise Status(422, "Invalid", f"{resource.kind} is invalid: {wrong}")


@cache
def _wrong(resource: Resource, text: str) -> str:
    """Remembered: the schemas are read anew each time."""
    one = json.loads(text)
    try:
        if resource.group not in UNVALIDATED:
            kubernetes_validate.validate(one, VERSION, strict=True)
        elif (file := SCHEMAS / f"{resource.kind}.yaml").exists():
            schema = yaml.safe_load(file.read_text(encoding="utf-8"))
            schema.pop("apiVersion")
            jsonschema.Draft202012Validator(schema | {"type": "object"}).validate(one["spec"])
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        return str(error.message)
    return ""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    api: Api

    def log_message(self, *_: object) -> None:
        """Silent."""

    def answer(self, code: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """JSON."""
        data = json.dumps(body).encode()
        self.api.told.append(body)
        self.send_response(code)
        head = {"Content-Type": "application/json", "Content-Length": str(len(data))} | dict(headers or {})
        for key, value in head.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self) -> None:
        """Any method."""
        length = int(self.headers.get("Content-Length") or 0)
        self.body: dict[str, Any] = json.loads(self.rfile.read(length)) if length else {}
        try:
            if self.api.token and self.headers.get("Authorization") != f"Bearer {self.api.token}":
                raise Status(401, "Unauthorized", "Unauthorized")  # noqa: TRY301 - one place answers
            self.route()
        except Status as status:
            self.answer(status.code, status.body, status.headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one  # noqa: N815 - the library's names

    def route(self) -> None:
        """To discovery or an object."""
        from tests.cluster import discovery, proxied

        url = urlsplit(self.path)
        served = tuple(one for one in SERVED if one.group not in self.api.absent)
        if (found := discovery.answer(url.path, served)) is not None:
            return self.answer(200, found)
        if (service := proxied.placed(url.path)) is not None:
            return proxied.forward(self, *service, url.query)
        for resource in served:
            if (place := placed(resource, url.path)) is not None:
                return self.serve(resource, *place, self.query(url.query))
        raise Status(404, "NotFound", "the server could not find the requested resource")

    def query(self, text: str) -> Query:
        """The part behind the question mark."""
        got = {key: values[0] for key, values in parse_qs(text).items()}
        return Query(
            min(self.api.page, int(got.get("limit") or self.api.page)),
            got.get("continue", ""),
            got.get("fieldSelector", ""),
            got.get("watch") in ("true", "True", "1"),
            int(got.get("resourceVersion") or 0),
            float(got.get("timeoutSeconds") or 1),
            got.get("fieldManager", "unknown"),
            got.get("force") == "true",
            got.get("dryRun") == "All",
        )

    def allow(self, verb: str, resource: Resource) -> None:
        """403 where the user may not."""
        self.api.asked.append((verb, resource.name))
        if (verb, resource.name) in self.api.forbidden:
            message = f'{resource.name} is forbidden: User "tests" cannot {verb} resource "{resource.plural}" '
            message += f'in API group "{resource.group}"'
            details = {"kind": resource.plural, "group": resource.group}
            raise Status(403, "Forbidden", message, details=details)

    def serve(self, resource: Resource, namespace: str, name: str, query: Query) -> None:
        """By its verb; what changes something is another module's."""
        from tests.cluster import changes

        reads = "get" if name else "watch" if query.watch else "list"
        verb = {"GET": reads, "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[self.command]
        self.allow(verb, resource)
        match verb:
            case "get":
                self.answer(200, self.api.find(resource, namespace, name))
            case "list":
                self.list_page(resource, namespace, query)
            case "watch":
                self.stream(resource, namespace, query)
            case _:
                self.answer(*changes.change(self, verb, resource, (namespace, name), query, self.body))

    def stream(self, resource: Resource, namespace: str, query: Query) -> None:
        """Watch events, a line each, as chunks, until its time is up."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        end, sent = time.monotonic() + query.seconds, query.since
        while time.monotonic() < end:
            for revision, kind, where, event in list(self.api.history):
                if revision > sent and kind == resource.name and where == namespace:
                    line = json.dumps(event).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                    sent = revision
            time.sleep(0.01)
        self.wfile.write(b"0\r\n\r\n")

    def list_page(self, resource: Resource, namespace: str, query: Query) -> None:
        """One page; the token says where the next begins."""
        if self.api.refusals:
            raise self.api.refusals.pop(0)
        if query.token and self.api.expire > 0:
            self.api.expire -= 1
            raise Status(410, "Expired", "The provided continue parameter is too old")
        found = [
            one
            for (kind, where, name), one in sorted(self.api.objects.items())
            if kind == resource.name and (not namespace or where == namespace)
            and (not query.selector or query.selector == f"metadata.name={name}")
        ]  # fmt: skip
        first = int(query.token or 0)
        rest = len(found) - first - query.limit
        meta: dict[str, Any] = {"resourceVersion": str(self.api.revision)}
        if rest > 0:
            meta |= {"continue": str(first + query.limit), "remainingItemCount": rest}
        items = [{k: v for k, v in one.items() if k not in ("kind", "apiVersion")} for one in found]
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api, "metadata": meta}
        self.answer(200, head | {"items": items[first : first + query.limit]})


def placed(resource: Resource, path: str) -> tuple[str, str] | None:
    """Namespace and name of a path of this resource; None when it is another's."""
    if not path.startswith(f"{resource.root}/"):
        return None
    words = path.removeprefix(f"{resource.root}/").split("/")
    if words[0] == resource.plural and len(words) <= 2:
        return "", words[1] if len(words) == 2 else ""
    if len(words) in (3, 4) and words[0] == "namespaces" and words[2] == resource.plural:
        return words[1], words[3] if len(words) == 4 else ""
    return None


@contextmanager
def serving(api: Api) -> Iterator[str]:
    """Its address, for as long as it is served."""
    handler = type("Bound", (Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(folder: Path, address: str, *contexts: str, namespace: str = "live") -> Path:
    """A kubeconfig whose contexts all lead to one server."""
    file = folder / "kubeconfig.yaml"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": contexts[0],
        "clusters": [{"name": "here", "cluster": {"server": address}}],
        "users": [{"name": "tests", "user": {"token": TOKEN}}],
        "contexts": [
            {"name": name, "context": {"cluster": "here", "user": "tests", "namespace": namespace}} for name in contexts
        ],
    }
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    file.chmod(0o600)
    return file
