"""One look at a cluster: a list of each kind, and an excuse for each that could not be had. It only lists.

k8s/rbac/reader.yaml grants what stands in `KINDS`, and nothing more; a test compares the two with what is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from advisor.cluster import parsing
from advisor.cluster.prometheus import Prometheus, busiest
from advisor.cluster.server import Refused, Server
from advisor.cluster.snapshot import Cluster, Usage
from advisor.models import Excuse
from advisor.texts import say
from loadtests.region import Frozen

UNREACHABLE, UNKNOWN, FORBIDDEN, ABSENT, UNAVAILABLE = 0, 401, 403, 404, 503


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object that is listed, and the field of the snapshot that it fills."""

    field: str
    group: str
    version: str
    plural: str
    namespaced: bool
    parse: Callable[[Any], Frozen]
    kind: str = ""
    """Told to the parser: objects in a list do not say it themselves."""

    @property
    def resource(self) -> str:
        """As RBAC and kubectl name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str) -> str:
        """Of the list."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{namespace}/{self.plural}" if self.namespaced else f"{root}/{self.plural}"


KINDS: Final = (
    Kind("nodes", "", "v1", "nodes", False, parsing.node),
    Kind("workloads", "apps", "v1", "deployments", True, parsing.workload, "Deployment"),
    Kind("workloads", "apps", "v1", "statefulsets", True, parsing.workload, "StatefulSet"),
    Kind("autoscalers", "autoscaling", "v2", "horizontalpodautoscalers", True, parsing.autoscaler),
    Kind("scaled", "keda.sh", "v1alpha1", "scaledobjects", True, parsing.scaled),
    Kind("node_pools", "karpenter.sh", "v1", "nodepools", False, parsing.node_pool),
    Kind("node_claims", "karpenter.sh", "v1", "nodeclaims", False, parsing.node_claim),
    Kind("disruptions", "policy", "v1", "poddisruptionbudgets", True, parsing.disruption),
    Kind("quotas", "", "v1", "resourcequotas", True, parsing.quota),
    Kind("pods", "", "v1", "pods", True, parsing.pod),
    Kind("usage", "metrics.k8s.io", "v1beta1", "pods", True, parsing.usage),
    Kind("events", "", "v1", "events", True, parsing.event),
)
CUSTOM: Final = {"keda.sh": "KEDA", "karpenter.sh": "Karpenter"}
"""Who brings a kind that Kubernetes has not got of itself."""


def read(
    server: Server,
    namespace: str,
    region: str | None = None,
    now: datetime | None = None,
    prometheus: Prometheus | None = None,
) -> Cluster:
    """The snapshot. Where the server cannot be reached or does not know who asks, it holds that excuse alone."""
    told: dict[str, Any] = {
        "context": server.context,
        "server": server.address,
        "namespace": namespace,
        "region": region,
    }
    told |= {"read_at": now or datetime.now(UTC)}
    try:
        version = str(server.get("/version").get("gitVersion", ""))
    except Refused as refused:
        everything = tuple(sorted({kind.field for kind in KINDS}))
        return Cluster.model_validate(told | {"excuses": (_closed(server, refused),), "missing": everything})
    found: dict[str, tuple[Frozen, ...]] = {}
    excuses: list[Excuse] = []
    missing: set[str] = set()
    for kind in KINDS:
        answer = _list(server, kind, namespace)
        if isinstance(answer, Excuse):
            excuses.append(answer)
            missing.add(kind.field)
        else:
            found[kind.field] = (*found.get(kind.field, ()), *answer[0])
            excuses += answer[1]
    if prometheus is not None:
        peaks = _peaks(server, prometheus, namespace)
        if isinstance(peaks, Excuse):
            excuses.append(peaks)
            missing.add("peaks")
        else:
            found["peaks"] = peaks
    if not found.get("workloads") and (excuse := _namespace(server, namespace)):
        excuses.append(excuse)
    return Cluster.model_validate(
        {**told, **found, "version": version, "excuses": tuple(excuses), "missing": tuple(sorted(missing))}
    )


def _list(server: Server, kind: Kind, namespace: str) -> tuple[tuple[Frozen, ...], list[Excuse]] | Excuse:
    """The objects of a kind and those of them that cannot be understood, or why there is no list."""
    found: list[Frozen] = []
    strange: list[str] = []
    try:
        for one in server.items(kind.path(namespace)):
            try:
                found.append(kind.parse({**one, "kind": kind.kind} if kind.kind else one))
            except (ValueError, KeyError, TypeError, AttributeError):
                strange.append(str((one.get("metadata") or {}).get("name", "?")))
    except Refused as refused:
        return _refused(server, kind, namespace, refused)
    if not strange:
        return tuple(found), []
    values = {"resource": kind.resource, "names": ", ".join(strange[:3]), "count": str(len(strange))}
    return tuple(found), [_excuse(server, "strange", **values)]


def _refused(server: Server, kind: Kind, namespace: str, refused: Refused) -> Excuse:
    where = namespace if kind.namespaced else "*"
    values = {"resource": kind.resource, "namespace": where}
    match refused.status:
        case 403:
            return _excuse(server, "forbidden", verb="list", **values)
        case 404 | 503 if kind.group == "metrics.k8s.io":
            return _excuse(server, "no_metrics", **values)
        case 404 if kind.group in CUSTOM:
            return _excuse(server, "no_crd", product=CUSTOM[kind.group], **values)
        case 404:
            return _excuse(server, "no_api", version=f"{kind.group}/{kind.version}".lstrip("/"), **values)
        case _:
            return _excuse(server, "failed", status=str(refused.status), why=str(refused)[:200], **values)


def _peaks(server: Server, prometheus: Prometheus, namespace: str) -> tuple[Usage, ...] | Excuse:
    try:
        return busiest(server, prometheus, namespace)
    except Refused as refused:
        where = prometheus.namespace
        if refused.status == FORBIDDEN and refused.answer.get("kind") == "Status":
            return _excuse(server, "forbidden", verb="get", resource="services/proxy", namespace=where)
        why = f"{refused.status}, {str(refused)[:200]}" if refused.status else str(refused)[:200]
        return _excuse(server, "prometheus", namespace=where, service=prometheus.service, why=why)


def _namespace(server: Server, namespace: str) -> Excuse | None:
    """That there are no workloads because there is no such namespace."""
    try:
        server.get(f"/api/v1/namespaces/{namespace}")
    except Refused as refused:
        if refused.status == ABSENT:
            return _excuse(server, "no_namespace", namespace=namespace)
        if refused.status == FORBIDDEN:
            return _excuse(server, "forbidden", verb="get", resource="namespaces", namespace=namespace)
    return None


def _closed(server: Server, refused: Refused) -> Excuse:
    if refused.status == UNKNOWN:
        return _excuse(server, "unauthenticated")
    if refused.status == FORBIDDEN:
        return _excuse(server, "forbidden", verb="get", resource="/version", namespace="*")
    return _excuse(server, "unreachable", address=server.address, why=str(refused)[:200])


def _excuse(server: Server, key: str, **values: str) -> Excuse:
    return Excuse(
        about=server.context,
        reason=say(f"cluster_{key}", context=server.context, **values),
        remedy=say(f"remedy_cluster_{key}", context=server.context, **values),
    )
