"""Manifests that carry out an advice, one kind per file: pure functions from what was advised to objects."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from advisor import figures
from advisor.choice import Choice, OfferPlan
from advisor.models import Excuse
from advisor.plan import Plan
from advisor.refusals import FIX, OVER_QUOTA
from advisor.scaling import ScalingAdvice
from advisor.texts import say
from loadtests import plugins
from loadtests.launch import Launch
from loadtests.plugins import Plugin
from loadtests.scaling import Scaling

EXPORTS: Final = "advisor.exports"


@dataclass(frozen=True, slots=True)
class Because:
    """A value, or all that is inside it, and the id of its reason: ``export_why_ID`` in the texts."""

    value: Any
    why: str


@dataclass(frozen=True, slots=True)
class Event:
    """When capacity is asked for and when it may go, by the clock of the region."""

    opens: datetime
    ends: datetime
    zone: str

    @staticmethod
    def cron(time: datetime) -> str:
        """Minute, hour, day, month, any weekday; cron knows no year."""
        return f"{time.minute} {time.hour} {time.day} {time.month} *"


@dataclass(frozen=True, slots=True)
class Exported:
    """One region, as it is to be carried out."""

    region: str
    run: str
    plan: Plan
    scaling: ScalingAdvice
    """Its pods are on nodes of the offer that was chosen (`sized`)."""
    settings: Scaling
    spare_nodes: int
    event: Event | None
    most: int
    """Nodes of the chosen offer that may run at once; pods are never asked for beyond them."""

    @property
    def target_why(self) -> str:
        """The reason of a pod's target: where it is of a type that was not rehearsed, that is said."""
        return "target" if share_of(self.plan) == 1 else "target_of_type"

    @property
    def name(self) -> str:
        """Of everything that is made for the workload."""
        return self.settings.workload

    def metadata(self, suffix: str = "", *, placed: bool = True) -> dict[str, Any]:
        """Name, namespace and where it is from."""
        named = {"name": Because(f"{self.name}{suffix}", "workload")}
        where = {"namespace": Because(self.settings.namespace, "workload")} if placed else {}
        labels = {"app.kubernetes.io/managed-by": "surgecast"}
        return {**named, **where, "labels": labels, "annotations": {"surgecast-run": Because(self.run, "run")}}

    @property
    def workload(self) -> dict[str, Any]:
        """The Deployment, as others refer to it."""
        return {"apiVersion": "apps/v1", "kind": "Deployment", "name": Because(self.settings.workload, "workload")}

    def values(self) -> dict[str, str]:
        """What reasons say."""
        found, best = self.scaling, self.plan.offers.best
        return {
            "wait": figures.number(found.wait),
            "share": figures.percent(found.target / found.per_pod),
            "carries": figures.rate(found.per_pod, found.unit),
            "nodes": f"{self.plan.nodes if best is None else best.nodes:,}",
            "type": "" if best is None else best.offer.name,
            "ahead": f"{found.ahead or 0:,}",
            "unmet": figures.percent(found.reactive_share),
            "run": self.run,
        }


def share_of(plan: Plan) -> float:
    """Of what a node rehearsed carries, what one of the chosen offer does: as many as do the same work tell it."""
    best = plan.offers.best
    return 1.0 if best is None else max(1, plan.nodes) / max(1, best.nodes)


def sized(scaling: ScalingAdvice, plan: Plan) -> ScalingAdvice:
    """The advice for pods that share a node of the chosen offer, as many on it as on the node rehearsed.

    Each carries as much less as the node does, so there are as many more; more nodes take longer to start.
    """
    share = share_of(plan)
    if share == 1:
        return scaling

    def counted(pods: int) -> int:
        return math.ceil(round(pods / share, 6))

    def starting(pods: int) -> float:
        return scaling.launches.nodes.seconds(math.ceil(pods / scaling.pods_per_node))

    ahead = None if scaling.ahead is None else counted(scaling.ahead)
    longer = 0.0 if ahead is None else max(0.0, starting(ahead) - starting(scaling.ahead or 0))
    return scaling.model_copy(
        update={
            "per_pod": scaling.per_pod * share,
            "target": scaling.target * share,
            "minimum": counted(scaling.minimum),
            "maximum": counted(scaling.maximum),
            "placeholders": counted(scaling.placeholders),
            "ahead": ahead,
            "opens": None if scaling.opens is None else scaling.opens + longer,
        }
    )


def unbought(about: str, choice: Choice) -> Excuse | None:
    """Why nothing was chosen of what was weighed: the rule that the cheapest breaks, else the first refusal.

    None where something was chosen, or nothing was weighed.
    """
    if choice.best is not None:
        return None
    first = choice.beyond
    if first is None or first.but is None:
        return next((one.model_copy(update={"about": about}) for one in choice.refused), None)
    command = first.quota.command if first.quota is not None and first.but.key in OVER_QUOTA else ""
    remedy = say("remedy_export_quota", command=command) if command else say(first.but.key + FIX, **first.but.values)
    return Excuse(about=about, reason=first.but, remedy=remedy)


def most_of(scaling: ScalingAdvice, plan: Plan, launch: Launch) -> int:
    """Nodes that the most pods of a sized advice need, and those planned, within the scenario's wall and the quota."""
    best, wall = plan.offers.best, launch.scaling.most_nodes or launch.most_nodes
    nodes = max(1, plan.nodes if best is None else best.nodes, math.ceil(scaling.maximum / scaling.pods_per_node))
    return min(nodes, wall, nodes if best is None else _within_quota(best, nodes))


def _within_quota(best: OfferPlan, nodes: int) -> int:
    """Of so many nodes those that the quota has room for, beside what else runs."""
    row = next((one for one in best.constraints if one.name == "quota"), None)
    if row is None or best.offer.vcpus is None:
        return nodes
    each = best.offer.vcpus.value
    return int((row.carried.mid - row.asked.mid) // each) + best.nodes


def walled(scaling: ScalingAdvice, most: int) -> ScalingAdvice:
    """No more pods than so many nodes hold."""
    pods = most * scaling.pods_per_node
    names = ("minimum", "maximum", "placeholders", "ahead")
    asked = {name: getattr(scaling, name) for name in names}
    return scaling.model_copy(update={name: one and min(one, pods) for name, one in asked.items()})


class Export(Plugin):
    """One kind of manifest."""

    instead_of: ClassVar[str] = ""
    """Another export that does the same: only one of the two is applied."""

    @property
    @abstractmethod
    def file_name(self) -> str:
        """Inside the folder of a region."""

    @abstractmethod
    def objects(self, asked: Exported) -> tuple[Mapping[str, Any], ...] | Excuse:
        """Objects as Kubernetes takes them; none when nothing is to be done; an excuse when something is missing."""

    def lacks(self, field: str) -> Excuse:
        """That the scenario does not say what is needed."""
        about = self.plugin_name()
        return Excuse(
            about=about, reason=say("export_lacks", field=field), remedy=say("remedy_export_lacks", field=field)
        )


def exports() -> tuple[Export, ...]:
    """Every kind in the folder."""
    found = (plugins.find(EXPORTS, name)() for name in plugins.names(EXPORTS))
    return tuple(one for one in found if isinstance(one, Export))


def behavior_of(fast: bool) -> dict[str, Any]:
    """``behavior`` of an HPA, both directions written out, so that no default can change it."""
    up = [("Percent", 900), ("Pods", 100)] if fast else [("Pods", 4), ("Percent", 100)]
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [{"type": kind, "value": value, "periodSeconds": 15} for kind, value in up],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 300,
            "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
        },
    }
