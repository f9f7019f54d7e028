"""What was seen of an account, as frozen values: nothing of boto3's crosses this border. Times are in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, NonNegativeFloat

from advisor.models import Excuse
from loadtests.region import Frozen


class WarmPool(Frozen):
    """Instances that are begun beforehand."""

    state: str
    """Stopped, Running or Hibernated."""
    minimum: int
    most: int | None
    """Prepared and running together; None where it is the group's maximum."""


class Group(Frozen):
    """An Auto Scaling group."""

    name: str
    minimum: int
    desired: int
    maximum: int
    in_service: dict[str, int]
    """Instances that serve, by type."""
    zones: tuple[str, ...]
    warm: WarmPool | None = None
    spread: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Instances that serve, by type and zone."""


class NodeGroup(Frozen):
    """A managed node group of EKS; ``groups`` are the Auto Scaling groups behind it."""

    cluster: str
    name: str
    status: str
    minimum: int
    desired: int
    maximum: int
    kinds: tuple[str, ...]
    """Instance types; empty where its launch template names them."""
    buying: str
    """ON_DEMAND, SPOT or CAPACITY_BLOCK."""
    groups: tuple[str, ...] = ()


class Reservation(Frozen):
    """An active capacity reservation."""

    kind: str
    zone: str
    total: int
    free: int
    is_open: bool = True
    """Whether instances of Linux on shared hardware run in it without being told to."""
    ends: datetime | None = None
    """None where it holds until it is cancelled."""


class Owned(Frozen):
    """Reserved Instances of one kind: active, for Linux on shared hardware."""

    kind: str
    """The type that they were bought for."""
    zone: str
    """In which they hold room, and to which they are bound; empty where they are a discount in the whole region."""
    count: int
    ends: datetime


class Commitment(Frozen):
    """An active Savings Plan: so much per hour is paid, whatever runs."""

    reach: Literal["compute", "family"]
    """All of EC2, Fargate and Lambda anywhere, or one family of instances in one region."""
    family: str = ""
    region: str = ""
    per_hour: NonNegativeFloat = Field(allow_inf_nan=False)
    """At the prices of the plan, in ``currency``."""
    currency: str = "USD"
    ends: datetime


class Place(Frozen):
    """One region of the account; None where it could not be read."""

    region: str
    running: dict[str, int] | None = None
    """On-demand instances that run, by type."""
    spot: dict[str, int] | None = None
    """The same of spot instances."""
    vcpus: dict[str, int] = Field(default_factory=dict)
    """Of each type that was met, where they could be read."""
    groups: tuple[Group, ...] | None = None
    node_groups: tuple[NodeGroup, ...] | None = None
    reservations: tuple[Reservation, ...] | None = None
    owned: tuple[Owned, ...] | None = None
    spread: dict[str, dict[str, int]] = Field(default_factory=dict)
    """On-demand instances of Linux on shared hardware that run, by type and zone: what Reserved Instances apply to."""
    quotas: dict[str, int] = Field(default_factory=dict)
    """As applied, by code (`advisor.clouds.quotas`); what could not be read, or was not asked, is left out."""


class Distribution(Frozen):
    """A CloudFront distribution that serves the target."""

    id: str
    domain: str
    aliases: tuple[str, ...]
    enabled: bool
    price_class: str
    shields: tuple[str, ...]
    """Regions of its origins' shields; empty where there is none."""


class EdgeQuotas(Frozen):
    """What CloudFront lets an account do, as Service Quotas lists it; None where it does not."""

    egress: float | None = None
    """bit/s, of one distribution."""
    requests_per_second: float | None = None
    """Of one distribution."""
    distributions: int | None = None
    """Of the account."""


class Delivered(Frozen):
    """What CloudWatch counted of one distribution in the runs' time, all viewers together, ours or not."""

    distribution: str
    seconds: int
    """Of all periods that were looked at."""
    requests: float | None
    """None where nothing was counted."""
    bytes: float | None
    hit_ratio: float | None
    """Weighted by requests; None where the distribution has no additional metrics."""
    error_ratio: float | None
    """4xx and 5xx together."""


class Account(Frozen):
    """The snapshot."""

    account: str
    """Empty where AWS does not know who asks."""
    arn: str = ""
    read_at: datetime
    hosts: tuple[str, ...]
    """Names that the viewers of the runs asked for."""
    places: tuple[Place, ...] = ()
    distributions: tuple[Distribution, ...] | None = None
    """Those that serve ``hosts``; None where they could not be read."""
    all_distributions: int | None = None
    """How many there are, whatever they serve; None where they could not be read."""
    edge: EdgeQuotas | None = None
    """What CloudFront lets it do; None where that could not be read."""
    delivered: tuple[Delivered, ...] = ()
    commitments: tuple[Commitment, ...] | None = None
    """Savings Plans of the account, wherever they apply; None where they could not be read."""
    excuses: tuple[Excuse, ...] = ()

    def place(self, region: str) -> Place | None:
        """Of an AWS region; None where it was not read."""
        return next((one for one in self.places if one.region == region), None)
