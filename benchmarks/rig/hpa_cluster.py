"""A real HPA controller, driven by an external metric that this process serves, and watched as it decides.

    this process ◄── aggregator of the API server ◄── HPA controller (each sync asks once)
         └── reads the Deployment's replicas at that moment: a sync, whose decision the next one finds

The API server must reach this machine. Nothing of it was tried on a real cluster by us.
"""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from advisor.autoscale.behavior import Behavior, Policy, Rules
from advisor.autoscale.hpa import Hpa, Metric
from advisor.cluster.server import Request, Server, connect
from benchmarks.proof.certificate import self_signed
from benchmarks.rig.external_metric import GROUP, METRIC, VERSION, serving
from benchmarks.rig.hpa_decisions import Difference, Sync, differences
from loadtests.errors import InputError
from surgecast.applying.kinds import KINDS, NAMESPACE, Kind
from surgecast.applying.writer import Writer, plain

SERVICE: Final = Kind("", "v1", "services", "Service")
AGGREGATED: Final = Kind("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)
DEPLOYMENT, HPA = (
    next(kind for kind in KINDS if kind.kind == name) for name in ("Deployment", "HorizontalPodAutoscaler")
)
NAME: Final = "surgecast-hpa"
REGISTERED: Final = f"{VERSION}.{GROUP}"
PATIENCE: Final = 120.0
"""Seconds until the aggregator reaches us, and until the controller asks for the first time (assumed)."""
SPEC: Final = Hpa(
    (Metric("average_value", 10_000),),
    max_replicas=30,
    min_replicas=2,
    behavior=Behavior(
        Rules((Policy("Pods", 4, 40.0), Policy("Percent", 100, 40.0))),
        Rules((Policy("Percent", 50, 40.0),), stabilisation=50.0),
    ),
)
"""No period is a multiple of the sync's 15 s: there a millisecond would decide, in the controller too."""
COURSE: Final = ((0.0, 40_000), (60.0, 400_000), (210.0, 90_000), (330.0, 93_000), (390.0, 5_000))
"""From so many seconds on, the metric in thousandths: calm, a surge past the maximum, down, within tolerance, out."""


def value_at(seconds: float) -> int:
    """Of the metric."""
    return next(value for begin, value in reversed(COURSE) if seconds >= begin)


@dataclass(slots=True)
class Watched:
    """What was seen of a controller."""

    version: tuple[int, int]
    syncs: list[Sync] = field(default_factory=list)

    def differences(self) -> tuple[Difference, ...]:
        """From the simulator."""
        return differences(SPEC, self.syncs, self.version)


def watched(kubeconfig: Path | None, seconds: float, advertise: str = "") -> Watched:
    """Drive the controller for so long; InputError where that cannot be done, with what is missing."""
    if kubeconfig is None:
        hint = "--real FILE, or SURGECAST_TEST_KUBECONFIG; a throwaway cluster"
        raise InputError("no kubeconfig was named, so there is no real HPA controller to drive", hint=hint)
    try:
        context = str(yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["current-context"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"{kubeconfig}: no kubeconfig with a current context: {error}", hint="name another") from error
    server = connect(context, kubeconfig)
    writer = Writer(server, f"{NAME}-{uuid.uuid4().hex[:8]}")
    there = writer.read(AGGREGATED, REGISTERED)
    if there is not None:
        owner = plain(str((there.get("spec") or {}).get("service")))
        raise InputError(
            f"context {context} has an external metrics API already ({owner}), which would be taken over",
            hint="use a cluster without KEDA and without an adapter for external metrics",
        )
    found = Watched(_version(server))
    with driven(writer, found, advertise or _own_address(server)):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(1.0)
    return found


@contextmanager
def driven(writer: Writer, found: Watched, host: str, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Everything in place and the controller asking; all of it gone in the end."""

    def asked() -> int:
        live = writer.read(DEPLOYMENT, NAME)
        now = clock()
        value = value_at(now - (found.syncs[0].at if found.syncs else now))
        if live is not None:
            exist = (live.get("status") or {}).get("replicas") or 0
            found.syncs.append(Sync(now, value, int(live["spec"]["replicas"]), exist))
        return value

    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        port = stack.enter_context(serving(host, self_signed(host, Path(folder)), asked))
        for kind, body in objects(writer.namespace, host, port):
            made = writer.create(kind, body, dry=False)
            if kind in (NAMESPACE, AGGREGATED):  # all else goes with the namespace
                stack.callback(_gone, writer, kind, str(made["metadata"]["name"]))
            if kind is AGGREGATED:
                _until(lambda: _available(writer) is None, lambda: f"the aggregator: {_available(writer)}")
        _until(lambda: bool(found.syncs), lambda: f"the HPA controller never asked: {_conditions(writer)}")
        yield


def objects(namespace: str, host: str, port: int) -> list[tuple[Kind, dict[str, Any]]]:
    """In the order in which they are made."""
    labels = {"app.kubernetes.io/name": NAME}
    pod = {"containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    workload = {"replicas": SPEC.min_replicas, "selector": {"matchLabels": labels}, "template": template}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    average = {"type": "AverageValue", "averageValue": f"{SPEC.metrics[0].target}m"}
    scaler = {
        "scaleTargetRef": target,
        "minReplicas": SPEC.min_replicas,
        "maxReplicas": SPEC.max_replicas,
        "metrics": [{"type": "External", "external": {"metric": {"name": METRIC}, "target": average}}],
        "behavior": {"scaleUp": _rules(_behavior().up), "scaleDown": _rules(_behavior().down)},
    }
    behind = {"name": NAME, "namespace": namespace, "port": port}
    api = {"group": GROUP, "version": VERSION, "service": behind, "insecureSkipTLSVerify": True}
    specs: list[tuple[Kind, str, dict[str, Any]]] = [
        (NAMESPACE, namespace, {}),
        (SERVICE, NAME, {"type": "ExternalName", "externalName": host, "ports": [{"port": port}]}),
        (AGGREGATED, REGISTERED, {**api, "groupPriorityMinimum": 100, "versionPriority": 100}),
        (DEPLOYMENT, NAME, workload),
        (HPA, NAME, scaler),
    ]
    return [(kind, _body(kind, name, spec)) for kind, name, spec in specs]


def _body(kind: Kind, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"apiVersion": kind.api, "kind": kind.kind, "metadata": {"name": name}}
    return {**body, "spec": spec} if spec else body


def _behavior() -> Behavior:
    assert SPEC.behavior is not None
    return SPEC.behavior


def _rules(rules: Rules) -> dict[str, Any]:
    policies = [{"type": one.kind, "value": one.value, "periodSeconds": round(one.period)} for one in rules.policies]
    still = round(rules.stabilisation)
    return {"stabilizationWindowSeconds": still, "selectPolicy": rules.select, "policies": policies}


def _available(writer: Writer) -> str | None:
    """Why the aggregator does not reach us; None when it does."""
    found = writer.read(AGGREGATED, REGISTERED) or {}
    for one in (found.get("status") or {}).get("conditions") or ():
        if one.get("type") == "Available":
            return None if one.get("status") == "True" else plain(str(one.get("message")))
    return "it has not said yet"


def _conditions(writer: Writer) -> str:
    found = (writer.read(HPA, NAME) or {}).get("status") or {}
    return plain("; ".join(str(one.get("message")) for one in found.get("conditions") or ())) or "no HPA controller"


def _gone(writer: Writer, kind: Kind, name: str) -> None:
    live = writer.read(kind, name)
    if live is not None:
        writer.server.send(Request("DELETE", kind.path(writer.namespace, name)))


def _until(holds: Callable[[], bool], why: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise InputError(why(), hint="--advertise ADDRESS under which the API server reaches this machine")
        time.sleep(0.2)


def _version(server: Server) -> tuple[int, int]:
    found = server.get("/version")
    digits = ("".join(c for c in str(found.get(part, "")) if c.isdigit()) for part in ("major", "minor"))
    major, minor = (int(one or 0) for one in digits)
    return major, minor


def _own_address(server: Server) -> str:
    """The address that this machine has towards the API server; nothing is sent."""
    url = urlsplit(server.address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((url.hostname or "127.0.0.1", url.port or 443))
        return str(probe.getsockname()[0])
