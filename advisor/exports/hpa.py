"""A HorizontalPodAutoscaler on an external metric, for clusters without KEDA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from advisor.exports import Because, Export, Exported, behavior_of
from advisor.models import Excuse


class Hpa(Export):
    """``autoscaling/v2``. It knows no windows: where pods are asked ahead its minimum is raised by hand."""

    instead_of: ClassVar[str] = "keda"
    """Only one of the two is applied."""

    @property
    def file_name(self) -> str:
        """Beside the others."""
        return "hpa.yaml"

    def objects(self, asked: Exported) -> tuple[Mapping[str, Any], ...] | Excuse:
        """One HPA; a metrics adapter must serve the metric under the workload's name."""
        scaling = asked.scaling
        target = {"type": "AverageValue", "averageValue": Because(f"{round(scaling.target * 1000)}m", asked.target_why)}
        metric = {"metric": {"name": Because(f"{asked.name}_{_unit(scaling.unit)}", "adapter")}, "target": target}
        spec = {
            "scaleTargetRef": asked.workload,
            "minReplicas": Because(scaling.ahead or scaling.minimum, "ahead" if scaling.ahead else "calm"),
            "maxReplicas": Because(scaling.maximum, "peak"),
            "metrics": [{"type": "External", "external": metric}],
            "behavior": Because(behavior_of(scaling.behavior == "fast"), "behavior"),
        }
        head = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
        return ({**head, "metadata": asked.metadata(), "spec": spec},)


def _unit(unit: str) -> str:
    return unit.replace("/s", "_per_second").replace("bit", "bits")
