"""A CapacityBuffer: placeholders that exist only inside Cluster Autoscaler or Karpenter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from advisor.exports import Because, Export, Exported
from advisor.models import Excuse


class CapacityBuffer(Export):
    """``autoscaling.x-k8s.io/v1beta1`` (Cluster Autoscaler 1.35; Karpenter with its feature gate)."""

    instead_of: ClassVar[str] = "placeholder"
    """Only one of the two is applied."""

    @property
    def file_name(self) -> str:
        """Beside the others."""
        return "capacitybuffer.yaml"

    def objects(self, asked: Exported) -> tuple[Mapping[str, Any], ...] | Excuse:
        """One buffer of the size of the placeholders; nothing where no slots are to be kept free."""
        if not asked.scaling.placeholders:
            return ()
        workload = {"apiGroup": "apps", "kind": "Deployment", "name": Because(asked.settings.workload, "workload")}
        spec = {
            "provisioningStrategy": "buffer.x-k8s.io/active-capacity",
            "scalableRef": workload,
            "replicas": Because(asked.scaling.placeholders, "placeholders"),
        }
        head = {"apiVersion": "autoscaling.x-k8s.io/v1beta1", "kind": "CapacityBuffer"}
        return ({**head, "metadata": asked.metadata("-buffer"), "spec": spec},)
