"""Where the same tests run: against the double, and against the API server that a kubeconfig reaches.

``SURGECAST_TEST_KUBECONFIG`` is the switch, docs/applying.md tells of it: its current context is used, and gets a
namespace of its own, which is deleted at the end; so are definitions of custom resources that had to be made for it.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor.cluster.server import Refused, Request, Server, connect
from surgecast.applying.kinds import KINDS, Kind
from surgecast.applying.writer import Writer
from tests.cluster.api import Api, kubeconfig, serving

SWITCH = "SURGECAST_TEST_KUBECONFIG"
PATIENCE = 60.0
"""Seconds until a definition is served, or an object that has finalizers is gone (assumed)."""
PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True)
class Place:
    """An API server, and a namespace there that is ours."""

    kubeconfig: Path
    context: str
    namespace: str
    workload: str
    server: Server = field(repr=False)

    @property
    def writer(self) -> Writer:
        return Writer(self.server, self.namespace)

    @property
    def words(self) -> list[str]:
        """For the command line."""
        return ["--kubeconfig", str(self.kubeconfig), "--context", self.context]


@contextmanager
def double(folder: Path) -> Iterator[Place]:
    """Without any custom resource, until its definition is made."""
    api = Api(absent={one.group for one in KINDS if one.product}, token="")
    with serving(api) as address:
        file = kubeconfig(folder, address, "jakarta", namespace="default")
        yield from _prepared(file, connect("jakarta", file))


@contextmanager
def real(_: Path) -> Iterator[Place]:
    """As the switch says; skipped where it says nothing."""
    named = os.environ.get(SWITCH)
    if not named:
        pytest.skip(f"{SWITCH} is not set: no real API server to try it on (docs/applying.md)")
    context = str(yaml.safe_load(Path(named).read_text(encoding="utf-8"))["current-context"])
    yield from _prepared(Path(named), connect(context, Path(named)))


def _prepared(file: Path, server: Server) -> Iterator[Place]:
    name = f"surgecast-test-{uuid.uuid4().hex[:8]}"
    made: list[str] = []
    try:
        for kind in KINDS:
            if kind.product and not _served(server, kind):
                server.send(Request("POST", DEFINITIONS, {}, _definition(kind)))
                made.append(f"{DEFINITIONS}/{kind.resource}")
        server.send(Request("POST", "/api/v1/namespaces", {}, _namespace(name)))
        made.append(f"/api/v1/namespaces/{name}")
        until(lambda: all(_served(server, kind) for kind in KINDS))
        yield Place(file, server.context, name, name, server)
    finally:
        for path in [f"{PRIORITIES}/{name}-placeholder", *reversed(made)]:
            _delete(server, path)


def _delete(server: Server, path: str) -> None:
    """If it is there; a definition has to be gone before another is made, a namespace goes in its own time."""
    if _answers(server, path):
        server.send(Request("DELETE", path))
    if path.startswith(DEFINITIONS):
        until(lambda: not _answers(server, path))


def _served(server: Server, kind: Kind) -> bool:
    return _answers(server, kind.path("default"))


def _answers(server: Server, path: str) -> bool:
    try:
        server.get(path)
    except Refused as refused:
        if refused.status != 404:
            raise
        return False
    return True


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _definition(kind: Kind) -> dict[str, Any]:
    """Of a custom resource that nobody acts on: any spec."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}}
    served = {"name": kind.version, "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    names = {"plural": kind.plural, "singular": kind.kind.lower(), "kind": kind.kind}
    meta: dict[str, Any] = {"name": kind.resource}
    if kind.group.endswith(".k8s.io"):  # a group of Kubernetes' own asks where its definition was agreed upon
        meta["annotations"] = {"api-approved.kubernetes.io": "unapproved, for a test"}
    spec = {"group": kind.group, "scope": "Namespaced" if kind.namespaced else "Cluster", "names": names}
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta}
    return {**head, "spec": {**spec, "versions": [served]}}


def until(holds: Any) -> None:
    """Wait for what a real server does in its own time."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s"
        time.sleep(0.1)
