"""Placeholder pods of low priority: they keep slots free, and give way at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from advisor.exports import Because, Export, Exported
from advisor.models import Excuse

PRIORITY: Final = -10
"""Below every workload (0), and not below -10, where Cluster Autoscaler no longer adds nodes for pods (its FAQ)."""
PAUSE: Final = "registry.k8s.io/pause:3.10"


class Placeholder(Export):
    """A PriorityClass and a Deployment; nothing where no slots are to be kept free."""

    @property
    def file_name(self) -> str:
        """Beside the others."""
        return "placeholder.yaml"

    def objects(self, asked: Exported) -> tuple[Mapping[str, Any], ...] | Excuse:
        """As large as the workload's own pods: so that one gives room for one."""
        if not asked.scaling.placeholders:
            return ()
        requests = asked.settings.requests
        if requests is None:
            return self.lacks("launch.scaling.requests")
        labels = {"app.kubernetes.io/name": f"{asked.name}-placeholder"}
        resources = {"cpu": Because(requests.cpu, "size"), "memory": Because(requests.memory, "size")}
        container = {
            "name": "pause",
            "image": PAUSE,
            "resources": {"requests": resources, "limits": resources},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "runAsUser": 65535,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }
        pod = {
            "priorityClassName": f"{asked.name}-placeholder",
            "terminationGracePeriodSeconds": Because(0, "gives_way"),
            "automountServiceAccountToken": False,
            "containers": [container],
        }
        spec = {
            "replicas": Because(asked.scaling.placeholders, "placeholders"),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
        priority = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": asked.metadata("-placeholder", placed=False),
            "value": Because(PRIORITY, "gives_way"),
            "globalDefault": False,
            "preemptionPolicy": "Never",
        }
        head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": asked.metadata("-placeholder")}
        return priority, {**head, "spec": spec}
