"""What many manifests have in common: names, labels, and pods that may do as little as possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object, or a part of one, as YAML holds it."""

RUN: Final = "surgecast/run"
REGION: Final = "surgecast/region"
ROLE: Final = "app.kubernetes.io/component"
FILE: Final = "surgecast/file"
"""Annotation: in which file of a folder an object is kept."""
VOLUME: Final = "surgecast/volume"
"""On pods that mount the volume: they have to share a node while it is attached to one."""
USER: Final = 10001
"""Of the image; the volume is given to its group."""
ACCOUNT: Final = "surgecast"
LOCUSTFILE: Final = "/opt/surgecast/locustfile.py"
"""Where the image has it."""


def labels(role: str, *, run: str = "", region: str = "") -> dict[str, str]:
    """Kubernetes' recommended labels, and ours."""
    ours = {RUN: run, REGION: region}
    return {
        "app.kubernetes.io/name": "surgecast",
        ROLE: role,
        "app.kubernetes.io/part-of": "surgecast",
        **{key: value for key, value in ours.items() if value},
    }


def chosen(role: str, *, run: str = "") -> Object:
    """A selector of the pods of one role."""
    return {"matchLabels": {"app.kubernetes.io/name": "surgecast", ROLE: role, **({RUN: run} if run else {})}}


def made(kind: str, name: str, namespace: str, role: str, *, run: str = "", region: str = "") -> Object:
    """The head of an object; what it is follows."""
    versions = {
        "Job": "batch/v1",
        "CronJob": "batch/v1",
        "Deployment": "apps/v1",
        "NetworkPolicy": "networking.k8s.io/v1",
        "PodDisruptionBudget": "policy/v1",
        "HorizontalPodAutoscaler": "autoscaling/v2",
        "ServiceMonitor": "monitoring.coreos.com/v1",
    }
    metadata: Object = {"name": name, "namespace": namespace, "labels": labels(role, run=run, region=region)}
    return {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": metadata}


def container(name: str, image: str, command: Sequence[str], resources: Object, mounts: Mapping[str, str]) -> Object:
    """A container that may write to its mounts and to /tmp, and has no privileges."""
    found = [{"name": volume, "mountPath": path} for volume, path in mounts.items()]
    for mount in found:
        if mount["mountPath"].startswith("/etc/"):
            mount["readOnly"] = True  # type: ignore[assignment]
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "env": [{"name": "HOME", "value": "/tmp"}, {"name": "PYTHONUNBUFFERED", "value": "1"}],  # noqa: S108
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *found],  # noqa: S108
    }


def resources(cpu: str, memory: int, most: int, disk: str = "64Mi") -> Object:
    """Requests and limits; memory in bytes.

    No limit of CPU: the kernel would keep it by stopping the process for the rest of each 100 ms, and a generator that
    is stopped is late.
    """
    return {
        "requests": {"cpu": cpu, "memory": f"{memory // 2**20}Mi", "ephemeral-storage": disk},
        "limits": {"memory": f"{most // 2**20}Mi", "ephemeral-storage": "256Mi"},
    }


def pod(of: Mapping[str, str], containers: Sequence[Object], volumes: Sequence[Object], grace: int) -> Object:
    """A pod template with labels: no user but ours, no token, the runtime's own seccomp profile."""
    return {
        "metadata": {"labels": dict(of)},
        "spec": {
            "serviceAccountName": ACCOUNT,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": grace,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": list(containers),
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "128Mi"}}, *volumes],
        },
    }


def spread(selector: Object) -> list[Object]:
    """Over nodes as evenly as can be, and all the same where it cannot."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": selector,
        }
    ]
