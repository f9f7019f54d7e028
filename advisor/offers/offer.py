"""Offers: what can be bought as a node, with its limits, its price, and where it is offered.

What is not known is None, never zero: an offer without a price is ranked last, one without the figure that a capacity
is carried over by is refused with what to fill in.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from loadtests.launch import Architecture, RehearsedNode
from loadtests.region import Fact, Frozen
from loadtests.scaling import Launches
from loadtests.units import Bitrate

REHEARSED: Final = "as-rehearsed"
"""Name of the offer that is always there: a node like the one that was rehearsed."""
EVERYWHERE: Final = "*"
"""Stands for every region of the provider that has no figure of its own."""


class Offer(Frozen):
    """Something that can be bought as a node."""

    name: str
    provider: str = ""
    """As regions name it in ``provider_regions``; empty for hardware of one's own, which can stand anywhere."""
    catalog: str = ""
    vcpus: Fact[PositiveInt] | None = None
    memory_gib: Fact[PositiveFloat] | None = None
    """GiB (2^30 bytes)."""
    egress: Fact[Annotated[Bitrate, Field(gt=0)]] | None = None
    """Sustained, to the internet."""
    egress_in_region: Fact[Annotated[Bitrate, Field(gt=0)]] | None = None
    """Sustained, within the provider's region."""
    burst_in_region: Fact[Annotated[Bitrate, Field(gt=0)]] | None = None
    """For minutes at a time, within the region; told, never planned on."""
    flow: Fact[Annotated[Bitrate, Field(gt=0)]] | None = None
    """Most that one connection gets."""
    flow_in_group: Fact[Annotated[Bitrate, Field(gt=0)]] | None = None
    """The same between nodes that the provider was asked to put close together."""
    arch: Architecture | None = None
    """What its images are built for."""
    interfaces: Fact[PositiveInt] | None = None
    """Network interfaces, for the pods that Kubernetes can give an address; on the default card."""
    addresses: Fact[PositiveInt] | None = None
    """IPv4 addresses of each interface."""
    connections: Fact[PositiveInt] | None = None
    """Most connections at once, where the provider limits them."""
    usd_per_hour: dict[str, Fact[PositiveFloat]] = Field(default_factory=dict)
    """Per provider region; `EVERYWHERE` for those without a price of their own."""
    zones: dict[str, NonNegativeInt] | None = None
    """Zones that have it, per provider region that was looked at; None when it can stand anywhere."""
    quota_vcpus: dict[str, Fact[NonNegativeInt]] = Field(default_factory=dict)
    """vCPUs that an account may run, per provider region."""
    quota_spot_vcpus: dict[str, Fact[NonNegativeInt]] = Field(default_factory=dict)
    """The same for spot instances."""
    launch_burst: Fact[PositiveInt] | None = None
    """Nodes that may be started at once."""
    launch_per_second: Fact[PositiveFloat] | None = None
    """Nodes per second after that."""

    def price_in(self, region: str) -> Fact[float] | None:
        """USD per hour in a provider's region; None when nobody knows."""
        return self.usd_per_hour.get(region, self.usd_per_hour.get(EVERYWHERE))

    @property
    def launches(self) -> Launches | None:
        """How fast the provider starts such nodes; None when nobody knows."""
        if self.launch_burst is None or self.launch_per_second is None:
            return None
        return Launches(burst=self.launch_burst.value, per_second=self.launch_per_second.value)


UNKNOWN_NODE: Final = Offer(name=REHEARSED)
"""A node of which nothing is known but what it carried."""


def by_hand(node: RehearsedNode) -> Offer:
    """The rehearsed node as the scenario describes it."""

    def fact(value: float | str | None) -> dict[str, object] | None:
        said = {"source": "scenario, launch.node", "as_of": "", "confidence": "assumed"}
        return None if value is None else {"value": value, **said}

    egress = node.model_dump()["egress"]
    price = fact(node.usd_per_hour)
    return Offer.model_validate(
        {
            "name": REHEARSED,
            "vcpus": fact(node.vcpus),
            "memory_gib": fact(node.memory_gib),
            "egress": fact(egress),
            "usd_per_hour": {} if price is None else {EVERYWHERE: price},
        }
    )
