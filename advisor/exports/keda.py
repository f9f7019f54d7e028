"""A ScaledObject of KEDA: a trigger on what pods share, a window before the surge, a fallback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.exports import Because, Event, Export, Exported, behavior_of
from advisor.models import Excuse


class Keda(Export):
    """``keda.sh/v1alpha1``, as KEDA 2.x takes it."""

    @property
    def file_name(self) -> str:
        """Beside the others."""
        return "scaledobject.yaml"

    def objects(self, asked: Exported) -> tuple[Mapping[str, Any], ...] | Excuse:
        """One ScaledObject; it needs a metric, and where pods are asked ahead the time of the event."""
        scaling, metric = asked.scaling, asked.settings.metric
        if metric is None:
            return self.lacks("launch.scaling.metric")
        if scaling.ahead is not None and asked.event is None:
            return self.lacks("starts_at")
        rate = {
            "serverAddress": Because(metric.prometheus, "metric"),
            "query": Because(metric.query, "metric"),
            "threshold": Because(f"{scaling.target:.3f}", asked.target_why),
        }
        triggers: list[Any] = [{"type": "prometheus", "metricType": "AverageValue", "metadata": rate}]
        if scaling.ahead is not None and asked.event is not None:
            triggers.append(Because({"type": "cron", "metadata": _window(asked.event, scaling.ahead)}, "ahead"))
        fallback = {"failureThreshold": 3, "replicas": scaling.ahead or scaling.minimum}
        spec = {
            "scaleTargetRef": asked.workload,
            "pollingInterval": 15,
            "cooldownPeriod": 300,
            "minReplicaCount": Because(scaling.minimum, "calm"),
            "maxReplicaCount": Because(scaling.maximum, "peak"),
            "fallback": Because({**fallback, "behavior": "currentReplicasIfHigher"}, "fallback"),
            "advanced": Because(
                {"horizontalPodAutoscalerConfig": {"behavior": behavior_of(scaling.behavior == "fast")}}, "behavior"
            ),
            "triggers": triggers,
        }
        return ({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": asked.metadata(), "spec": spec},)


def _window(event: Event, pods: int) -> dict[str, str]:
    return {
        "timezone": event.zone,
        "start": Event.cron(event.opens),
        "end": Event.cron(event.ends),
        "desiredReplicas": str(pods),
    }
