"""What a region is planned with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from advisor.buying import Shop
from advisor.capacity import Capacities
from advisor.demand import Demand
from advisor.lead import Part, TimeToCapacity, time_to_capacity
from advisor.models import Excuse
from advisor.offer import UNKNOWN_NODE, Offer
from advisor.residency import Residence
from advisor.rise import Rise
from loadtests.launch import Launch
from loadtests.scaling import Launches


@dataclass(frozen=True, slots=True)
class Asked:
    """What a region is planned with."""

    demand: Demand
    capacities: Capacities
    launch: Launch
    factor: float
    """Whole audience over the viewers that were tested."""
    measured: tuple[Part, ...] = ()
    """Parts of the wait for a node that were measured; what ``launch.time_to_capacity`` says goes before them."""
    rise: Rise | None = None
    """How fast demand grows; None when nobody knows, and then all nodes must stand before the surge."""
    node: Offer = UNKNOWN_NODE
    """What the rehearsed node is."""
    offers: tuple[Offer, ...] = ()
    """What else may be bought."""
    places: Mapping[str, str] = field(default_factory=dict)
    """The region's name with each provider."""
    shops: tuple[Shop, ...] = ()
    """How offers may be bought, by catalogue."""
    residence: Residence | None = None
    """Where nodes may stand, where the scenario says it; ``places`` keep to it."""
    barred: Excuse | None = None
    """Why no node may stand anywhere for this region; None where one may."""
    is_brief: bool = False
    """Whether only the counts are wanted: no limits with their slack, no drivers, no curve of regret, no offers."""
    event_seconds: float = 0.0
    """Length of the event, for what it costs; 0 when nobody knows."""

    @property
    def waiting(self) -> TimeToCapacity:
        """How long a new node takes."""
        return time_to_capacity(self.launch.time_to_capacity, self.measured)

    def place_of(self, offer: Offer) -> str:
        """What the offer's provider calls this region; empty when it has none, or the offer no provider."""
        return self.places.get(offer.provider, "")

    def shop_of(self, offer: Offer) -> Shop | None:
        """How an offer may be bought; None where no catalogue says it."""
        return next((shop for shop in self.shops if shop.catalog == offer.catalog), None)

    def launches_of(self, offer: Offer) -> Launches | None:
        """How fast nodes of this offer are started: by the scenario's word, else its provider's; None if unknown."""
        return self.launch.scaling.launches or offer.launches

    def quota_of(self, offer: Offer) -> int | None:
        """VCPUs of this offer that may run here; None when nobody knows."""
        own = self.launch.quota_vcpus.get(self.demand.region)
        known = offer.quota_vcpus.get(self.place_of(offer))
        return own if own is not None else None if known is None else int(known.value)
