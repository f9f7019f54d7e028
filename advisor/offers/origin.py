"""Where a fact is from, and how old it is."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from loadtests.region import Frozen

STALE_DAYS: Final = 180
"""Days after which prices and quotas are to be looked up again (assumed)."""
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])(-([0-2]\d|3[01]))?$")]


class Origin(Frozen):
    """Where a kind of figure is from."""

    source: Annotated[str, Field(min_length=1)]
    as_of: Day
    confidence: Annotated[str, Field(pattern="^(measured|derived|assumed)$")]


def days_old(as_of: str, day: date) -> int:
    """Days from a date of a fact to another day; below zero where the fact is younger."""
    return (day - first_day(as_of)).days


def first_day(as_of: str) -> date:
    """The first day of a month where only that is known; days that a month has not are its last."""
    year, month, *rest = (int(part) for part in as_of.split("-"))
    return date(year, month, min(rest[0] if rest else 1, 28))
