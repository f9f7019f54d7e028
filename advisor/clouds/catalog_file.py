"""A catalogue file from what EC2 was found to sell: the same findings give the same text, byte for byte.

What no API tells stands in the catalogue that ships and is carried over with its own source and date: how much of a
link the internet gets, and how fast RunInstances starts nodes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from importlib import resources
from typing import Any, Final

import yaml

from advisor.clouds.market import Market, Shape
from advisor.clouds.quotas import ON_DEMAND, SPOT, code_of, is_standard
from advisor.offers.offer import Offer

GIB: Final = 1024
CARRIED: Final = ("internet", "flow", "launches", "countries", "buying", "raise_quota")
"""Parts of the shipped catalogue that no API tells."""
SOURCES: Final = {
    "shapes": "EC2 DescribeInstanceTypes",
    "network": "EC2 DescribeInstanceTypes, BaselineBandwidthInGbps and PeakBandwidthInGbps",
    "prices": "AWS Pricing GetProducts, on-demand, Linux, shared hardware",
    "zones": "EC2 DescribeInstanceTypeOfferings by availability zone",
    "quotas": "Service Quotas GetServiceQuota, by family, of the account that was asked",
}
AGAIN: Final = "surgecast catalog refresh"


def catalog_text(name: str, market: Market, day: date) -> str:
    """The whole file. Not found is left out: unknown, never zero."""
    shipped = yaml.safe_load((resources.files("advisor") / "catalogs" / "ec2.yaml").read_text(encoding="utf-8"))
    said = {key: shipped[key] for key in CARRIED if key in shipped}
    today = {"as_of": day.isoformat(), "confidence": "measured"}
    facts = {kind: {"source": text} | today for kind, text in SOURCES.items()}
    facts |= {key: shipped["facts"][key] for key in said if key in shipped["facts"]}
    quotas = {"quota_vcpus": market.quotas.get(ON_DEMAND), "quota_spot_vcpus": market.quotas.get(SPOT)}
    lines = [
        f"# EC2 in {', '.join(sorted(market.zone_counts))}, written by `{AGAIN}` on {day.isoformat()}.",
        "# Changes by hand are lost when it is made again. A price or quota that is not here is unknown.",
        *(f"# Not read: {one.reason.text}" for one in market.excuses),
        f"name: {flow(name)}",
        "provider: aws",
        *(f"{key}: {flow(value)}" for key, value in said.items()),
        "facts:",
        *(f"  {kind}: {flow(facts[kind])}" for kind in sorted(facts)),
        f"zones: {flow(dict(sorted(market.zone_counts.items())))}",
        *(f"{key}: {flow(dict(sorted(found.items())))}" for key, found in quotas.items() if found),
        "offers:",
        *(f"  {shape.name}: {flow(_shelf(shape, market))}" for shape in sorted(market.shapes.values(), key=_rank)),
    ]
    return "\n".join(lines) + "\n"


def _rank(shape: Shape) -> tuple[str, int, str]:
    """By family, small before large."""
    return shape.name.partition(".")[0], shape.vcpus, shape.name


def _shelf(shape: Shape, market: Market) -> dict[str, Any]:
    zones = {region: market.zones[region].get(shape.name, 0) for region in sorted(market.zone_counts)}
    told = {
        "vcpus": shape.vcpus,
        "memory_gib": _bare(shape.memory_mib / GIB),
        "arch": shape.arch,
        "in_region": _gbps(shape.sustained),
        "burst": _gbps(shape.burst),
        "interfaces": shape.interfaces,
        "addresses": shape.addresses,
        "usd_by_region": {
            region: prices[shape.name] for region, prices in sorted(market.prices.items()) if shape.name in prices
        },
        "zones": {region: count for region, count in zones.items() if count != market.zone_counts[region]},
    }
    found = {key: value for key, value in told.items() if value not in (None, {})}
    return found if is_standard(shape.name) else found | _own_quotas(shape.name, market)


def _own_quotas(name: str, market: Market) -> dict[str, Any]:
    """Of a type that does not share those of the standard families; empty where they are not known."""
    on_demand, spot = (market.quotas.get(code_of(name, spot=way), {}) for way in (False, True))
    own = {"quota_vcpus": dict(sorted(on_demand.items()))}
    return own | {"quota_spot_vcpus": dict(sorted(spot.items()))} if spot else own


def _gbps(value: float | None) -> str | None:
    return None if value is None else f"{value:.6f}".rstrip("0").rstrip(".") + "Gbps"


def _bare(value: float) -> float | int:
    return int(value) if value == int(value) else value


def flow(value: object) -> str:
    """A value on one line of YAML, as people write it: words bare where they can stand so, as JSON where not."""
    match value:
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(one)}" for key, one in value.items()) + "}"
        case str() if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.%_-]*", value) and yaml.safe_load(value) == value:
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def changes(old: Iterable[Offer], new: Iterable[Offer]) -> Iterator[str]:
    """What is other than before, in a few lines for a terminal."""
    before, after = ({one.name: one for one in offers} for offers in (old, new))
    both = sorted(before.keys() & after.keys())
    dearer = [name for name in both if _prices(before[name]) != _prices(after[name])]
    for word, names in (
        ("new", sorted(after.keys() - before.keys())),
        ("gone", sorted(before.keys() - after.keys())),
        ("prices changed", dearer),
        ("zones changed", [name for name in both if before[name].zones != after[name].zones]),
        ("quotas changed", [name for name in both if _quotas(before[name]) != _quotas(after[name])]),
    ):
        if names:
            more = ", …" if len(names) > SHOWN else ""
            yield f"{word}: {len(names):,} ({', '.join(names[:SHOWN])}{more})"


SHOWN: Final = 3
"""Names told of each change."""


def _prices(offer: Offer) -> dict[str, float]:
    return {region: fact.value for region, fact in offer.usd_per_hour.items()}


def _quotas(offer: Offer) -> dict[str, int]:
    return {region: fact.value for region, fact in offer.quota_vcpus.items()}
