"""NodePools of Karpenter: one for each shape and way to pay, and what is beyond the plan; no consolidation then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from advisor.carrying.fleet import Group
from advisor.exports import Because, Event, Export, Exported, unbought
from advisor.models import Excuse

HEAVIEST: Final = 100
"""Of the first pool; Karpenter takes weights from 1 to 100."""


class Karpenter(Export):
    """``karpenter.sh/v1``; only where the nodes are known to be EC2 instances."""

    @property
    def file_name(self) -> str:
        """Beside the others."""
        return "nodepool.yaml"

    def objects(self, asked: Exported) -> tuple[Mapping[str, Any], ...] | Excuse:
        """A NodePool for each group of the mix, as large as planned; after them what may run beyond the plan."""
        if (lost := unbought(self.plugin_name(), asked.plan.offers)) is not None:
            return lost
        best = asked.plan.offers.chosen
        if best is None or best.offer.provider != "aws" or any(one.vcpus is None for one in asked.fleet.groups):
            return self.lacks("launch.node")
        groups = asked.fleet.groups
        planned = [(group, group.planned, "limit") for group in groups if group.planned]
        beyond = [(group, group.beyond, "beyond") for group in groups if group.beyond]
        return tuple(_pool(asked, place, *one) for place, one in enumerate([*planned, *beyond]))


def _pool(asked: Exported, place: int, group: Group, nodes: int, why: str) -> dict[str, Any]:
    """Karpenter fills the pool of the highest weight first, up to its limit: so each is no larger than was planned."""
    disruption: dict[str, Any] = {"consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "10m"}
    if asked.event is not None:
        disruption["budgets"] = Because([{"nodes": "10%"}, _closed(asked.event)], "event")
    requirements = [
        {
            "key": "node.kubernetes.io/instance-type",
            "operator": "In",
            "values": Because([group.offer], asked.offer_why),
        },
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": Because([group.capacity], "capacity")},
    ]
    reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": asked.settings.node_class}
    template = {"nodeClassRef": reference, "requirements": requirements, "expireAfter": "Never"}
    spec = {
        "template": {"spec": template},
        "limits": {"cpu": Because(str(nodes * (group.vcpus or 0)), why)},
        "weight": Because(HEAVIEST - place, "weight"),
        "disruption": disruption,
    }
    suffix = f"-{group.key}" if place else ""
    suffix += "-beyond" if why == "beyond" else ""
    head = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool"}
    return {**head, "metadata": asked.metadata(suffix, placed=False), "spec": spec}


def _closed(event: Event) -> dict[str, str]:
    """From the window's beginning to its end no node goes. Karpenter's schedules are in UTC."""
    opens = event.opens.astimezone(UTC)
    minutes = max(1, round((event.ends - event.opens).total_seconds() / 60))
    return {"nodes": "0", "schedule": Event.cron(opens), "duration": f"{minutes}m"}
