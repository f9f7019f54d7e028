"""Where the shield should stand: the cache before the origin that is nearest to it.

The vendor asks for the lowest latency to the origin (CloudFront developer guide, "Using Origin Shield"). Nobody
measured it, so the nearest by great circle is taken, but for cloud regions of which the vendor itself says where to go.
"""

from __future__ import annotations

from typing import Final

from advisor.cdns.offer import CdnOffer, Shield
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.texts import say
from loadtests.cities import atlas
from loadtests.region import Frozen

PER: Final = 1e4
"""Requests that a fee is for."""


class ShieldChoice(Frozen):
    """A shield for one origin."""

    region: str
    """Of the vendor's cloud."""
    kilometres: float
    """From the origin."""
    per_10k: float
    """US dollars for 10,000 requests."""
    is_named: bool = False
    """Whether the vendor names it for the origin's cloud region; otherwise it is the nearest."""


def shield_of(offer: CdnOffer, origin: str) -> ShieldChoice | Excuse | None:
    """The shield of a CDN for an origin at a city or cloud region; None where the CDN is not known to have any."""
    if offer.shield is None:
        return None
    if not origin:
        return Excuse(about=offer.name, reason=say("shield_no_origin"), remedy=say("shield_no_origin_fix"))
    place = atlas().find(origin)
    shield = offer.shield
    named = _named(shield, place)
    distances = {
        region: atlas().kilometres(place, atlas().find(f"{shield.provider}:{region}")) for region in shield.per_10k
    }
    region = named or min(distances, key=lambda one: (distances[one], one))
    return ShieldChoice(
        region=region,
        kilometres=distances[region],
        per_10k=shield.per_10k[region] * offer.dollars,
        is_named=named is not None,
    )


def shield_fee(offer: CdnOffer, asked: Interval | None, shield: ShieldChoice | Excuse | None) -> Interval | None:
    """US dollars for so many requests at the shield: by its price, or between the cheapest and the dearest one's.

    None where the requests or a price are not known.
    """
    if offer.shield is None or asked is None:
        return None
    if isinstance(shield, ShieldChoice):
        return asked.scale(shield.per_10k / PER)
    prices = sorted(price * offer.dollars for price in offer.shield.per_10k.values())
    low, mid, high = (price / PER for price in (prices[0], prices[len(prices) // 2], prices[-1]))
    return asked.model_copy(update={"low": asked.low * low, "mid": asked.mid * mid, "high": asked.high * high})


def has_place(provider: str, region: str) -> bool:
    """Whether anybody says where a cloud region is."""
    return any(city.providers.get(provider) == region for city in atlas().cities.values())


def _named(shield: Shield, place: str) -> str | None:
    here = atlas().cities[place].providers.get(shield.provider, "")
    return shield.instead_of.get(here)
