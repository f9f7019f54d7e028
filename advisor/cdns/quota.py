"""A quota as Service Quotas has it: its names and code, and the unit of its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DISTRIBUTIONS: Final = ("Distributions per AWS account", "Web distributions per AWS account", "L-24B04930")
"""Names of that quota, as the developer guide and Service Quotas have had it, and its code."""
UNITS: Final[Mapping[str, float]] = {
    "None": 1e9,
    "": 1e9,
    "Gigabits": 1e9,
    "Gigabits/Second": 1e9,
    "Megabits": 1e6,
    "Megabits/Second": 1e6,
}
"""Bit/s of one unit of a quota's value; without a unit it is Gbit/s, as the developer guide has it (assumed)."""
GIGABIT: Final = 1e9
WIRE: Final = "Gbit/s"
"""The unit in which quotas of bits are told; all others are counts, and have none."""


def names_of(quota: str) -> tuple[str, ...]:
    """All names and codes under which a quota may be listed."""
    return DISTRIBUTIONS if quota in DISTRIBUTIONS else (quota,)


def sizes(unit: str) -> dict[str, float]:
    """What one of our ``unit`` is, in each unit that Service Quotas may count in; nothing where it only counts."""
    return {one: GIGABIT / size for one, size in UNITS.items()} if unit == WIRE else {}
