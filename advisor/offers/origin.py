"""Where a fact is from, and how old it is."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from loadtests.region import Fact, Frozen

Value = TypeVar("Value")

STALE_DAYS: Final = 180
"""Days after which prices and quotas are to be looked up again (assumed)."""


def first_day(as_of: str) -> date:
    """The day of a fact, the first of a month where only that is known; ValueError where there is no such day."""
    year, month, *rest = (int(part) for part in as_of.split("-"))
    return date(year, month, rest[0] if rest else 1)


def _is_a_day(as_of: str) -> str:
    try:
        known = first_day(as_of).isoformat()
    except ValueError:
        known = ""
    if not known or not known.startswith(as_of):
        expected = "expected a day such as 2026-11-27, or a month such as 2026-11"
        raise ValueError(f"as_of {as_of!r} is in no calendar; {expected}")
    return as_of


Day = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])(-([0-2]\d|3[01]))?$"), AfterValidator(_is_a_day)
]


def dated(fact: Fact[Value]) -> Fact[Value]:
    """A fact as it is; ValueError where its date is none."""
    _is_a_day(fact.as_of)
    return fact


class Origin(Frozen):
    """Where a kind of figure is from."""

    source: Annotated[str, Field(min_length=1)]
    as_of: Day
    confidence: Annotated[str, Field(pattern="^(measured|derived|assumed)$")]


def days_old(as_of: str, day: date) -> int:
    """Days from a date of a fact to another day; below zero where the fact is younger."""
    return (day - first_day(as_of)).days
