"""The event split over CDNs: each region goes to the cheapest that may serve it, until that one is full.

Largest region first; in it, CDNs by what the region's whole event would cost there alone, the shield included; those of
unknown price last, by how many of their prices are unknown and then by what is known.
A CDN takes as much of the region's peak as its limits leave, and the next one the rest; less than `SLIVER` it leaves to
the next ones, if they have room for it. Limits are held against the high ends of what is asked, and regions are added
up as if all had their peak at once. Where an account was read, the distributions that it has left are a limit too,
and each carries one region. That
is a rule, not an optimum: prices fall with volume, and a cheaper split may be had where two CDNs are close.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from advisor import figures
from advisor.cdns.increase import distributions
from advisor.cdns.offer import CdnOffer
from advisor.cdns.shield import PER, shield_fee, shield_of
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.plans.refusals import FIX
from advisor.texts import say
from loadtests.caching import Caching

Shares: TypeAlias = Mapping[str, Mapping[str, float]]
"""Per region and CDN, what share of the region's traffic it carries; those without a share are not there."""
Carries: TypeAlias = Mapping[str, int]
"""Per CDN, the distributions left in an account, each for one region; without an account none."""
UNBOUND: Final[Carries] = {}
FREE: Final = Interval.exact(0.0)
NOTHING: Final = 1e-9
"""Less than this of a region is none of it."""
SLIVER: Final = 0.01
"""Less than this of a region is not worth one more CDN, if others can carry it (assumed)."""


@dataclass(frozen=True, slots=True)
class EdgeLoad:
    """What one region asks of CDNs."""

    region: str
    viewers: float
    """At the peak."""
    peak: Interval
    """bit/s."""
    requests: Interval
    """Per second at the peak."""
    gb: Interval
    """Of the whole event."""
    event_requests: Interval
    """Of the whole event."""
    shield_requests: Interval | None = None
    """At the shield during the whole event at its peak rate, where ``launch.cdn`` has one and that is known."""

    def part(self, share: float) -> EdgeLoad:
        """A share of its viewers. The shield is asked as often whatever the share: each object once per location."""
        return EdgeLoad(
            self.region,
            self.viewers * share,
            self.peak.scale(share),
            self.requests.scale(share),
            self.gb.scale(share),
            self.event_requests.scale(share),
            self.shield_requests,
        )


@dataclass
class Room:
    """What one CDN may still take."""

    offer: CdnOffer
    egress: float
    requests: float
    left: int | None = None
    """Distributions; None without an account."""

    def fits(self, load: EdgeLoad, wanted: float) -> float:
        """The share of a region that fits, at most ``wanted``."""
        share = min(wanted, _share(self.egress, load.peak.high), _share(self.requests, load.requests.high))
        if self.left is not None and (limits := self.offer.limits):
            most = self.left * limits.egress, self.left * limits.requests_per_second
            share = min(share, _share(most[0], load.peak.high), _share(most[1], load.requests.high), self.left)
        return 0.0 if share < NOTHING else share

    def take(self, load: EdgeLoad, share: float) -> None:
        """A share that fits is taken."""
        self.egress = max(0.0, self.egress - share * load.peak.high)
        self.requests = max(0.0, self.requests - share * load.requests.high)
        if self.left is not None:
            self.left -= distributions(self.offer, share * load.peak.high, share * load.requests.high) or 0


def _share(left: float, asked: float) -> float:
    return left / asked if asked > 0 else math.inf


class Price(NamedTuple):
    """Of one region's whole event on one CDN alone. They are compared: what is known before what is not, then cheap."""

    unknown: int
    """How many of the prices of traffic, requests and shield are not known."""
    usd: float
    """Of those that are known."""


def price_alone(offer: CdnOffer, load: EdgeLoad, caching: Caching, zone: str) -> Price:
    """What one region costs in a CDN's price zone, its shield included where ``launch.cdn`` has one."""
    tariff, fee = offer.tariff(zone), offer.zones[zone].per_10k
    used = caching.used_gb.get(offer.name, {}).get(zone, 0.0)
    traffic = None if tariff is None else tariff.charge(load.gb.mid, used)
    requests = None if fee is None else load.event_requests.mid / PER * fee * offer.dollars
    shield = shield_fee(offer, load.shield_requests, shield_of(offer, caching.origin)) if caching.shield else FREE
    prices = (traffic, requests, None if shield is None else shield.mid)
    return Price(prices.count(None), sum(price for price in prices if price is not None))


