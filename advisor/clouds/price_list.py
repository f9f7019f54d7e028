"""Products of the AWS price list as GetProducts tells them: JSON in a string, with a price for each tier of usage.

A price is US dollars for one unit (a GB, a request). One of zero is a free allowance, not a price; one that is missing,
below zero or not finite is none either. None of them is ever zero here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from advisor.clouds.aws import HOME, Aws

Ladder: TypeAlias = Mapping[float, float | None]
"""Price from each volume on, the first from 0; None where nobody knows. Empty where nothing can be told."""
DIGITS: Final = 10
"""Of a price, as the list writes them."""


class Tier(NamedTuple):
    """One price, from a volume to the next tier's."""

    begin: float
    end: float
    unit: str
    usd: float | None


@dataclass(frozen=True, slots=True)
class Product:
    """One product."""

    usage: str
    """Its ``usagetype``, such as ``AP-DataTransfer-Out-Bytes``: what bills call it."""
    attributes: Mapping[str, str]
    tiers: tuple[Tier, ...]
    """Ascending."""


def products(aws: Aws, service: str, **fields: str) -> Iterator[Product]:
    """The products of a service whose attributes are these. Raises `Refused`."""
    filters = [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in fields.items()]
    asked = {"Filters": filters} if filters else {}
    for text in aws.every("pricing", HOME, "get_products", "PriceList", ServiceCode=service, **asked):
        if (found := product_of(text)) is not None:
            yield found


def product_of(text: str) -> Product | None:
    """One entry of the list; None where it is none."""
    try:
        told = json.loads(text)
        attributes = {str(key): str(value) for key, value in told["product"]["attributes"].items()}
        terms = told["terms"]["OnDemand"].values()
        tiers = sorted(_tier(one) for term in terms for one in term["priceDimensions"].values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Product(attributes.get("usagetype", ""), attributes, tuple(tiers))


def _tier(told: Mapping[str, Any]) -> Tier:
    usd = float(told.get("pricePerUnit", {}).get("USD") or 0)
    price = usd if usd > 0 and math.isfinite(usd) else None
    return Tier(float(told.get("beginRange") or 0), float(told.get("endRange") or "inf"), str(told.get("unit")), price)


def ladder(found: Iterable[Product], unit: str, *, per: int = 1) -> Ladder:
    """The price of ``per`` units by volume; empty where there is none, where two products disagree or tiers overlap.

    A product that is free throughout, as some plans have it, is not held against one with a price.
    """
    steps = [_steps(one.tiers, unit, per) for one in found]
    priced = [one for one in steps if any(one.values()) or not one] or steps
    return priced[0] if priced and all(one == priced[0] for one in priced) else {}


def _steps(tiers: Iterable[Tier], unit: str, per: int) -> dict[float, float | None]:
    found: dict[float, float | None] = {}
    at = 0.0
    for tier in tiers:
        if tier.unit != unit or tier.begin < at or tier.end <= tier.begin:
            return {}
        if tier.begin > at:
            found[at] = None
        found[tier.begin] = None if tier.usd is None else round(tier.usd * per, DIGITS)
        at = tier.end
    if found and not math.isinf(at):
        found[at] = None
    return found


def borders_of(ladders: Iterable[Ladder]) -> tuple[float, ...]:
    """Where any of them has another price: the tiers of all."""
    return tuple(sorted({begin for one in ladders for begin in one if begin > 0}))


def at_borders(one: Ladder, borders: tuple[float, ...]) -> tuple[float | None, ...]:
    """The price in each of these tiers."""
    return tuple(one[max(begin for begin in one if begin <= border)] for border in (0.0, *borders))
