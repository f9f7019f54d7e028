"""A small cluster for tests: nodes, a workload, its autoscaler and its pods, as the API would send them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
Object = dict[str, Any]


def stamp(seconds: float) -> str:
    """So many seconds after `START`."""
    return (START + timedelta(seconds=round(seconds))).strftime("%Y-%m-%dT%H:%M:%SZ")


def namespace(name: str = "live") -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def node(name: str, region: str = "ap-southeast-3", zone: str = "a", at: float = 0, ready: bool = True) -> Object:
    labels = {"topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": f"{region}{zone}"}
    labels["node.kubernetes.io/instance-type"] = "c7g.4xlarge"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "creationTimestamp": stamp(at)},
        "status": {
            "capacity": {"cpu": "16", "memory": "30251Mi", "pods": "234"},
            "allocatable": {"cpu": "15890m", "memory": "27322Mi", "pods": "234"},
            "conditions": [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": stamp(at)}],
        },
    }


def deployment(
    name: str = "live-origin", replicas: int = 6, ready: int = 6, cpu: str = "4", memory: str = "6Gi"
) -> Object:
    labels = {"app.kubernetes.io/name": name}
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "live", "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "origin", "image": "origin:1", "resources": resources}]},
            },
        },
        "status": {"replicas": replicas, "readyReplicas": ready},
    }


def autoscaler(name: str = "live-origin", target: str = "live-origin", **spec: Any) -> Object:
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "live"},
        "spec": {"scaleTargetRef": reference, "minReplicas": 4, "maxReplicas": 40, "metrics": [cpu]} | spec,
        "status": {"currentReplicas": 6, "desiredReplicas": 6, "conditions": [], "currentMetrics": []},
    }


def disruption(name: str = "live-origin", allowed: int = 1, **spec: Any) -> Object:
    counts = {"currentHealthy": 6, "desiredHealthy": 5, "expectedPods": 6, "disruptionsAllowed": allowed}
    selector = {"selector": {"matchLabels": {"app.kubernetes.io/name": "live-origin"}}}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "live"},
        "spec": selector | (spec or {"maxUnavailable": 1}),
        "status": counts,
    }


def quota(**hard: str) -> Object:
    named = {key.replace("_", "."): value for key, value in hard.items()}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "compute", "namespace": "live"},
        "spec": {"hard": named},
        "status": {"hard": named, "used": dict.fromkeys(named, "6")},
    }


def pod(
    name: str, on: str, created: float = 0, *, scheduled: float = 0, started: float = 0, ready: float = 0
) -> Object:
    """Moments are seconds after its creation, each after the one before."""
    moments = {"PodScheduled": scheduled, "Ready": scheduled + started + ready}
    state = {"running": {"startedAt": stamp(created + scheduled + started)}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "live",
            "uid": f"uid-of-{name}",
            "labels": {"app.kubernetes.io/name": "live-origin"},
            "creationTimestamp": stamp(created),
        },
        "spec": {"nodeName": on, "containers": [{"name": "origin", "image": "origin:1"}]},
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": stamp(created + seconds)}
                for kind, seconds in moments.items()
            ],
            "containerStatuses": [
                {
                    "name": "origin",
                    "image": "origin:1",
                    "imageID": "x",
                    "ready": True,
                    "restartCount": 0,
                    "state": state,
                }
            ],
        },
    }


def event(reason: str, about: str, at: float, uid: str = "", message: str = "") -> Object:
    kind, _, name = about.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason.lower()}.{at:g}", "namespace": "live"},
        "involvedObject": {"kind": kind, "name": name, "namespace": "live", "uid": uid or f"uid-of-{name}"},
        "reason": reason,
        "message": message,
        "type": "Normal",
        "count": 1,
        "firstTimestamp": stamp(at),
        "lastTimestamp": stamp(at),
    }


def usage(name: str) -> Object:
    container = {"name": "origin", "usage": {"cpu": "1200m", "memory": "2Gi"}}
    return {
        "apiVersion": "metrics.k8s.io/v1beta1",
        "kind": "PodMetrics",
        "metadata": {"name": name, "namespace": "live"},
        "timestamp": stamp(0),
        "window": "30s",
        "containers": [container],
    }


def small() -> list[Object]:
    """Three nodes in two zones of Jakarta, six pods, an HPA on CPU."""
    names = [f"live-origin-5d4f-abcd{i}" for i in range(6)]
    return [
        namespace(),
        *(node(f"node-{i}", zone="ab"[i % 2], at=-86400) for i in range(3)),
        deployment(),
        autoscaler(),
        disruption(),
        quota(pods="20", requests_cpu="60"),
        *(pod(name, f"node-{i % 3}") for i, name in enumerate(names)),
        *(usage(name) for name in names),
    ]
