"""What scales the target on Kubernetes, as a scenario says it: a workload, its nodes, and the settings in place."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from loadtests.region import Frozen
from loadtests.units import Share

DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""A name as Kubernetes takes it (RFC 1123)."""


class Today(Frozen):
    """The autoscaler's settings in place."""

    minimum: PositiveInt = 1
    maximum: PositiveInt
    cpu: Share | None = Field(default=None, gt=0)
    """Target of CPU use, of the request."""
    per_pod: float | None = Field(default=None, gt=0)
    """Target of what pods share (requests/s, or bit/s: the unit of the resource that binds), for one pod."""
    behavior: Literal["default", "none"] = "default"
    """``none``: the HPA has no ``behavior`` section, and the older rules hold."""

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if (self.cpu is None) == (self.per_pod is None):
            raise ValueError("expected one of cpu and per_pod, found both" if self.cpu else "expected cpu or per_pod")
        if self.minimum > self.maximum:
            raise ValueError(f"expected minimum <= maximum, found {self.minimum} and {self.maximum}")
        return self


Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi)?$")]
"""An amount as Kubernetes takes it, such as 500m or 2Gi."""


class Requests(Frozen):
    """What one pod asks of its node."""

    cpu: Quantity
    memory: Quantity


class Metric(Frozen):
    """Where an autoscaler reads what pods share, in the unit of the resource that binds."""

    prometheus: Annotated[str, Field(pattern=r"^https?://[^\s\"'@?#]+$")]
    """Address of a Prometheus that the cluster reaches; without user, password and query."""
    query: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\r\n]+$")]
    """PromQL that gives one number for the whole application."""


class Launches(Frozen):
    """How fast the provider starts nodes: a bucket."""

    burst: PositiveInt
    """At once."""
    per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """After that."""

    def seconds(self, nodes: int) -> float:
        """Seconds until the last of so many may be started."""
        return max(0.0, (nodes - self.burst) / self.per_second)


class Scaling(Frozen):
    """The workload that serves viewers, and what it runs on."""

    workload: DnsLabel = "origin"
    """Name of its Deployment."""
    namespace: DnsLabel = "default"
    pods_per_node: PositiveInt = 1
    most_nodes: PositiveInt | None = None
    """By quota, subnet addresses or limits, per region; no wall when absent."""
    warm_nodes: NonNegativeInt = 0
    """Stopped nodes of a warm pool, per region."""
    launches: Launches | None = None
    """How fast nodes may be started, per region; the offer's when absent."""
    metric: Metric | None = None
    requests: Requests | None = None
    node_class: DnsLabel = "default"
    """The EC2NodeClass that Karpenter launches nodes of."""
    today: Today | None = None
    """Shown beside what is advised."""
