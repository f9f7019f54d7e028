"""What a region is planned with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from advisor.blocks import Floats
from advisor.capacities.capacity import Capacities
from advisor.clouds.counted import lasting, paid, serving, used_vcpus
from advisor.clouds.owned import NOTHING, Cover, cover
from advisor.clouds.quotas import PROVIDER, code_of
from advisor.clouds.snapshot import Account, Place
from advisor.demands.demand import Demand
from advisor.demands.rise import Rise
from advisor.models import Excuse, Unit
from advisor.offers.allowance import Allowance, Pool, Portion
from advisor.offers.buying import PurchaseName, Shop
from advisor.offers.offer import UNKNOWN_NODE, Offer
from advisor.offers.residency import Residence
from advisor.plans.lead import Part, TimeToCapacity, time_to_capacity
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
    tested: float = 1.0
    """Those viewers."""
    measured: tuple[Part, ...] = ()
    """Parts of the wait for a node that were measured; what ``launch.time_to_capacity`` says goes before them."""
    rise: Rise | None = None
    """How fast viewers grow; None when nobody knows, and then all nodes must stand before the surge."""
    joining: Rise | None = None
    """The same of joins."""
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
    ends: datetime | None = None
    """When it ends; None when nobody knows."""
    account: Place | None = None
    """What the account has where AWS serves the region; None where it was not read."""
    portion: Portion | None = None
    """What it has of the quotas that it shares; None where nothing was divided."""
    needed: Floats | None = field(default=None, compare=False)
    """Nodes of every offer before headroom, not yet whole, where they were worked out before."""

    def within(self, account: Account | None) -> Asked:
        """With what an account has where AWS serves the region."""
        place = None if account is None else account.place(self.places.get(PROVIDER, ""))
        return replace(self, account=place)

    def rise_of(self, unit: Unit) -> Rise | None:
        """How fast a resource of this unit is asked for more: bits and requests grow with the viewers."""
        return self.joining if unit == "joins/s" else self.rise

    @property
    def waiting(self) -> TimeToCapacity:
        """How long a new node takes."""
        return time_to_capacity(self.launch.time_to_capacity, self.measured)

    def place_of(self, offer: Offer) -> str:
        """What the offer's provider calls this region; empty when it has none, or the offer no provider."""
        return self.places.get(offer.provider, "")

    def shop_of(self, offer: Offer) -> Shop | None:
        """How an offer may be bought, with the quotas of its own family; None where no catalogue says it."""
        shop = next((shop for shop in self.shops if shop.catalog == offer.catalog), None)
        if shop is None:
            return None
        ways = {name: way.model_copy(update={"quota": self.code_of(offer, name)}) for name, way in shop.buying.items()}
        return shop.model_copy(update={"buying": ways})

    def code_of(self, offer: Offer, way: PurchaseName) -> str:
        """The provider's code of the quota that an offer counts against; empty where it is not known."""
        if offer.provider == PROVIDER and code_of(offer.name):
            return code_of(offer.name, spot=way == "spot")
        buying = next((shop.buying for shop in self.shops if shop.catalog == offer.catalog), {})
        return buying[way].quota if way in buying else ""

    def launches_of(self, offer: Offer) -> Launches | None:
        """How fast nodes of this offer are started: by the scenario's word, else its provider's; None if unknown."""
        return self.launch.scaling.launches or offer.launches

    def place_in_account(self, offer: Offer) -> Place | None:
        """What the account has where the offer would run; None where it was not read, or is not asked of AWS."""
        return self.account if offer.provider == PROVIDER else None

    def _own(self, offer: Offer) -> Place | None:
        """The same with no more than this market's part of what serves and is reserved."""
        place = self.place_in_account(offer)
        return self.portion.own if place is not None and self.portion is not None else place

    def serving(self, offer: Offer, *, spot: bool = False) -> int:
        """Nodes of the offer that serve today."""
        place = self._own(offer)
        return 0 if place is None else serving(place, offer.name, spot=spot)

    def reserved(self, offer: Offer, nodes: int) -> int:
        """Of so many nodes of the offer those that stand in free capacity reservations."""
        place = self._own(offer)
        return 0 if place is None else paid(place, offer.name, nodes, self.launch.zones, self.ends)

    def cover(self, offer: Offer) -> Cover:
        """Nodes of the offer that are paid for either way: reserved, or covered by Reserved Instances."""
        place = self._own(offer)
        return NOTHING if place is None else cover(place, offer.name, self.launch.zones, self.ends)

    def paid(self, offer: Offer, nodes: int) -> int:
        """Of so many nodes of the offer those that are paid for already."""
        return self.cover(offer).paid(nodes)

    def held(self, offer: Offer) -> tuple[int, ...]:
        """Nodes of the offer that free reservations hold, for each zone that is planned with: those that hold most."""
        place, zones, free = self._own(offer), self.launch.zones, Counter[str]()
        for one in () if place is None else lasting(place, offer.name, self.ends):
            free[one.zone] += one.free
        return (*(count for _, count in free.most_common(zones)), *[0] * (zones - len(free)))

    def allowance(self, offer: Offer, nodes: int, *, spot: bool = False) -> Allowance:
        """VCPUs of the offer that may run here, where so many nodes of it are planned.

        What the scenario says goes before what the account has, and that before what the catalogue says.
        """
        found = self._allowed(offer, nodes, spot=spot)
        pool = None if self.portion is None else self.pool(offer, found, spot=spot)
        if pool is None or self.portion is None or pool not in self.portion.others:
            return found
        others, markets = self.portion.others[pool]
        return found.model_copy(update={"others": others, "markets": markets})

    def pool(self, offer: Offer, allowed: Allowance, *, spot: bool = False) -> Pool | None:
        """The quota that an offer may share with other markets; None where it is this market's own, or not known."""
        if allowed.quota is None or allowed.source == "launch":
            return None
        name = allowed.code or f"{offer.catalog} {allowed.quota}"
        return Pool(offer.provider, self.place_of(offer), name, spot)

    def _allowed(self, offer: Offer, nodes: int, *, spot: bool) -> Allowance:
        code, used = self.code_of(offer, "spot" if spot else "on_demand"), self._used(offer, nodes, spot=spot)
        said = None if spot else self.launch.quota_vcpus.get(self.demand.region)
        if said is not None:
            return Allowance(source="launch", code=code, quota=said, used=used)
        place = self.place_in_account(offer)
        if place is not None and code in place.quotas:
            return Allowance(source="account", code=code, quota=place.quotas[code], used=used)
        known = (offer.quota_spot_vcpus if spot else offer.quota_vcpus).get(self.place_of(offer))
        if known is not None:
            return Allowance(source="catalog", code=code, quota=known.value, used=used)
        return Allowance(code=code, used=used)

    def _used(self, offer: Offer, nodes: int, *, spot: bool) -> int | None:
        """By others than the plan's own nodes."""
        place, code = self.place_in_account(offer), self.code_of(offer, "spot" if spot else "on_demand")
        used = None if place is None or not code else used_vcpus(place, code, spot=spot)
        if used is None:
            return None
        own = self.serving(offer, spot=spot) + (0 if spot else self.reserved(offer, nodes))
        return used - min(used, 0 if offer.vcpus is None else min(own, nodes) * offer.vcpus.value)
