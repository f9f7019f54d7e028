"""A PodDisruptionBudget: no more pods leave by choice than the plan keeps to spare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.exports import Because, Export, Exported
from advisor.models import Excuse


class Disruption(Export):
    """``policy/v1``."""

    @property
    def file_name(self) -> str:
        """Beside the others."""
        return "poddisruptionbudget.yaml"

    def objects(self, asked: Exported) -> tuple[Mapping[str, Any], ...] | Excuse:
        """One budget: the pods of the spare nodes, and one at least."""
        spec = {
            "maxUnavailable": Because(asked.fleet.pods.spare, "spare"),
            "selector": {"matchLabels": {"app.kubernetes.io/name": Because(asked.settings.workload, "workload")}},
        }
        head = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
        return ({**head, "metadata": asked.metadata(), "spec": spec},)
