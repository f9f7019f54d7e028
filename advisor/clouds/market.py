"""What EC2 sells in the regions that are asked: shapes, zones, prices, quotas; whatever cannot be had is an excuse."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from advisor.clouds.aws import HOME, Aws, Refused
from advisor.clouds.excuses import excuse
from advisor.clouds.quotas import ON_DEMAND, class_of, code_of
from advisor.models import Excuse

_FILTERS: Final = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
"""On-demand Linux on shared hardware, as Karpenter asks for it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One instance type. Network in Gbit/s, sustained and in bursts; memory in MiB."""

    name: str
    vcpus: int
    memory_mib: int
    arch: str | None
    """What its images are built for."""
    sustained: float | None
    burst: float | None
    interfaces: int | None
    """Of its default network card."""
    addresses: int | None
    """IPv4, of each interface."""


@dataclass(slots=True)
class Market:
    """What was found, filled region by region."""

    shapes: dict[str, Shape] = field(default_factory=dict)
    zones: dict[str, dict[str, int]] = field(default_factory=dict)
    """Zones that offer a type, by region and type."""
    zone_counts: dict[str, int] = field(default_factory=dict)
    """Zones of each region that was looked at."""
    prices: dict[str, dict[str, float]] = field(default_factory=dict)
    """USD per hour, by region and type; what has no price is left out."""
    quotas: dict[str, dict[str, int]] = field(default_factory=dict)
    """vCPUs, by code and region."""
    excuses: list[Excuse] = field(default_factory=list)


def look_up(aws: Aws, regions: Sequence[str], families: Sequence[str] = ()) -> Market:
    """Everything of these regions: of the families (``c7g``) or classes (``c``) named, else of all current ones."""
    market = Market()
    for region in regions:
        try:
            _shapes(aws, region, families, market)
        except Refused as refused:
            market.excuses.append(excuse(refused, region))
            continue
        try:
            _prices(aws, region, market)
        except Refused as refused:
            market.excuses.append(excuse(refused, region))
        _quotas(aws, region, market)
    return market


def _shapes(aws: Aws, region: str, families: Sequence[str], market: Market) -> None:
    """Of types and zones both or nothing: a type whose zones are not known would be taken as offered nowhere."""
    wanted = {shape.name: shape for shape in _described(aws, region, families)}
    zones: dict[str, set[str]] = {name: set() for name in wanted}
    everywhere: set[str] = set()
    asked = {"LocationType": "availability-zone"}
    for one in aws.every("ec2", region, "describe_instance_type_offerings", "InstanceTypeOfferings", **asked):
        zone = str(one["Location"])
        if re.fullmatch(rf"{re.escape(region)}[a-z]", zone):  # a local zone has a longer name
            everywhere.add(zone)
            zones.get(str(one["InstanceType"]), set()).add(zone)
    market.shapes |= wanted
    market.zones[region] = {name: len(found) for name, found in zones.items()}
    market.zone_counts[region] = len(everywhere)


def _described(aws: Aws, region: str, families: Sequence[str]) -> Iterator[Shape]:
    """EC2 narrows down by the beginning of a name; a class such as ``i`` is told here from ``im`` and ``inf``."""
    named = {"Name": "instance-type", "Values": [f"{name}*" for name in families]}
    narrowed = named if families else {"Name": "current-generation", "Values": ["true"]}
    for one in aws.every("ec2", region, "describe_instance_types", "InstanceTypes", Filters=[narrowed]):
        name = str(one["InstanceType"])
        if not families or class_of(name) in families or name.partition(".")[0] in families:
            yield shape_of(one)


def shape_of(told: dict[str, Any]) -> Shape:
    """A type as DescribeInstanceTypes tells of it; what it does not tell is None."""
    network = told.get("NetworkInfo", {})
    cards = network.get("NetworkCards", ())
    default = network.get("DefaultNetworkCardIndex", 0)
    card: dict[str, Any] = next((one for one in cards if one.get("NetworkCardIndex", 0) == default), {})
    return Shape(
        name=str(told["InstanceType"]),
        vcpus=int(told["VCpuInfo"]["DefaultVCpus"]),
        memory_mib=int(told["MemoryInfo"]["SizeInMiB"]),
        arch=_arch(told),
        sustained=_sum(cards, "BaselineBandwidthInGbps"),
        burst=_sum(cards, "PeakBandwidthInGbps"),
        interfaces=card.get("MaximumNetworkInterfaces", network.get("MaximumNetworkInterfaces")),
        addresses=network.get("Ipv4AddressesPerInterface"),
    )


def _arch(told: dict[str, Any]) -> str | None:
    """The one of 64 bits."""
    named = told.get("ProcessorInfo", {}).get("SupportedArchitectures", ())
    return next((one for one in named if one in ("arm64", "x86_64")), None)


def _sum(cards: Sequence[dict[str, Any]], name: str) -> float | None:
    """Over all network cards; None where one does not say it."""
    said = [float(one.get(name) or 0) for one in cards]
    return sum(said) if said and all(said) else None


def _prices(aws: Aws, region: str, market: Market) -> None:
    named = _FILTERS | {"regionCode": region}
    filters = [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in named.items()]
    found = dict[str, float]()
    for text in aws.every("pricing", HOME, "get_products", "PriceList", ServiceCode="AmazonEC2", Filters=filters):
        if (price := price_of(text)) is not None and price[0] in market.shapes:
            found[price[0]] = price[1]
    market.prices[region] = found


def price_of(text: str) -> tuple[str, float] | None:
    """Type and USD per hour of one product of the price list; None where it has no such price: never zero."""
    told = json.loads(text)
    name = told.get("product", {}).get("attributes", {}).get("instanceType")
    for term in told.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            usd = float(dimension.get("pricePerUnit", {}).get("USD") or 0)
            if name and 0 < usd < math.inf and dimension.get("unit") == "Hrs":
                return str(name), usd
    return None


def _quotas(aws: Aws, region: str, market: Market) -> None:
    """Of every family that was found; the standard ones first."""
    kinds = sorted(market.shapes, key=lambda name: (code_of(name) != ON_DEMAND, name))
    for code, value in read_quotas(aws, region, ((code, "ec2") for code in codes_of(kinds)), market.excuses):
        market.quotas.setdefault(code, {})[region] = value


def read_quotas(
    aws: Aws, region: str, asked: Iterable[tuple[str, str]], excuses: list[Excuse]
) -> Iterator[tuple[str, int]]:
    """Each by its code, of its service. One that is not there leaves the others; any other refusal would be theirs too.

    So it is told once, and no more is asked.
    """
    for code, service in asked:
        try:
            yield code, quota(aws, region, code, service)
        except Refused as refused:
            excuses.append(excuse(refused, region, code))
            if not str(refused).startswith(UNSET):
                return


def codes_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """Codes of the quotas of these types, on demand and as spot instances; none twice."""
    named = (code_of(name, spot=spot) for name in kinds for spot in (False, True))
    return tuple(dict.fromkeys(code for code in named if code))


def quota(aws: Aws, region: str, code: str, service: str = "ec2") -> int:
    """A quota as it is applied to this account, or AWS's own default where it has none of its own. Raises `Refused`."""
    asked = {"ServiceCode": service, "QuotaCode": code}
    try:
        told = aws.one("service-quotas", region, "get_service_quota", **asked)
    except Refused as refused:
        if not str(refused).startswith(UNSET):
            raise
        told = aws.one("service-quotas", region, "get_aws_default_service_quota", **asked)
    return int(told["Quota"]["Value"])


UNSET: Final = "NoSuchResourceException"
"""How Service Quotas says that a quota has no value of the account's own (API reference, GetServiceQuota)."""
