"""What an event costs where its viewers are served by the nodes themselves, without a CDN: nodes, and data out of them.

The volume is that of the edge (`advisor.demands.cdn.Cdn.event_gb`): whoever serves viewers sends them the same. Regions
of a scenario that stand in one provider region share its tiers, and each pays for its part of the volume. What else
leaves the provider's region in the month is not known; it could only make the event cheaper, because prices fall with
volume.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

from advisor.egress.prices import EgressList
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.offers.offer import Offer
from advisor.offers.origin import Origin
from advisor.plans.plan import Plan
from loadtests.region import Frozen


class EgressCost(Frozen):
    """One region of the advice, served by its nodes alone. Money in US dollars; None where a price is not known."""

    provider: str
    place: str
    """As the provider calls it."""
    gb: Interval
    """Out to the internet, during the event."""
    usd: Interval | None
    """For that volume, at list price."""
    nodes_usd: float | None
    """For the nodes at the peak, as long as the event lasts: the best offer, or the mix where none fits alone."""
    total_usd: Interval | None
    free_to: tuple[str, ...]
    """CDNs that would fetch from these nodes for nothing."""
    together: tuple[str, ...]
    """Regions of the advice that share the place, and so its tiers."""
    origin: Origin | None
    """Where the price is from."""


class Leaving(NamedTuple):
    """What leaves the nodes of one region of the advice."""

    code: str
    nodes: Plan | Excuse
    places: Mapping[str, str]
    gb: Interval


def egress_costs(leaving: Sequence[Leaving], node: Offer, lists: Mapping[str, EgressList]) -> dict[str, EgressCost]:
    """Of each region whose nodes somebody sells, by its code."""
    seats = {one.code: seat for one in leaving if (seat := _seat(one, node)) is not None}
    volumes = {one.code: one.gb for one in leaving if one.code in seats}
    found = {}
    for code, (provider, place, nodes_usd) in seats.items():
        together = tuple(other for other in seats if seats[other][:2] == (provider, place))
        prices = lists.get(provider)
        usd = _charge(prices, place, volumes[code], [volumes[other] for other in together])
        found[code] = EgressCost(
            provider=provider,
            place=place,
            gb=volumes[code],
            usd=usd,
            nodes_usd=nodes_usd,
            total_usd=None if usd is None or nodes_usd is None else usd.plus(Interval.exact(nodes_usd)),
            free_to=prices.free_to if prices else (),
            together=together,
            origin=prices.facts.prices if prices and usd is not None else None,
        )
    return found


def _seat(one: Leaving, node: Offer) -> tuple[str, str, float | None] | None:
    """Provider, its region, and what the nodes cost: of the best offer, else of the mix, else unknown."""
    choice = one.nodes.offers if isinstance(one.nodes, Plan) else None
    best = choice and choice.chosen
    offer = best.offer if best else node
    place = one.places.get(offer.provider, "")
    priced = None if choice is None else choice.best or choice.mix  # of a mix only where nothing fits alone
    return (offer.provider, place, None if priced is None else priced.usd_per_event) if place else None


def _charge(prices: EgressList | None, place: str, own: Interval, all_there: Sequence[Interval]) -> Interval | None:
    tariff = prices.tariff(place) if prices else None
    whole = reduce(Interval.plus, all_there)
    cost = tariff.cost(whole) if tariff else None
    return cost.scale(own.mid / whole.mid if whole.mid else 0.0) if cost else None
