"""What CloudFront charges and allows: list prices by edge zone and tier, fees for requests and shields, quotas.

The price list knows an edge zone by the letters that a usage type begins with (Cost and Usage Report guide, "CloudFront
traffic"), and a shield by its cloud region. Prices and quotas of CloudFront are kept in us-east-1, and hold everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from advisor.cdns.quota import DISTRIBUTIONS, UNITS
from advisor.clouds.aws import HOME, Aws, Refused
from advisor.clouds.excuses import excuse
from advisor.clouds.price_list import Ladder, Product, ladder, products
from advisor.clouds.snapshot import EdgeQuotas
from advisor.models import Excuse

SERVICE: Final = "AmazonCloudFront"
ZONES: Final[Mapping[str, tuple[str, ...]]] = {
    "north-america": ("US",),
    "europe": ("EU",),
    "africa-middle-east": ("ZA", "ME"),
    "south-america": ("SA",),
    "japan": ("JP",),
    "asia-pacific": ("AP",),
    "india": ("IN",),
}
"""Zones of ``advisor/cdns/offers/cloudfront.yaml``, and what usage types call them. Of two both must charge alike."""
TRAFFIC: Final = "-DataTransfer-Out-Bytes"
REQUESTS: Final = "-Requests-Tier2-HTTPS"
SHIELD: Final = "-Requests-OriginShield"
PER: Final = 10_000
"""Requests that our fees are for; the list has the price of one."""
EGRESS: Final = "Data transfer rate per distribution"
REQUEST_RATE: Final = "Requests per second per distribution"


@dataclass(slots=True)
class EdgeMarket:
    """What was found."""

    traffic: dict[str, Ladder] = field(default_factory=dict)
    """USD per GB, by zone."""
    requests: dict[str, float] = field(default_factory=dict)
    """USD per 10,000, by zone."""
    shield: dict[str, float] = field(default_factory=dict)
    """The same at the shield, by cloud region."""
    has_prices: bool = False
    """Whether the list could be read, and has any of them."""
    quotas: EdgeQuotas | None = None
    """None where they could not be read."""
    account: str = ""
    """Whose quotas they are."""
    excuses: list[Excuse] = field(default_factory=list)


def look_up_edge(aws: Aws, account: str) -> EdgeMarket:
    """Prices and quotas; whichever cannot be had is an excuse."""
    market = EdgeMarket(account=account)
    try:
        _prices(list(products(aws, SERVICE)), aws.places(), market)
    except Refused as refused:
        market.excuses.append(excuse(refused))
    try:
        market.quotas = edge_quotas(aws)
    except Refused as refused:
        market.excuses.append(excuse(refused))
    return market


def _prices(found: Sequence[Product], places: Mapping[str, str], market: EdgeMarket) -> None:
    for zone, prefixes in ZONES.items():
        market.traffic[zone] = ladder(_of(found, prefixes, TRAFFIC), "GB")
        fee = ladder(_of(found, prefixes, REQUESTS), "Requests", per=PER)
        if len(fee) == 1 and (usd := fee[0.0]) is not None:
            market.requests[zone] = usd
    by_region: dict[str, list[Product]] = {}
    for one in found:
        named = places.get(one.attributes.get("location", "").replace("EU (", "Europe ("), "")
        if one.usage.endswith(SHIELD) and (region := one.attributes.get("regionCode") or named):
            by_region.setdefault(region, []).append(one)
    for region, same in sorted(by_region.items()):
        fee = ladder(same, "Requests", per=PER)
        if len(fee) == 1 and (usd := fee[0.0]) is not None:
            market.shield[region] = usd
    market.has_prices = any((*market.traffic.values(), market.requests, market.shield))


def _of(found: Sequence[Product], prefixes: Sequence[str], usage: str) -> list[Product]:
    names = {prefix + usage for prefix in prefixes}
    return [one for one in found if one.usage in names]


def edge_quotas(aws: Aws) -> EdgeQuotas:
    """Of the account, as they are applied to it. Raises `Refused`."""
    found: dict[str, float] = {}
    for one in aws.every("service-quotas", HOME, "list_service_quotas", "Quotas", ServiceCode="cloudfront"):
        names, value = (str(one.get("QuotaName", "")), str(one.get("QuotaCode", ""))), float(one.get("Value") or 0)
        if not (value > 0 and math.isfinite(value)):
            continue
        if EGRESS in names and (unit := UNITS.get(str(one.get("Unit") or ""))):
            found["egress"] = value * unit
        elif REQUEST_RATE in names:
            found["requests_per_second"] = value
        elif set(names) & set(DISTRIBUTIONS):
            found["distributions"] = int(value)
    return EdgeQuotas.model_validate(found)
