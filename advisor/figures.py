"""Numbers as people read them: three figures, thousands apart, units with their prefix."""

from __future__ import annotations

from typing import Final

from advisor.interval import Interval

BIT_UNITS: Final = ((1e12, "Tbit/s"), (1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (1.0, "bit/s"))
BYTE_UNITS: Final = ((1e6, "PB"), (1e3, "TB"), (1.0, "GB"), (1e-3, "MB"))
"""Prefixes of a volume in GB (10^9 bytes)."""


def number(value: float) -> str:
    """Three figures: 0.0123, 1.23, 12.3, 123, 1,234."""
    size = abs(value)
    if size >= 100 or value == 0:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2f}".rstrip("0").rstrip(".") if size >= 1 else f"{value:.3g}"


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{number(round(share * 100, 2))}%"


def seconds(value: float) -> str:
    """A duration: 230 ms, 1.2 s."""
    return f"{number(value)} s" if value >= 1 or value == 0 else f"{number(value * 1000)} ms"


def _prefix(value: float, units: tuple[tuple[float, str], ...]) -> tuple[float, str]:
    return next(((size, unit) for size, unit in units if value >= size), units[-1])


def bits(value: float) -> str:
    """A bit rate: 38.2 Mbit/s."""
    size, unit = _prefix(value, BIT_UNITS)
    return f"{number(value / size)} {unit}"


def volume(gigabytes: float) -> str:
    """A volume: 1.2 TB."""
    size, unit = _prefix(gigabytes, BYTE_UNITS)
    return f"{number(gigabytes / size)} {unit}"


def dollars(value: float) -> str:
    """Money: US$1,234; small sums with cents."""
    return f"US${value:,.0f}" if value >= 100 else f"US${value:,.2f}"


def rate(value: float, unit: str) -> str:
    """A rate in the unit of a capacity model."""
    return bits(value) if unit == "bit/s" else f"{number(value)} {_short(unit)}"


def _short(unit: str) -> str:
    return "req/s" if unit == "requests/s" else unit


def span(interval: Interval, unit: str = "") -> str:
    """The ends of an interval, in one unit: 20.1–22.9 Gbit/s."""
    match unit:
        case "bit/s":
            size, name = _prefix(interval.high, BIT_UNITS)
        case "GB":
            size, name = _prefix(interval.high, BYTE_UNITS)
        case "USD":
            return f"{dollars(interval.low)}–{dollars(interval.high)}"
        case _:
            size, name = 1.0, _short(unit)
    return f"{number(interval.low / size)}–{number(interval.high / size)} {name}".rstrip()
