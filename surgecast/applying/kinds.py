"""The kinds that exports are made of, and where the API serves them. No other kind is ever sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind as the API serves it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    product: str = ""
    """What brings it, where Kubernetes has not got it of itself."""

    @property
    def api(self) -> str:
        """``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As RBAC and kubectl name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, name: str = "") -> str:
        """Of the list, or of one object."""
        root = f"/apis/{self.api}" if self.group else f"/api/{self.version}"
        place = f"{root}/namespaces/{namespace}/{self.plural}" if self.namespaced else f"{root}/{self.plural}"
        return f"{place}/{name}" if name else place


KINDS: Final = (
    Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Kind("apps", "v1", "deployments", "Deployment"),
    Kind("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False),
    Kind("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", product="KEDA"),
    Kind("karpenter.sh", "v1", "nodepools", "NodePool", namespaced=False, product="Karpenter"),
    Kind(
        "autoscaling.x-k8s.io", "v1beta1", "capacitybuffers", "CapacityBuffer",
        product="Cluster Autoscaler 1.35, or Karpenter with its feature gate",
    ),
)  # fmt: skip
NAMESPACE: Final = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
"""Only read: its uid says which cluster this is."""


def kind_of(api: object, kind: object) -> Kind | None:
    """One of `KINDS`; None for any other."""
    return next((one for one in KINDS if (one.api, one.kind) == (api, kind)), None)
