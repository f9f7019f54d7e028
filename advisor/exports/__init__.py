"""Manifests that carry out an advice, one kind per file: pure functions from what was advised to objects."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from advisor import figures
from advisor.autoscale.scaling import ScalingAdvice
from advisor.carrying.fleet import Fleet, Group
from advisor.models import Excuse
from advisor.plans.choice import Choice
from advisor.plans.plan import Plan
from advisor.plans.refusals import FIX, OVER_QUOTA
from advisor.texts import fill, listed, say
from loadtests import plugins
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
    fleet: Fleet
    scaling: ScalingAdvice
    """Its pods are on nodes of the fleet."""
    settings: Scaling
    event: Event | None

    @property
    def target_why(self) -> str:
        """The reason of a pod's target: where it is of nodes that were not rehearsed, that is said."""
        if self.fleet.share == 1:
            return "target"
        return "target_of_type" if len({one.offer for one in self.fleet.groups}) == 1 else "target_of_types"

    @property
    def offer_why(self) -> str:
        """The reason of a shape: where its price is assumed, that is said."""
        return "offer_assumed" if self.fleet.assumed else "offer"

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

    def values(self, lang: str) -> dict[str, str]:
        """What reasons say in one language."""
        found, groups = self.scaling, self.fleet.groups
        return {
            "wait": figures.number(found.wait),
            "share": figures.percent(found.target / found.per_pod),
            "carries": figures.rate(found.per_pod, found.unit),
            **named(lang, groups),
            "assumed": self.fleet.assumed,
            "ahead": f"{found.ahead or 0:,}",
            "unmet": figures.percent(found.reactive_share),
            "run": self.run,
        }


def named(lang: str, groups: Sequence[Group]) -> dict[str, str]:
    """What the groups are of (``type``), and each with its way to pay and what all of it costs (``groups``)."""
    types = listed(lang, dict.fromkeys(one.offer for one in groups))
    return {"type": types, "groups": listed(lang, (_counted(lang, one) for one in groups))}


def _counted(lang: str, group: Group) -> str:
    way = fill(lang, f"fleet_way_{group.capacity.replace('-', '_')}")
    told = {"nodes": f"{group.nodes:,}", "offer": group.offer, "way": way}
    if group.usd_per_hour is None:
        return fill(lang, "fleet_group", **told)
    return fill(lang, "fleet_group_cost", hour=figures.dollars(group.usd_per_hour), **told)


def unbought(about: str, choice: Choice) -> Excuse | None:
    """Why nothing was chosen of what was weighed: the rule that the cheapest breaks, else the first refusal.

    None where something was chosen, or nothing was weighed.
    """
    if choice.chosen is not None:
        return None
    first = choice.beyond
    if first is None or first.but is None:
        return next((one.model_copy(update={"about": about}) for one in choice.refused), None)
    command = first.quota.command if first.quota is not None and first.but.key in OVER_QUOTA else ""
    remedy = say("remedy_export_quota", command=command) if command else say(first.but.key + FIX, **first.but.values)
    return Excuse(about=about, reason=first.but, remedy=remedy)


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
