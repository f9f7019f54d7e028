"""What a terminal shows of CDNs that may be bought: which there are, how old, and what stands in one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from advisor import figures
from advisor.cdns.offer import CdnOffer, Zone, load_offer, offer_names
from advisor.offers.shelves import UNKNOWN, age, table


def cdn_list_lines(day: date) -> Iterator[str]:
    """A line for each CDN that ships."""
    offers = [load_offer(name) for name in offer_names()]
    heads = ("CDN", "zones", "limits", "as of")
    known = {True: "known", False: UNKNOWN}
    return table([heads, *((one.name, str(len(one.zones)), known[bool(one.limits)], _age(one, day)) for one in offers)])


def _age(offer: CdnOffer, day: date) -> str:
    """The oldest of what grows stale: prices, fees, limits."""
    facts = offer.facts
    dated = min((one.as_of for one in (facts.prices, facts.requests, facts.shield, facts.limits) if one), default="")
    return age(dated, day) if dated else "without prices"


def cdn_lines(offer: CdnOffer, day: date) -> Iterator[str]:
    """A CDN: where its figures are from, its limits, then a zone a line and the fees of its shields."""
    yield f"{offer.name} ({offer.title.en}), {_age(offer, day)}"
    for kind, origin in offer.facts:
        if origin is not None:
            yield f"  {kind}: {origin.source}, {origin.as_of}, {origin.confidence}"
    limits = offer.limits
    if limits is None:
        yield "  limits: not known"
    else:
        rate = f"{figures.bits(limits.egress)} and {limits.requests_per_second:,.0f} requests/s a distribution"
        yield f"  limits: {rate}, {limits.distributions:,} distributions"
    if offer.credits:
        yield "  paid back: " + ", ".join(
            f"below {figures.percent(one.below)} {figures.percent(one.share)}" for one in offer.credits
        )
    for one in offer.support:
        yield f"  support: {one.severity} within {one.within / 60:g} min ({', '.join(one.plans)})"
    borders = ", ".join(f"{one:,.0f}" for one in offer.borders_gb)
    yield f"  tiers ({offer.tiers}, by {offer.period}), GB: {borders or 'one'}"
    heads = ("zone", f"{offer.currency} per GB", "per 10,000 requests", "regions")
    yield from table([heads, *(_row(name, zone) for name, zone in offer.zones.items())])
    if offer.shield is not None:
        fees = ", ".join(f"{region} {fee:g}" for region, fee in offer.shield.per_10k.items())
        yield f"shields, per 10,000 requests: {fees}"


def _row(name: str, zone: Zone) -> tuple[str, ...]:
    prices = " ".join(UNKNOWN if one is None else f"{one:g}" for one in zone.per_gb)
    taken = tuple(f"{code} (assumed)" for code in zone.taken)
    fee = UNKNOWN if zone.per_10k is None else f"{zone.per_10k:g}"
    return name, prices or UNKNOWN, fee, " ".join((*zone.regions, *taken))
