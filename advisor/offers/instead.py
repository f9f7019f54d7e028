"""One's own offers in the place of those that ship, in every provider region that a file of one's own looked at.

There the file alone is believed: a price or a quota that it has not is unknown, and a type that it has not is not known
to be sold. Everywhere else what ships stays. So no type stands there twice, once at the account's own price and once at
the price of another region, which may be lower and is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from advisor.offers.offer import Offer


def instead(shipped: Iterable[Offer], own: Sequence[Offer]) -> tuple[Offer, ...]:
    """All of one's ``own``, each with what ships of it for regions that no own file looked at; then what else ships."""
    looked = {(offer.provider, region) for offer in own for region in offer.zones or ()}
    left = {(one.provider, one.name): _left(one, looked) for one in shipped}
    mine: dict[tuple[str, str], Offer] = {}
    for one in own:
        key = (one.provider or one.catalog, one.name)
        mine[key] = _joined(mine[key], _within(one, one.zones or ())) if one.provider and key in mine else one
    every = mine.values()
    ours = [one if (rest := left.pop((one.provider, one.name), None)) is None else _joined(one, rest) for one in every]
    return (*ours, *left.values())


def _left(shipped: Offer, looked: AbstractSet[tuple[str, str]]) -> Offer:
    """What ships, for the regions of its provider that no own file looked at."""
    if all(provider != shipped.provider for provider, _ in looked):
        return shipped
    return _within(shipped, [region for region in shipped.zones or () if (shipped.provider, region) not in looked])


def _joined(own: Offer, rest: Offer) -> Offer:
    """One offer of both: the shape as one's own file says it, the figures of each region from where they are known."""
    ours = _within(own, own.zones or ())
    both = ("zones", "usd_per_hour", "quota_vcpus", "quota_spot_vcpus")
    return own.model_copy(update={name: getattr(rest, name) | getattr(ours, name) for name in both})


def _within(offer: Offer, regions: Iterable[str]) -> Offer:
    """An offer for these regions alone: a price that holds everywhere else is written out for each of them."""
    regions, zones = tuple(regions), offer.zones or {}
    prices = {region: price for region in regions if (price := offer.price_in(region)) is not None}
    quotas = {
        name: {region: fact for region, fact in getattr(offer, name).items() if region in regions}
        for name in ("quota_vcpus", "quota_spot_vcpus")
    }
    here = {region: zones[region] for region in regions}
    return offer.model_copy(update={"zones": here, "usd_per_hour": prices, **quotas})
