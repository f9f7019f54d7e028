"""A provider's prices for data that leaves its nodes, as facts in ``advisor/egress/lists/NAME.yaml``.

US dollars per GB (10^9 bytes) by provider region and tier of a month's volume. A region or a tier that is not there has
no known price, and never one of zero.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import date
from functools import cache
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from advisor.cdns.tariff import Price, Tariff, Tiers
from advisor.filed import load, parsed, shipped
from advisor.offers.origin import STALE_DAYS, Origin, days_old
from advisor.texts import Message, say
from loadtests.caching import CdnName
from loadtests.errors import InputError
from loadtests.region import Frozen

LISTS: Final = "egress/lists"
HINT: Final = "docs/planning.md shows how to write prices of egress"


class EgressOrigins(Frozen):
    """Where each kind of figure is from."""

    prices: Origin
    free: Origin | None = None


class EgressList(Frozen):
    """What one provider charges for data out to the internet."""

    name: CdnName
    provider: str
    """As regions name it in ``provider_regions``."""
    period: Annotated[str, Field(pattern="^(month|day)$")]
    """How long volume adds up to tiers; an event is taken to lie within one (assumed)."""
    tiers: Tiers
    borders_gb: tuple[float, ...] = ()
    facts: EgressOrigins
    free_to: tuple[CdnName, ...] = ()
    """CDNs that fetch from these nodes for nothing."""
    per_gb: dict[str, tuple[Price | None, ...]] = Field(min_length=1)
    """One price per tier, by the provider's region."""

    @model_validator(mode="after")
    def _has_a_price_per_tier(self) -> Self:
        for prices in self.per_gb.values():
            Tariff(tiers=self.tiers, borders=self.borders_gb, prices=prices)
        if self.free_to and self.facts.free is None:
            raise ValueError("facts.free: missing; every figure needs a source, a date and a confidence")
        return self

    def tariff(self, place: str) -> Tariff | None:
        """The prices of a provider's region; None where they are not known."""
        prices = self.per_gb.get(place)
        return None if prices is None else Tariff(tiers=self.tiers, borders=self.borders_gb, prices=prices)


@cache
def list_names() -> tuple[str, ...]:
    """Lists that ship, sorted."""
    return shipped(LISTS)


@cache
def load_list(name: str) -> EgressList:
    """A list that ships; InputError when there is none."""
    if name not in list_names():
        raise InputError(f"no prices of egress are called {name!r} (known: {', '.join(list_names())})", hint=HINT)
    return load(EgressList, LISTS, name, HINT)


def parse_list(place: str, text: str) -> EgressList:
    """A list's facts; InputError says file, field, expected, found."""
    return parsed(EgressList, place, text, HINT)


def lists_of(own: Iterable[EgressList] = ()) -> dict[str, EgressList]:
    """By provider: those that ship, and one's ``own`` in their place."""
    shipped = [load_list(name) for name in list_names()]
    return {one.provider: one for one in (*shipped, *own)}


def stale(own: Iterable[EgressList], providers: Container[str], day: date) -> Iterator[Message]:
    """A warning for each list whose prices were old on the day, of those of these providers."""
    for one in lists_of(own).values():
        if one.provider in providers and (days := days_old(one.facts.prices.as_of, day)) > STALE_DAYS:
            yield say("warn_stale_catalog", catalog=one.name, as_of=one.facts.prices.as_of, days=str(days))