def may_serve(offer: CdnOffer, region: str, caching: Caching) -> bool:
    """Whether the scenario lets it, and anybody says that it is there."""
    return offer.name in caching.allowed.get(region, (offer.name,)) and offer.zone_of(region) is not None


def split(
    offers: Sequence[CdnOffer], loads: Sequence[EdgeLoad], caching: Caching, carries: Carries = UNBOUND
) -> Shares:
    """Who carries how much of each region; what fits nowhere is in nobody's share."""
    whole = sum(load.peak.high for load in loads)
    most = caching.largest_share * whole if caching.largest_share < 1 else math.inf
    rooms = {}
    for offer in offers:
        rooms[offer.name] = Room(
            offer,
            min(caching.most_egress.get(offer.name, math.inf), most),
            caching.most_requests.get(offer.name, math.inf),
            carries.get(offer.name),
        )
    found: dict[str, dict[str, float]] = {load.region: {} for load in loads}
    for load in sorted(loads, key=lambda one: -one.peak.high):
        turns = {offer.name: rooms[offer.name] for offer in _cheapest_first(offers, load, caching)}
        found[load.region] = _filled(load, turns)
    return found


def _filled(load: EdgeLoad, turns: Mapping[str, Room]) -> dict[str, float]:
    """What of a region each CDN takes, in turn."""
    found: dict[str, float] = {}
    left, later = 1.0, list(turns.values())
    for name, room in turns.items():
        later.pop(0)
        share = room.fits(load, left)
        is_sliver = share < min(SLIVER, left)
        if share and not (is_sliver and sum(one.fits(load, left) for one in later) >= left):
            room.take(load, share)
            found[name] = share
            left -= share
    return found


def _cheapest_first(offers: Sequence[CdnOffer], load: EdgeLoad, caching: Caching) -> list[CdnOffer]:
    able = [offer for offer in offers if may_serve(offer, load.region, caching)]
    return sorted(able, key=lambda offer: price_alone(offer, load, caching, offer.zone_of(load.region) or ""))


def excuses(
    offers: Sequence[CdnOffer],
    loads: Sequence[EdgeLoad],
    caching: Caching,
    shares: Shares,
    carries: Carries = UNBOUND,
) -> Iterator[Excuse]:
    """Why each CDN that carries nothing of a region does not; the reason's key is its code."""
    for load in loads:
        taken = shares[load.region]
        asked = _asked(_cheapest_first(offers, load, caching), taken)
        for offer in offers:
            if offer.name not in taken:
                full = ("cdn_account_full" if offer.name in carries else "cdn_full") if offer.name in asked else ""
                yield _excuse(offer, load, caching, full)


def _asked(turns: Sequence[CdnOffer], taken: Mapping[str, float]) -> list[str]:
    """CDNs that had their turn before the region was carried, so that those without a share of it had no room."""
    names = [offer.name for offer in turns]
    is_carried = bool(taken) and sum(taken.values()) > 1 - NOTHING
    return names[: max(names.index(name) for name in taken)] if is_carried else names


def _excuse(offer: CdnOffer, load: EdgeLoad, caching: Caching, full: str) -> Excuse:
    """``full`` is the reason of one that had its turn, and no room."""
    region = load.region
    if offer.name not in caching.allowed.get(region, (offer.name,)):
        key = "cdn_not_allowed"
    elif (zone := offer.zone_of(region)) is None:
        key = "cdn_zone_unknown"
    elif full:
        key = full
    elif price_alone(offer, load, caching, zone).unknown:
        key = "cdn_price_unknown"
    else:
        key = "cdn_dearer"
    values = {"region": region, "cdn": offer.name}
    return Excuse(about=offer.name, reason=say(key, **values), remedy=say(f"{key}{FIX}", **values))


def unplaced(loads: Sequence[EdgeLoad], shares: Shares, carries: Carries = UNBOUND) -> Iterator[Excuse]:
    """What of a region nobody carries."""
    key = "cdn_unplaced_account" if carries else "cdn_unplaced"
    for load in loads:
        left = 1.0 - sum(shares[load.region].values())
        if left > NOTHING:
            yield _left(load, left, f"{key}{FIX}")


def _left(load: EdgeLoad, left: float, fix: str) -> Excuse:
    values = {
        "region": load.region,
        "share": figures.percent(left),
        "wire": figures.bits(load.peak.high * left),
        "requests": figures.rate(load.requests.high * left, "requests/s"),
    }
    return Excuse(about=load.region, reason=say("cdn_unplaced", **values), remedy=say(fix))
