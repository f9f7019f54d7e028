"""CDNs that may be bought, as facts in ``advisor/cdns/offers/NAME.yaml`` (docs/cdn.md: how to write one).

Figures stand bare; where they are from stands once, under ``facts``, for each kind of figure. What is not there is not
known, and never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, PositiveInt, field_validator, model_validator

from advisor.cdns.calendar import is_kept
from advisor.cdns.promise import Answer, Credit
from advisor.cdns.tariff import Price, Tariff, Tiers
from advisor.filed import load, parsed, shipped
from advisor.offers.origin import STALE_DAYS, Origin, dated, first_day
from advisor.texts import Message, say
from loadtests.caching import Caching, CdnName, PerSecond
from loadtests.errors import InputError
from loadtests.region import Fact, Frozen, Names, Timezone
from loadtests.units import Bitrate, Duration, Share

EVERYWHERE: Final = "*"
"""Stands for every region that no other zone has."""
OFFERS: Final = "cdns/offers"
HINT: Final = "docs/cdn.md lists the CDNs that ship and shows how to write one"
QuotaWord = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,79}$")]
"""Of a quota, as it stands in a command: letters, digits, spaces and hyphens, so that no shell reads more into it."""


class Zone(Frozen):
    """Where one price holds."""

    regions: tuple[str, ...] = ()
    """Codes of regions, or `EVERYWHERE`."""
    taken: tuple[str, ...] = ()
    """Regions of which nobody says the zone: taken as here (assumed)."""
    per_gb: tuple[Price | None, ...] = ()
    """One per tier; empty where no price is known."""
    per_10k: Price | None = None
    """Of 10,000 requests."""


class Limits(Frozen):
    """What one distribution may carry by default, and how many an account may have."""

    egress: Annotated[Bitrate, Field(gt=0)]
    requests_per_second: PerSecond
    distributions: PositiveInt


class Quotas(Frozen):
    """What those limits are called where more of them is asked for, by AWS Service Quotas."""

    service: QuotaWord
    region: QuotaWord
    egress: QuotaWord
    """Counted in Gbit/s."""
    requests_per_second: QuotaWord
    distributions: QuotaWord | None = None
    """Of an account."""


class Shield(Frozen):
    """Caches before the origin, by cloud region of a provider."""

    provider: QuotaWord
    per_10k: dict[str, Price]
    """Of 10,000 requests at the shield."""
    instead_of: dict[str, str] = Field(default_factory=dict)
    """What the vendor advises for origins in cloud regions that have no shield, against the distance."""


class NoticeRule(Origin):
    """When a vendor wants to be told, and how long before. Any threshold that is passed will do; none: always."""

    source_zh: str = ""
    """The source as a Chinese letter cites it; empty: as ``source`` has it."""
    viewers: PositiveInt | None = None
    """Above so many at the peak."""
    egress: Annotated[Bitrate, Field(gt=0)] | None = None
    """Above so much at the peak, of all regions."""
    egress_of_a_region: Annotated[Bitrate, Field(gt=0)] | None = None
    """Above so much at the peak, of any one region."""
    days: Annotated[int, Field(gt=0, le=366)]
    working: bool = False
    """Whether they are working days."""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    """Whose calendar says which days are working days (ISO 3166-1); empty: Monday to Friday, holidays not known."""
    timezone: Timezone | None = None
    """By which the vendor's days begin; None: not known."""

    @field_validator("country")
    @classmethod
    def _has_a_calendar(cls, value: str) -> str:
        if value and not is_kept(value):
            raise ValueError("no calendar of this country is known; leave it out")
        return value

    @model_validator(mode="after")
    def _a_calendar_has_a_clock(self) -> Self:
        if self.country and self.timezone is None:
            raise ValueError(f"country {self.country} needs the timezone in which its days begin, as Asia/Shanghai")
        return self


class Origins(Frozen):
    """Where each kind of figure is from; a figure whose kind has no origin is refused."""

    prices: Origin | None = None
    requests: Origin | None = None
    shield: Origin | None = None
    limits: Origin | None = None
    sla: Origin | None = None
    credits: Origin | None = None
    support: Origin | None = None
    cache_key: Origin | None = None


