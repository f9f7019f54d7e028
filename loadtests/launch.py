"""The real event, as a scenario says it: who will come, how careful to be, how long new capacity takes."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Discriminator, Field, NonNegativeInt, PositiveInt, Tag, field_validator, model_validator

from loadtests.buying import Architecture as Architecture  # one door for those who read a launch
from loadtests.buying import Buying
from loadtests.caching import Caching
from loadtests.region import Frozen
from loadtests.residency import Residency, allowed_in
from loadtests.scaling import Scaling
from loadtests.units import Bitrate, Duration, Share

MOST_ZONES: Final = 6
"""No AWS region has more (us-east-1: AWS documentation, Regions and Zones), and ``terraform/`` takes no more."""

OfferName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A catalogue, or something in one: a name, never a path, because a run is not trusted."""


class Wait(Frozen):
    """Seconds that something takes: nine in ten times between ``low`` and ``high``, most often near ``mid``."""

    low: Duration
    mid: Duration
    high: Duration

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if not self.low <= self.mid <= self.high:
            raise ValueError(f"expected low <= mid <= high, found {self.low:g}, {self.mid:g} and {self.high:g} s")
        return self


class Waits(Frozen):
    """From the load's rise to a new node that serves, in five parts; a part left out is a published prior."""

    metrics: Wait | None = None
    """Until the autoscaler's metric shows the rise."""
    decision: Wait | None = None
    """Until the autoscaler acts on it."""
    node: Wait | None = None
    """Until a machine is there and registered."""
    image: Wait | None = None
    """Until the image is pulled."""
    boot: Wait | None = None
    """Until the application serves."""


class RehearsedNode(Frozen):
    """What one node of the rehearsed target is; what is left out is not known."""

    vcpus: PositiveInt | None = None
    memory_gib: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """GiB (2^30 bytes)."""
    egress: Bitrate | None = Field(default=None, gt=0)
    """Sustained, to the internet."""
    usd_per_hour: float | None = Field(default=None, gt=0, allow_inf_nan=False)


def _kind_of_node(said: object) -> str:
    return "name" if isinstance(said, str) else "facts"


NodeSaid = Annotated[
    Annotated[OfferName, Tag("name")] | Annotated[RehearsedNode, Tag("facts")], Discriminator(_kind_of_node)
]
"""An offer by its name, or the facts of a node: told apart, so that only one of them complains."""


class Launch(Frozen):
    """What the advisor plans for: the audience of the real event and how careful to be."""

    audience: dict[str, PositiveInt] = Field(default_factory=dict)
    """Peak concurrent viewers per region."""
    target_utilisation: Share = Field(default=0.7, gt=0, le=1)
    zones: PositiveInt = 3
    """Zones the nodes are spread over; the plan survives the loss of one."""
    lose_nodes: NonNegativeInt = 0
    """Nodes that may fail at the peak, beside a zone; the others carry everything."""
    spare_nodes: int = Field(default=1, ge=0)
    minimum_nodes: NonNegativeInt = 0
    """Never fewer than these, per region."""
    underprovision_weight: float = Field(default=19.0, ge=1, le=999)
    """How much worse one node too few is than one too many: 1 plans for the median, 19 for 95 % of what may come
    (weight ÷ (1 + weight), the newsvendor's critical ratio; the default is assumed)."""
    time_to_capacity: Waits = Waits()
    cdn: Caching = Caching()
    scaling: Scaling = Scaling()
    """What scales the target, where that is Kubernetes."""
    node: NodeSaid | None = None
    """What one node of the rehearsed target is: the name of an offer, or its facts."""
    offers: tuple[OfferName, ...] = ()
    """What else may be bought: catalogues, or offers of those that ship."""
    vcpu_exponent: float = Field(default=1.0, gt=0, le=1)
    """Requests and joins of another offer grow with vCPUs to this power; below 1 they grow more slowly."""
    quota_vcpus: dict[str, PositiveInt] = Field(default_factory=dict)
    """vCPUs that the account may run, per region of the scenario; the catalogue's own where nothing is said."""
    most_nodes: PositiveInt = 5000
    """Nodes of one kind per region above which an offer is refused (Kubernetes supports 5,000 nodes a cluster)."""
    buying: Buying = Buying()
    """How nodes may be paid for, and what the image is built for."""
    residency: Residency = Field(default_factory=dict)
    """Where nodes may stand, per region of the scenario: ``any``, or provider regions and countries."""

    @field_validator("zones")
    @classmethod
    def _is_in_a_region(cls, value: int) -> int:
        if value > MOST_ZONES:
            raise ValueError(f"expected 1 to {MOST_ZONES} (no region of AWS has more), found {value}")
        return value

    def allowed_in(self, code: str) -> tuple[str, ...] | None:
        """The only places for a region's nodes; None where they may stand anywhere."""
        return allowed_in(self.residency, code)
