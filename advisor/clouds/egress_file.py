"""Prices of data out of EC2 to the internet, from the AWS price list, and the file that holds them.

Products of ``AWSDataTransfer`` from a region to ``External``; that CloudFront fetches for nothing stands in the file
that ships and is carried over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from typing import Final

import yaml

from advisor.clouds.aws import Aws, Refused
from advisor.clouds.catalog_file import flow
from advisor.clouds.excuses import excuse
from advisor.clouds.price_list import Ladder, at_borders, borders_of, ladder, products
from advisor.models import Excuse

SERVICE: Final = "AWSDataTransfer"
OUT: Final = {"transferType": "AWS Outbound", "toLocation": "External"}
USAGE: Final = "DataTransfer-Out-Bytes"
NAME: Final = "aws-egress"
AGAIN: Final = "surgecast catalog refresh --egress"
SOURCE: Final = "AWS Pricing GetProducts, AWSDataTransfer, AWS Outbound to External by region and tier, on demand"


@dataclass(slots=True)
class EgressMarket:
    """What was found."""

    per_gb: dict[str, Ladder] = field(default_factory=dict)
    """USD, by region; those without a price are left out."""
    excuses: list[Excuse] = field(default_factory=list)


def look_up_egress(aws: Aws, regions: Sequence[str]) -> EgressMarket:
    """The prices of these regions; whichever cannot be had is an excuse."""
    market = EgressMarket()
    for region in regions:
        try:
            found = [one for one in products(aws, SERVICE, fromRegionCode=region, **OUT) if one.usage.endswith(USAGE)]
        except Refused as refused:
            market.excuses.append(excuse(refused, region))
            continue
        steps = ladder(found, "GB")
        if any(steps.values()):
            market.per_gb[region] = steps
    return market


def egress_text(market: EgressMarket, regions: Sequence[str], day: date) -> str:
    """The whole file; the market has a price."""
    text = (resources.files("advisor") / "egress" / "lists" / f"{NAME}.yaml").read_text(encoding="utf-8")
    shipped = yaml.safe_load(text)
    borders = borders_of(market.per_gb.values())
    prices = {"source": SOURCE, "as_of": day.isoformat(), "confidence": "measured"}
    unknown = [region for region in regions if region not in market.per_gb]
    lines = [
        f"# Data out of EC2 to the internet, written by `{AGAIN}` on {day.isoformat()}. The free 100 GB a month are",
        "# not taken off. Changes by hand are lost when it is made again. A price that is null or not here is unknown.",
        *(f"# Not read: {one.reason.text}" for one in market.excuses),
        *([f"# Without a price: {', '.join(unknown)}."] if unknown else []),
        *(f"{key}: {flow(shipped[key])}" for key in ("name", "provider", "period", "tiers")),
        f"borders_gb: {flow([int(one) if one == int(one) else one for one in borders])}",
        "facts:",
        f"  prices: {flow(prices)}",
        f"  free: {flow(shipped['facts']['free'])}",
        f"free_to: {flow(shipped['free_to'])}",
        "per_gb:",
        *(f"  {region}: {flow(list(at_borders(one, borders)))}" for region, one in sorted(market.per_gb.items())),
    ]
    return "\n".join(lines) + "\n"
