"""What was seen of a cluster, as frozen values: nothing of the client's crosses this border.

Units: cores, bytes, pods; times are in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from advisor.models import Excuse
from loadtests.region import Frozen

REGION_LABEL = "topology.kubernetes.io/region"
ZONE_LABEL = "topology.kubernetes.io/zone"
TYPE_LABEL = "node.kubernetes.io/instance-type"

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


class Amounts(Frozen):
    """CPU in cores, memory in bytes, pods as a count; None where nothing is said."""

    cpu: float | None = None
    memory: float | None = None
    pods: float | None = None


class Taint(Frozen):
    """Why pods stay away from a node."""

    key: str
    effect: str
    value: str = ""


class Toleration(Frozen):
    """Which taints a pod does not mind; an empty key or effect means any."""

    key: str = ""
    operator: str = "Equal"
    """Equal or Exists."""
    value: str = ""
    effect: str = ""


class Node(Frozen):
    """A machine of the cluster."""

    name: str
    created: datetime
    labels: dict[str, str]
    capacity: Amounts
    allocatable: Amounts
    ready: bool
    cordoned: bool = False
    taints: tuple[Taint, ...] = ()

    @property
    def region(self) -> str:
        """As the provider calls it; empty where the label is missing."""
        return self.labels.get(REGION_LABEL, "")

    @property
    def zone(self) -> str:
        """As the provider calls it; empty where the label is missing."""
        return self.labels.get(ZONE_LABEL, "")

    @property
    def kind(self) -> str:
        """Its instance type; empty where the label is missing."""
        return self.labels.get(TYPE_LABEL, "")


class Expression(Frozen):
    """One line of ``matchExpressions``."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: dict[str, str]) -> bool:
        """As Kubernetes evaluates it."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels


class Selector(Frozen):
    """Which pods are meant; an empty one means all."""

    labels: dict[str, str] = Field(default_factory=dict)
    expressions: tuple[Expression, ...] = ()

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether every line holds."""
        wanted = all(labels.get(key) == value for key, value in self.labels.items())
        return wanted and all(one.matches(labels) for one in self.expressions)


class Workload(Frozen):
    """A Deployment or a StatefulSet."""

    kind: Literal["Deployment", "StatefulSet"]
    name: str
    replicas: int
    ready: int
    requests: Amounts
    """Of one pod, all its containers together; None where a container says nothing."""
    limits: Amounts
    selector: Selector
    pod_labels: dict[str, str]
    tolerations: tuple[Toleration, ...] = ()
    node_selector: dict[str, str] = Field(default_factory=dict)


class Rule(Frozen):
    """One policy of a direction."""

    kind: Literal["Pods", "Percent"]
    value: int
    period: int


class Direction(Frozen):
    """``scaleUp`` or ``scaleDown``; None where the API's default holds."""

    policies: tuple[Rule, ...] | None = None
    select: Literal["Max", "Min", "Disabled"] = "Max"
    stabilisation: int | None = None


class Target(Frozen):
    """One entry of an HPA's ``metrics``."""

    source: str
    """Resource, ContainerResource, Pods, Object or External."""
    name: str
    kind: str
    """Utilization, AverageValue or Value."""
    value: float
    """Percent for a utilisation, the amount otherwise."""


class Autoscaler(Frozen):
    """A HorizontalPodAutoscaler."""

    name: str
    target: str
    """Kind/name of what it scales."""
    minimum: int
    maximum: int
    current: int
    targets: tuple[Target, ...]
    up: Direction | None
    down: Direction | None
    has_behavior: bool


class Trigger(Frozen):
    """One trigger of a ScaledObject."""

    kind: str
    settings: dict[str, str]
    metric_type: str


class Scaled(Frozen):
    """A ScaledObject of KEDA."""

    name: str
    target: str
    minimum: int
    maximum: int
    triggers: tuple[Trigger, ...]


class NodePool(Frozen):
    """A NodePool of Karpenter and its limits."""

    name: str
    limits: Amounts
    used: Amounts


class NodeClaim(Frozen):
    """A node that Karpenter asked for, and when it came; None for what has not happened."""

    name: str
    node: str
    created: datetime
    launched: datetime | None
    registered: datetime | None
    initialized: datetime | None


class Disruption(Frozen):
    """A PodDisruptionBudget."""

    name: str
    selector: Selector
    allowed: int
    """Pods that may leave by choice now."""
    rule: str
    """``maxUnavailable: 1`` or ``minAvailable: 90%``."""


class Quota(Frozen):
    """A ResourceQuota: hard limits and what is used of them."""

    name: str
    hard: dict[str, float]
    used: dict[str, float]


class Pod(Frozen):
    """A pod and the moments of its start; None for what has not happened."""

    name: str
    uid: str
    labels: dict[str, str]
    node: str
    created: datetime
    scheduled: datetime | None
    started: datetime | None
    """When its last container started."""
    ready: datetime | None
    restarts: int = 0


class Usage(Frozen):
    """What a pod uses: now, as the metrics API says, or at its busiest, as Prometheus does."""

    pod: str
    cpu: float
    memory: float


class Event(Frozen):
    """Something that a controller told of."""

    reason: str
    about: str
    """Kind/name."""
    uid: str
    first: datetime
    last: datetime
    count: int
    message: str


class Cluster(Frozen):
    """One look at a cluster. ``excuses`` say what could not be read, and the rest is there all the same."""

    context: str
    server: str
    namespace: str
    region: str | None
    """The region that the user says it serves; None when labels say it."""
    read_at: datetime
    version: str = ""
    nodes: tuple[Node, ...] = ()
    workloads: tuple[Workload, ...] = ()
    autoscalers: tuple[Autoscaler, ...] = ()
    scaled: tuple[Scaled, ...] = ()
    node_pools: tuple[NodePool, ...] = ()
    node_claims: tuple[NodeClaim, ...] = ()
    disruptions: tuple[Disruption, ...] = ()
    quotas: tuple[Quota, ...] = ()
    pods: tuple[Pod, ...] = ()
    usage: tuple[Usage, ...] = ()
    """Now, by the metrics API."""
    peaks: tuple[Usage, ...] = ()
    """At their busiest, by Prometheus, where one was named."""
    events: tuple[Event, ...] = ()
    excuses: tuple[Excuse, ...] = ()
    missing: tuple[str, ...] = ()
    """Fields above that could not be read: empty does not mean that there are none."""
