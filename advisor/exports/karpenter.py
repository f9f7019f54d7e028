"""A NodePool of Karpenter: the node type that was chosen, a limit, and no consolidation during the event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from advisor.exports import Because, Event, Export, Exported, unbought
from advisor.models import Excuse


class Karpenter(Export):
    """``karpenter.sh/v1``; only where the nodes are known to be EC2 instances."""

    @property
    def file_name(self) -> str:
        """Beside the others."""
        return "nodepool.yaml"

    def objects(self, asked: Exported) -> tuple[Mapping[str, Any], ...] | Excuse:
        """One NodePool of the cheapest offer that fits."""
        if (lost := unbought(self.plugin_name(), asked.plan.offers)) is not None:
            return lost
        best = asked.plan.offers.best
        if best is None or best.offer.provider != "aws" or best.offer.vcpus is None:
            return self.lacks("launch.node")
        disruption: dict[str, Any] = {"consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "10m"}
        if asked.event is not None:
            disruption["budgets"] = Because([{"nodes": "10%"}, _closed(asked.event)], "event")
        requirements = [
            {
                "key": "node.kubernetes.io/instance-type",
                "operator": "In",
                "values": Because([best.offer.name], "offer"),
            },
            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
        ]
        reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": asked.settings.node_class}
        template = {"nodeClassRef": reference, "requirements": requirements, "expireAfter": "Never"}
        spec = {
            "template": {"spec": template},
            "limits": {"cpu": Because(str(asked.most * best.offer.vcpus.value), "limit")},
            "disruption": disruption,
        }
        head = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool"}
        return ({**head, "metadata": asked.metadata(placed=False), "spec": spec},)


def _closed(event: Event) -> dict[str, str]:
    """From the window's beginning to its end no node goes. Karpenter's schedules are in UTC."""
    opens = event.opens.astimezone(UTC)
    minutes = max(1, round((event.ends - event.opens).total_seconds() / 60))
    return {"nodes": "0", "schedule": Event.cron(opens), "duration": f"{minutes}m"}
