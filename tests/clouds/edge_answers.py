"""Answers of the price list and Service Quotas on CloudFront and on data out of EC2: AWS's own fields, cut down.

Prices are those of the files that ship, so that what is read back can be held against them. Beside what is looked for
stands what must not be taken for it: free allowances, data to origins, proxied and unencrypted requests, local zones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.clouds.answers import Answer, Asked

BORDERS = (10_240, 51_200, 153_600, 512_000, 1_048_576, 5_242_880)
US = ("0.0850000000", "0.0800000000", "0.0600000000", "0.0400000000", "0.0300000000", "0.0250000000", "0.0200000000")
ZA = ("0.1100000000", "0.1050000000", "0.0900000000", "0.0800000000", "0.0600000000", "0.0500000000", "0.0400000000")
TRAFFIC: Mapping[str, tuple[str, Sequence[str]]] = {
    "US": ("United States", US),
    "CA": ("Canada", US),
    "EU": ("Europe", US),
    "ZA": ("South Africa", ZA),
    "ME": ("Middle East", ZA),
    "SA": ("South America", ZA),
    "JP": ("Japan", ("0.114", "0.089", "0.086", "0.084", "0.080", "0.070", "0.060")),
    "AU": ("Australia", ("0.114", "0.098", "0.094", "0.092", "0.090", "0.085", "0.080")),
    "AP": ("Asia Pacific", ("0.120", "0.100", "0.095", "0.090", "0.080", "0.070", "0.060")),
    "IN": ("India", ("0.109", "0.085", "0.082", "0.080", "0.078", "0.075", "0.072")),
}
FEES = {"US": "0.0000010000", "SA": "0.0000022000"}
"""Of one HTTPS request; elsewhere 0.0000012."""
SHIELDS = {
    "USE1": ("us-east-1", "US East (N. Virginia)", "0.0000007500"),
    "APN2": ("ap-northeast-2", "Asia Pacific (Seoul)", "0.0000009000"),
    "EUC1": ("", "EU (Frankfurt)", "0.0000009000"),
    "SAE1": ("sa-east-1", "South America (Sao Paulo)", "0.0000016000"),
    "XXN9": ("xx-nowhere-9", "Nowhere", "0.0000009000"),
}


def entry(usage: str, tiers: Iterable[tuple[str, str, str, str]], **attributes: str) -> str:
    """A product: its usage type, its attributes, and of each tier beginning, end, unit and dollars."""
    dimensions = {
        f"S.JRTCKXETXF.{number}": {
            "unit": unit,
            "beginRange": begin,
            "endRange": end,
            "description": f"${usd} per {unit}",
            "appliesTo": [],
            "rateCode": f"S.JRTCKXETXF.{number}",
            "pricePerUnit": {"USD": usd},
        }
        for number, (begin, end, unit, usd) in enumerate(tiers)
    }
    term = {"priceDimensions": dimensions, "sku": "S", "effectiveDate": "2026-11-01T00:00:00Z", "termAttributes": {}}
    product = {"productFamily": "Data Transfer", "attributes": {"usagetype": usage} | attributes, "sku": "S"}
    return json.dumps({"product": product, "serviceCode": "x", "terms": {"OnDemand": {"S.JRTCKXETXF": term}}})


def tiers(prices: Sequence[str], borders: Sequence[int] = BORDERS) -> Iterator[tuple[str, str, str, str]]:
    """Of a volume in GB, the last tier first, as the list may have them."""
    ends = ("0", *(str(border) for border in borders), "Inf")
    yield from reversed([(begin, end, "GB", usd) for begin, end, usd in zip(ends, ends[1:], prices, strict=False)])


def one(usd: str, unit: str = "Requests") -> list[tuple[str, str, str, str]]:
    """A price without tiers."""
    return [("0", "Inf", unit, usd)]


def edge_products() -> dict[str, str]:
    """The list, by usage type."""
    found = {}
    for prefix, (place, prices) in TRAFFIC.items():
        out = {"fromLocation": place, "toLocation": "External", "transferType": "CloudFront Outbound"}
        found[f"{prefix}-DataTransfer-Out-Bytes"] = entry(f"{prefix}-DataTransfer-Out-Bytes", tiers(prices), **out)
        usage = f"{prefix}-DataTransfer-Out-OBytes"
        found[usage] = entry(usage, one("0.02", "GB"), fromLocation=place, transferType="CloudFront to Origin")
        for kind, usd in (
            ("Tier1", "0.00000075"),
            ("Tier2-HTTPS", FEES.get(prefix, "0.0000012000")),
            ("HTTPS-Proxy", "0.0000099"),
        ):
            usage = f"{prefix}-Requests-{kind}"
            found[usage] = entry(usage, one(usd), location=place, requestDescription="requests")
    for prefix, (region, place, usd) in SHIELDS.items():
        usage = f"{prefix}-Requests-OriginShield"
        attributes = {"location": place, "requestDescription": "Origin Shield Requests"}
        found[usage] = entry(usage, one(usd), **attributes | ({"regionCode": region} if region else {}))
    free = [("0", "1024", "GB", "0.0000000000")]
    found["free"] = entry("Global-DataTransfer-Out-Bytes", free, fromLocation="Any", toLocation="External")
    return found


def listing(entries: Iterable[str], page: int = 7) -> Asked:
    """GetProducts of these entries, ``page`` at a time, those whose attributes are as asked."""
    known = list(entries)

    def give(asked: Mapping[str, Any]) -> Answer:
        wanted = {one["Field"]: one["Value"] for one in asked.get("Filters", ())}
        found = [text for text in known if wanted.items() <= json.loads(text)["product"]["attributes"].items()]
        first = int(asked.get("NextToken") or 0)
        more = {"NextToken": str(first + page)} if len(found) > first + page else {}
        return {"FormatVersion": "aws_v1", "PriceList": found[first : first + page]} | more

    return give


def by_service(services: Mapping[str, Asked]) -> Asked:
    """GetProducts, by service."""
    return lambda asked: services[asked["ServiceCode"]](asked)


def service_quotas(*values: tuple[str, str, float, str]) -> Asked:
    """ListServiceQuotas: name, code, value, unit."""
    names = ("QuotaName", "QuotaCode", "Value", "Unit")
    return lambda _: {"Quotas": [dict(zip(names, one, strict=True)) | {"GlobalQuota": True} for one in values]}


QUOTAS = service_quotas(
    ("Cache behaviors per distribution", "L-9F5A5F6D", 75.0, "None"),
    ("Data transfer rate per distribution", "L-0D6B9B1A", 400.0, "None"),
    ("Requests per second per distribution", "L-2B4F6D8E", 600_000.0, "None"),
    ("Web distributions per AWS account", "L-24B04930", 210.0, "None"),
)
OUT = {"transferType": "AWS Outbound", "toLocation": "External"}
LEAVING = {
    "us-east-1": ("DataTransfer-Out-Bytes", ("0.09", "0.085", "0.07", "0.05")),
    "ap-southeast-3": ("APS4-DataTransfer-Out-Bytes", ("0.132", "0.1221", "0.1122", "0.1012")),
}


def egress_products() -> list[str]:
    """Of data out of EC2."""
    found = [
        entry(usage, tiers(prices, BORDERS[:3]), fromRegionCode=region, **OUT)
        for region, (usage, prices) in LEAVING.items()
    ]
    free = [("0", "100", "GB", "0.0000000000")]
    found.append(entry("Global-DataTransfer-Out-Bytes", free, fromLocation="Global", **OUT))
    for region, usage in (("sa-east-1", "SAE1-DataTransfer-Out-Bytes"), ("us-east-1", "DataTransfer-Out-ABytes")):
        found.append(entry(usage, [("0", "Inf", "GB", "0")], fromRegionCode=region, **OUT))
    return found
