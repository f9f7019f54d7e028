"""Quantities as people write them: ``90s``, ``1.5Mbps``, ``40%``. A bare number is refused, not guessed.

Each annotated type parses its text form and keeps plain floats inside: seconds, bits per second, shares
between 0 and 1. Where a model is dumped the text form is written again, so what was read can be read back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

SECONDS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
BITS_PER_SECOND: Final[Mapping[str, float]] = {"bps": 1.0, "kbps": 1e3, "Mbps": 1e6, "Gbps": 1e9}
SHARE: Final[Mapping[str, float]] = {"%": 0.01}
BYTES: Final[Mapping[str, float]] = {"B": 1.0, "kB": 1e3, "MB": 1e6, "KiB": 1024.0, "MiB": 1024.0**2}

_NUMBER = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z%/]*)\s*")


def parse(text: object, units: Mapping[str, float], example: str) -> float:
    """Read ``text`` as a number followed by one of ``units``; raise ValueError that names what is allowed."""
    allowed = ", ".join(units)
    match = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"expected a number with a unit ({allowed}) such as {example!r}, found {text!r}")
    unit = match["unit"]
    if unit not in units:
        found = f"unit {unit!r}" if unit else "no unit"
        raise ValueError(f"expected one of the units {allowed} such as {example!r}, found {found} in {text!r}")
    return float(Decimal(match["number"]) * Decimal(repr(units[unit])))


def read_share(text: object) -> float:
    """Read a percentage as a share between 0 and 1; raise ValueError that says what is allowed."""
    share = parse(text, SHARE, "40%")
    if share > 1:
        raise ValueError(f"expected at most 100%, found {text!r}")
    return share


def _reader(units: Mapping[str, float], example: str) -> Callable[[object], float]:
    return lambda text: parse(text, units, example)


def _show(quantity: float, unit: str, units: Mapping[str, float]) -> str:
    """The text that `parse` reads as exactly ``quantity``."""
    number = f"{Decimal(repr(float(quantity))) / Decimal(repr(units[unit])):f}"
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number}{unit}"


def show_duration(seconds: float) -> str:
    """Seconds as text that `Duration` reads back."""
    return _show(seconds, "s", SECONDS)


def show_bitrate(bits_per_second: float) -> str:
    """Bits per second as text that `Bitrate` reads back, in the largest unit that keeps it above one."""
    for unit in ("Gbps", "Mbps", "kbps"):
        if bits_per_second >= BITS_PER_SECOND[unit]:
            return _show(bits_per_second, unit, BITS_PER_SECOND)
    return _show(bits_per_second, "bps", BITS_PER_SECOND)


def show_share(share: float) -> str:
    """A share between 0 and 1 as a percentage that `Share` reads back."""
    return _show(share, "%", SHARE)


def _unit_field(
    units: Mapping[str, float],
    example: str,
    show: Callable[[float], str],
    read: Callable[[object], float] | None = None,
) -> tuple[object, ...]:
    pattern = rf"^\s*\d+(\.\d+)?\s*({'|'.join(units)})\s*$"
    return (
        BeforeValidator(read or _reader(units, example)),
        PlainSerializer(show, return_type=str),
        WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]}),
    )


Duration = Annotated[float, *_unit_field(SECONDS, "90s", show_duration)]
"""Seconds; written ``500ms``, ``90s``, ``2m``, ``1h``."""

Bitrate = Annotated[float, *_unit_field(BITS_PER_SECOND, "3Mbps", show_bitrate)]
"""Bits per second; written ``800kbps``, ``3Mbps``, ``1.2Gbps``."""

Share = Annotated[float, *_unit_field(SHARE, "40%", show_share, read_share)]
"""A share between 0 and 1; written ``40%``."""
