"""The embedded origin as a Deployment: something to load, and to watch an autoscaler on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loadtests.errors import InputError
from loadtests.units import show_bitrate
from surgecast.manifests.objects import Object, chosen, container, labels, made, pod, resources, spread

NAME: Final = "surgecast-stage"
PORT: Final = 8800
GRACE: Final = 15
"""Seconds: five in which the node serves while others hear that it goes, two of its own, and room (assumed)."""
MONITORING: Final = "monitoring"
"""Namespace that Prometheus is assumed to run in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """How the origin runs; capacity is per node, as `surgecast stage` takes it."""

    image: str
    namespace: str
    nodes: int = 2
    most: int = 6
    """Nodes that the autoscaler may go to; as many as ``nodes`` for no autoscaler."""
    egress: float | None = 120e6
    """bit/s; the bundled scenario's."""
    rps: float | None = 1500.0
    cpu: int = 60
    """Per cent of the CPU asked for that the autoscaler keeps to (assumed)."""


def stage_url(namespace: str) -> str:
    """What viewers in the cluster watch."""
    return f"http://{NAME}.{namespace}.svc.cluster.local:{PORT}/live/master.m3u8"


def render_stage(settings: StageSettings) -> list[Object]:
    """Deployment, Service, autoscaler, disruption budget and who may ask it."""
    if not 1 <= settings.nodes <= settings.most:
        raise InputError(
            f"stage: expected at least one node and no more than the most, found {settings.nodes} of {settings.most}",
            hint="raise the most",
        )
    service = made("Service", NAME, settings.namespace, "stage")
    service["spec"] = {
        "selector": chosen("stage")["matchLabels"],
        "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}],
    }
    budget = made("PodDisruptionBudget", NAME, settings.namespace, "stage")
    budget["spec"] = {"maxUnavailable": 1, "selector": chosen("stage")}
    scaled = settings.most > settings.nodes
    return [service, _deployment(settings), budget, *([_autoscaler(settings)] if scaled else []), _policy(settings)]


def _deployment(settings: StageSettings) -> Object:
    declared = ["--egress", show_bitrate(settings.egress)] if settings.egress else []
    declared += ["--rps", f"{settings.rps:g}"] if settings.rps else []
    command = ["python", "-m", "loadtests.staging", "--host", "0.0.0.0", "--port", str(PORT), *declared]
    node = container("node", settings.image, command, resources("500m", 128 * 2**20, 512 * 2**20), {})
    node["ports"] = [{"name": "http", "containerPort": PORT, "protocol": "TCP"}]
    health = {"httpGet": {"path": "/healthz", "port": "http"}}
    node["startupProbe"] = {**health, "periodSeconds": 1, "failureThreshold": 60}
    node["readinessProbe"] = {**health, "periodSeconds": 2, "failureThreshold": 2}
    node["livenessProbe"] = {**health, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6}
    node["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", "5"]}}}
    template = pod(labels("stage"), [node], [], GRACE)
    template["spec"]["topologySpreadConstraints"] = spread(chosen("stage"))
    deployment = made("Deployment", NAME, settings.namespace, "stage")
    replicas = {} if settings.most > settings.nodes else {"replicas": settings.nodes}  # else the autoscaler's
    deployment["spec"] = {
        **replicas,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": chosen("stage"),
        "template": template,
    }
    return deployment


def _autoscaler(settings: StageSettings) -> Object:
    scaler = made("HorizontalPodAutoscaler", NAME, settings.namespace, "stage")
    scaler["spec"] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
        "minReplicas": settings.nodes,
        "maxReplicas": settings.most,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": settings.cpu}},
            }
        ],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
    }
    return scaler


def _policy(settings: StageSettings) -> Object:
    policy = made("NetworkPolicy", NAME, settings.namespace, "stage")
    watchers: list[Object] = [{"podSelector": chosen(role)} for role in ("master", "worker", "probe")]
    watchers.append({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": MONITORING}}})
    policy["spec"] = {
        "podSelector": chosen("stage"),
        "policyTypes": ["Ingress"],
        "ingress": [{"from": watchers, "ports": [{"port": PORT, "protocol": "TCP"}]}],
    }
    return policy