class CdnOffer(Frozen):
    """One CDN that may be bought."""

    name: CdnName
    title: Names
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    usd: Annotated[Fact[Annotated[float, Field(gt=0, le=1e6)]], AfterValidator(dated)] | None = None
    """US dollars for one unit of another currency."""
    period: Annotated[str, Field(pattern="^(month|day)$")]
    """How long volume adds up to tiers; an event is taken to lie within one (assumed)."""
    tiers: Tiers
    borders_gb: tuple[float, ...] = ()
    facts: Origins
    zones: dict[CdnName, Zone] = Field(min_length=1)
    limits: Limits | None = None
    quotas: Quotas | None = None
    sla: Annotated[Share, Field(gt=0)] | None = None
    """Share of the time that is promised, by the vendor's own measure."""
    counts_from: Annotated[Duration, Field(gt=0)] | None = None
    """Seconds below which the vendor's measure does not see an outage; None where it sees every one, or nobody says."""
    credits: tuple[Credit, ...] = ()
    """What comes back of a month's fee, from the highest level down; empty where nobody says."""
    support: tuple[Answer, ...] = ()
    cache_key_has_query: bool | None = None
    """Whether the default cache key has the query string in it."""
    shield: Shield | None = None
    notices: tuple[NoticeRule, ...] = ()

    @model_validator(mode="after")
    def _every_figure_has_its_origin(self) -> Self:
        zones = self.zones.values()
        said = {
            "prices": any(zone.per_gb for zone in zones),
            "requests": any(zone.per_10k is not None for zone in zones),
            "shield": self.shield is not None,
            "limits": self.limits is not None,
            "sla": self.sla is not None,
            "credits": bool(self.credits),
            "support": bool(self.support),
            "cache_key": self.cache_key_has_query is not None,
        }
        for kind, is_said in said.items():
            if is_said and getattr(self.facts, kind) is None:
                raise ValueError(f"facts.{kind}: missing; every figure needs a source, a date and a confidence")
        if self.currency != "USD" and self.usd is None:
            raise ValueError(f"usd: missing; what is one {self.currency} in US dollars?")
        return self

    @model_validator(mode="after")
    def _credits_fall_from_the_level_that_is_promised(self) -> Self:
        levels = [one.below for one in self.credits]
        if levels and (self.sla is None or levels[0] > self.sla or levels != sorted(set(levels), reverse=True)):
            raise ValueError(f"credits: expected falling levels from sla down, found {levels} and {self.sla}")
        return self

    @model_validator(mode="after")
    def _zones_have_a_price_per_tier_and_no_region_twice(self) -> Self:
        for zone in self.zones.values():
            if zone.per_gb:
                Tariff(tiers=self.tiers, borders=self.borders_gb, prices=zone.per_gb)
        regions = [code for zone in self.zones.values() for code in (*zone.regions, *zone.taken)]
        if twice := sorted({code for code in regions if regions.count(code) > 1}):
            raise ValueError(f"zones: {', '.join(twice)} in two zones; keep one")
        return self

    @property
    def dollars(self) -> float:
        """US dollars for one unit of the currency."""
        return 1.0 if self.usd is None else self.usd.value

    def zone_of(self, region: str) -> str | None:
        """The price zone that a region is in; None where nobody says it."""
        for code in (region, EVERYWHERE):
            for name, zone in self.zones.items():
                if code in zone.regions or code in zone.taken:
                    return name
        return None

    def tariff(self, zone: str) -> Tariff | None:
        """A zone's prices, in US dollars; None where they are not known."""
        found = self.zones[zone].per_gb
        prices = tuple(None if price is None else price * self.dollars for price in found)
        return Tariff(tiers=self.tiers, borders=self.borders_gb, prices=prices) if found else None


@cache
def offer_names() -> tuple[str, ...]:
    """CDNs that ship, sorted."""
    return shipped(OFFERS)


@cache
def load_offer(name: str) -> CdnOffer:
    """The CDN of that name; InputError when no file holds it."""
    if name not in offer_names():
        raise InputError(f"launch.cdn.offers: no CDN is called {name!r} (known: {', '.join(offer_names())})", hint=HINT)
    return load(CdnOffer, OFFERS, name, HINT)


def parse_offer(place: str, text: str) -> CdnOffer:
    """A CDN's facts; InputError says file, field, expected, found."""
    return parsed(CdnOffer, place, text, HINT)


def offers_of(caching: Caching, own: Iterable[CdnOffer] = ()) -> tuple[CdnOffer, ...]:
    """What ``launch.cdn`` names and all of one's ``own``, none twice; one of one's own takes the place of its namesake.

    InputError where a setting names what is not known.
    """
    ours = {offer.name: offer for offer in own}
    wanted = dict.fromkeys((*caching.offers, *ours))
    offers = tuple(ours[name] if name in ours else load_offer(name) for name in wanted)
    known = {offer.name: offer for offer in offers}
    named = {
        **{f"allowed.{code}": names for code, names in caching.allowed.items()},
        "used_gb": caching.used_gb,
        "most_egress": caching.most_egress,
        "most_requests": caching.most_requests,
    }
    for field, names in named.items():
        for name in names:
            if name not in known:
                raise InputError(
                    f"launch.cdn.{field}: {name!r} is not one of launch.cdn.offers ({', '.join(known) or 'none'})",
                    hint=HINT,
                )
    for name, zones in caching.used_gb.items():
        for zone in zones:
            if zone not in known[name].zones:
                raise InputError(
                    f"launch.cdn.used_gb.{name}: no zone {zone!r} (known: {', '.join(known[name].zones)})", hint=HINT
                )
    return offers


def stale(offers: Iterable[CdnOffer], day: date) -> Iterator[Message]:
    """A warning for each CDN whose prices, fees or limits were old on the day."""
    for offer in offers:
        facts = (offer.facts.prices, offer.facts.requests, offer.facts.limits, offer.facts.shield)
        oldest = min((fact.as_of for fact in facts if fact), default="")
        if oldest and (days := (day - first_day(oldest)).days) > STALE_DAYS:
            yield say("warn_stale_catalog", catalog=offer.name, as_of=oldest, days=str(days))
