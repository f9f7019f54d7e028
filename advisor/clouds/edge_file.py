"""A CDN's file from what CloudFront was found to charge and allow: the same findings give the same text, byte for byte.

Which regions are in which zone, the service level, the cache key, notices and what is advised in place of a shield, no
interface tells: they stand in the file that ships and are carried over with their own source and date. So is a kind of
figure that could not be read at all, and the file says so. In a kind that was read, what is missing is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from importlib import resources
from typing import Any, Final

import yaml

from advisor.cdns.allowance import applied
from advisor.cdns.offer import CdnOffer
from advisor.cdns.shield import has_place
from advisor.clouds.catalog_file import flow
from advisor.clouds.edge import EdgeMarket
from advisor.clouds.price_list import at_borders, borders_of
from advisor.models import Excuse

AGAIN: Final = "surgecast catalog refresh --cdn"
SOURCES: Final = {
    "prices": "AWS Pricing GetProducts, AmazonCloudFront, data transfer out by edge zone and tier, on demand",
    "requests": "AWS Pricing GetProducts, AmazonCloudFront, HTTPS requests (Tier2-HTTPS) by edge zone, on demand",
    "shield": "AWS Pricing GetProducts, AmazonCloudFront, Origin Shield requests by region, on demand",
}
NAME: Final = "cloudfront"


def edge_text(market: EdgeMarket, day: date) -> str:
    """The whole file."""
    said = yaml.safe_load((resources.files("advisor") / "cdns" / "offers" / f"{NAME}.yaml").read_text(encoding="utf-8"))
    if market.has_prices:
        _priced(said, market, day)
    if market.quotas is not None:
        shipped = CdnOffer.model_validate(said)
        own = applied(shipped, market.quotas, market.account, day)
        limits, origin = own.limits, own.facts.limits
        said |= {"limits": limits and limits.model_dump(mode="json")}
        said["facts"]["limits"] = origin and origin.model_dump()
    lines = [
        f"# Amazon CloudFront, written by `{AGAIN}` on {day.isoformat()}. Changes by hand are lost when",
        "# it is made again. The free 1 TB and 10 million requests a month are not taken off. What is null is unknown.",
        *(f"# Not read, and as in the file that ships: {one.reason.text}" for one in market.excuses),
        *(f"# {line}" for line in _gaps(said, market)),
        *(f"{key}: {flow(value)}" for key, value in said.items() if key not in NESTED and value is not None),
        *_nested(said),
    ]
    return "\n".join(lines) + "\n"


NESTED: Final = ("facts", "zones", "notices")


def _nested(said: dict[str, Any]) -> Iterator[str]:
    for key in ("facts", "zones"):
        yield f"{key}:"
        yield from (f"  {name}: {flow(value)}" for name, value in said[key].items())
    yield "notices:"
    yield from (f"  - {flow(value)}" for value in said.get("notices", ()))


def _priced(said: dict[str, Any], market: EdgeMarket, day: date) -> None:
    """Prices and fees as they were found, in place of those that ship."""
    today = {"as_of": day.isoformat(), "confidence": "measured"}
    said["facts"] |= {kind: {"source": text} | today for kind, text in SOURCES.items()}
    borders = borders_of(market.traffic.values())
    said["borders_gb"] = [_bare(border) for border in borders]
    for name, zone in said["zones"].items():
        zone.pop("per_gb", None)
        zone.pop("per_10k", None)
        if found := market.traffic.get(name):
            zone["per_gb"] = list(at_borders(found, borders))
        if name in market.requests:
            zone["per_10k"] = market.requests[name]
    fees = {region: fee for region, fee in market.shield.items() if has_place(said["shield"]["provider"], region)}
    advised = said["shield"].pop("instead_of")
    said["shield"] |= {"per_10k": fees, "instead_of": {far: near for far, near in advised.items() if near in fees}}
    if not fees:
        said["shield"] = None
        said["facts"].pop("shield")


def _gaps(said: dict[str, Any], market: EdgeMarket) -> Iterator[str]:
    """A line for what was looked for and is not there."""
    if not market.has_prices:
        yield "Prices, fees and shields are as in the file that ships: none was found."
    for name, zone in said["zones"].items():
        if None in zone.get("per_gb", (None,)):
            yield f"{name}: a tier has no price in the list, or the list has two."
        if "per_10k" not in zone:
            yield f"{name}: no fee for requests is in the list, or two are."
    if said["shield"] is None:
        yield "No fee for a shield is in the list."
    for region in market.shield:
        if said["shield"] and region not in said["shield"]["per_10k"]:
            yield f"A shield in {region} is left out: nobody says where that is."
    if missing := [name for name, value in market.quotas or () if value is None]:
        yield f"Service Quotas does not list {', '.join(missing)}: as in the file that ships."


def gaps(text: str, excuses: Sequence[Excuse]) -> list[str]:
    """What a file says at its top that it lacks, for a terminal, beside what could not be read at all."""
    head = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")]
    return head[2 + len(excuses) :]


def _bare(value: float) -> float | int:
    return int(value) if value == int(value) else value


def changes(before: CdnOffer, after: CdnOffer) -> Iterator[str]:
    """What is other than before, in a few lines for a terminal."""
    both = [name for name in after.zones if name in before.zones]
    for word, names in (
        ("prices changed", [name for name in both if before.tariff(name) != after.tariff(name)]),
        ("fees changed", [name for name in both if before.zones[name].per_10k != after.zones[name].per_10k]),
        ("shields changed", [NAME] if before.shield != after.shield else []),
        ("quotas changed", [NAME] if before.limits != after.limits else []),
    ):
        if names:
            yield f"{word}: {', '.join(names)}"


def lost(before: CdnOffer, after: CdnOffer) -> list[str]:
    """Zones that had a price or a fee and would have none at all."""
    return [
        name
        for name, zone in before.zones.items()
        if (zone.per_gb and not any(after.zones[name].per_gb)) or (zone.per_10k and not after.zones[name].per_10k)
    ]
