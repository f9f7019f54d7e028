"""Catalogues: what a provider sells, as facts in ``advisor/catalogs/NAME.yaml`` (docs/planning.md: how to write one).

Figures stand bare beside each offer; where they are from stands once, under ``facts``, for each kind of figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    Tag,
    ValidationError,
)

from advisor.offers.buying import Purchase, PurchaseName, Shop
from advisor.offers.instead import instead
from advisor.offers.offer import EVERYWHERE, UNKNOWN_NODE, Offer, by_hand
from advisor.offers.origin import STALE_DAYS, Origin, dated, days_old
from advisor.texts import Message, say
from loadtests.document import read_yaml
from loadtests.errors import InputError
from loadtests.launch import Architecture, Launch
from loadtests.region import Fact, Frozen
from loadtests.scaling import Launches
from loadtests.units import Bitrate, Share

_HINT: Final = "docs/planning.md shows how to write a catalogue"

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Origins(Frozen):
    """Where each kind of figure is from; a figure whose kind has no origin is refused."""

    shapes: Origin
    """vCPUs, memory, connections."""
    network: Origin | None = None
    internet: Origin | None = None
    prices: Origin | None = None
    zones: Origin | None = None
    quotas: Origin | None = None
    launches: Origin | None = None
    countries: Origin | None = None


class Internet(Frozen):
    """What a link carries to the internet, where an offer does not say it itself."""

    fewer_vcpus: Count
    """Below so many vCPUs …"""
    at_most: Annotated[Bitrate, Field(gt=0)]
    """… no more than this;"""
    otherwise: Annotated[Share, Field(gt=0)]
    """from there on, this share of what it carries in the region."""


class Flow(Frozen):
    """What one connection gets at most."""

    alone: Annotated[Bitrate, Field(gt=0)]
    in_group: Annotated[Bitrate, Field(gt=0)] | None = None
    """Between nodes that the provider was asked to put close together."""


Count = Annotated[PositiveInt, Field(le=10**9)]
Quota = Annotated[NonNegativeInt, Field(le=10**9)]
"""Of vCPUs."""
Memory = Annotated[PositiveFloat, Field(le=1e9)]
"""GiB (2^30 bytes)."""
Usd = Annotated[PositiveFloat, Field(le=1e6)]
"""Per hour. Like the others bounded, so that what is infinite, or has a digit too many by far, is no fact."""


def _kind_of_price(said: object) -> str:
    return "fact" if isinstance(said, dict | Fact) else "number"


Price = Annotated[
    Annotated[Usd, Tag("number")] | Annotated[Fact[Usd], AfterValidator(dated), Tag("fact")],
    Discriminator(_kind_of_price),
]
"""USD per hour; as a fact where it is not from where the others are."""


class Shelf(Frozen):
    """One offer as the file says it."""

    vcpus: Count | None = None
    memory_gib: Memory | None = None
    in_region: Annotated[Bitrate, Field(gt=0)] | None = None
    egress: Annotated[Bitrate, Field(gt=0)] | None = None
    """To the internet; by the catalogue's rule when absent."""
    burst: Annotated[Bitrate, Field(gt=0)] | None = None
    """In the region, for minutes at a time."""
    arch: Architecture | None = None
    interfaces: Count | None = None
    addresses: Count | None = None
    """IPv4, of each interface."""
    connections: Count | None = None
    usd_per_hour: Price | None = None
    usd_by_region: dict[str, Usd] = Field(default_factory=dict)
    """USD per hour in each region; one that is not named has `usd_per_hour`, or no known price."""
    zones: dict[str, NonNegativeInt] = Field(default_factory=dict)
    """Where they differ from the catalogue's; 0 where it is not offered."""
    quota_vcpus: dict[str, Quota] | None = None
    """Where it falls under a quota of its own: in place of the catalogue's; empty where that is not known."""
    quota_spot_vcpus: dict[str, Quota] = Field(default_factory=dict)
    """The same of spot instances, beside ``quota_vcpus``."""


class Catalog(Frozen):
    """A catalogue as the file says it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    provider: str
    """As regions name it in ``provider_regions``."""
    facts: Origins
    prices_of: str = ""
    """The provider's region that prices are of; elsewhere they are taken as the same (assumed). Empty: everywhere."""
    internet: Internet | None = None
    flow: Flow | None = None
    launches: Launches | None = None
    countries: dict[str, Country] = Field(default_factory=dict)
    """Where each provider region is."""
    buying: dict[PurchaseName, Purchase] = Field(default_factory=dict)
    raise_quota: str = ""
    """Command that asks for a higher quota, with {code}, {region} and {vcpus} in it."""
    zones: dict[str, NonNegativeInt]
    """Zones of each provider region that was looked at."""
    quota_vcpus: dict[str, Quota] = Field(default_factory=dict)
    quota_spot_vcpus: dict[str, Quota] = Field(default_factory=dict)
    offers: dict[str, Shelf] = Field(min_length=1)

    def all(self) -> tuple[Offer, ...]:
        """Every offer with its facts; ValueError where a figure has no origin."""
        return tuple(self._offer(name, shelf) for name, shelf in self.offers.items())

    def shop(self) -> Shop:
        """What holds for all its offers."""
        if self.countries:
            self._fact("countries", "")
        own = (region for shelf in self.offers.values() for region in shelf.zones)
        return Shop(
            catalog=self.name,
            provider=self.provider,
            countries=self.countries,
            regions=tuple(sorted({*self.countries, *self.zones, *own})),
            buying=self.buying,
            raise_quota=self.raise_quota,
        )

    def _offer(self, name: str, shelf: Shelf) -> Offer:
        return Offer.model_validate(
            {
                "name": name,
                "provider": self.provider,
                "catalog": self.name,
                "vcpus": self._fact("shapes", shelf.vcpus),
                "memory_gib": self._fact("shapes", shelf.memory_gib),
                "connections": self._fact("shapes", shelf.connections),
                "egress": self._egress(shelf),
                "egress_in_region": self._fact("network", _bits(shelf.in_region)),
                "burst_in_region": self._fact("network", _bits(shelf.burst)),
                "flow": self._fact("internet", self.flow and _bits(self.flow.alone)),
                "flow_in_group": self._fact("internet", self.flow and _bits(self.flow.in_group)),
                "arch": shelf.arch,
                "interfaces": self._fact("shapes", shelf.interfaces),
                "addresses": self._fact("shapes", shelf.addresses),
                "usd_per_hour": self._prices(shelf),
                "zones": self.zones | shelf.zones,
                **self._quotas(shelf),
                "launch_burst": self._fact("launches", self.launches and self.launches.burst),
                "launch_per_second": self._fact("launches", self.launches and self.launches.per_second),
            }
        )

    def _fact(self, kind: str, value: object) -> dict[str, object] | None:
        if value is None:
            return None
        origin = getattr(self.facts, kind)
        if origin is None:
            raise ValueError(f"facts.{kind}: missing; every figure needs a source, a date and a confidence")
        return {"value": value, **origin.model_dump()}

    def _egress(self, shelf: Shelf) -> dict[str, object] | None:
        if shelf.egress is not None:
            return self._fact("network", _bits(shelf.egress))
        if self.internet is None or shelf.in_region is None or shelf.vcpus is None:
            return None
        small = shelf.vcpus < self.internet.fewer_vcpus
        found = min(shelf.in_region, self.internet.at_most) if small else shelf.in_region * self.internet.otherwise
        return self._fact("internet", _bits(found))

    def _quotas(self, shelf: Shelf) -> dict[str, object]:
        own = self.quota_vcpus if shelf.quota_vcpus is None else shelf.quota_vcpus
        spot = self.quota_spot_vcpus if shelf.quota_vcpus is None else shelf.quota_spot_vcpus
        return {
            "quota_vcpus": {region: self._fact("quotas", count) for region, count in own.items()},
            "quota_spot_vcpus": {region: self._fact("quotas", count) for region, count in spot.items()},
        }

    def _prices(self, shelf: Shelf) -> dict[str, object]:
        here = {region: self._fact("prices", usd) for region, usd in shelf.usd_by_region.items()}
        price = shelf.usd_per_hour
        known = price.model_dump() if isinstance(price, Fact) else self._fact("prices", price)
        if known is None:
            return {**here}
        if not self.prices_of:
            return {EVERYWHERE: known, **here}
        elsewhere = {"source": f"price of {self.prices_of}, taken for other regions", "confidence": "assumed"}
        return {self.prices_of: known, EVERYWHERE: known | elsewhere, **here}


def _bits(value: float | None) -> str | None:
    """A bit rate as the fact reads it."""
    return None if value is None else f"{value:.6f}bps"


@cache
def catalog_names() -> tuple[str, ...]:
    """Catalogues that ship, sorted."""
    entries = (resources.files("advisor") / "catalogs").iterdir()
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml")))


class Read(NamedTuple):
    """A catalogue as it was read: what the file says, its offers with their facts, and how they may be bought."""

    catalog: Catalog
    offers: tuple[Offer, ...]
    shop: Shop


@cache
def load(name: str) -> Read:
    """A catalogue that ships; InputError when there is none."""
    if name not in catalog_names():
        raise InputError(f"catalogue {name!r} is not known (known: {', '.join(catalog_names())})", hint=_HINT)
    text = (resources.files("advisor") / "catalogs" / f"{name}.yaml").read_text(encoding="utf-8")
    return parsed(f"catalogs/{name}.yaml", text)


def load_catalog(name: str) -> tuple[Offer, ...]:
    """The offers of a catalogue that ships; InputError when there is none."""
    return load(name).offers


def read_catalog(path: Path) -> Read:
    """A file of one's own; InputError says file, field, found, expected."""
    return parsed(str(path), _text(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}", hint=_HINT) from error


def parse_catalog(place: str, text: str) -> tuple[Offer, ...]:
    """The offers of a catalogue's text."""
    return parsed(place, text).offers


def catalog_of(named: str) -> Read:
    """A catalogue that ships, or else a file of one's own; InputError when there is none."""
    if named in catalog_names():
        return load(named)
    if not Path(named).exists():
        known = ", ".join(catalog_names())
        raise InputError(f"catalogue {named!r} is not known (known: {known}) and no file", hint=_HINT)
    return read_catalog(Path(named))


def parsed(place: str, text: str) -> Read:
    """A catalogue's text."""
    data = read_yaml(place, text)
    if not isinstance(data, dict):
        raise InputError(f"{place}: expected a mapping of fields, found {type(data).__name__}", hint=_HINT)
    try:
        catalog = Catalog.model_validate(data)
        return Read(catalog, catalog.all(), catalog.shop())
    except ValidationError as error:
        raise InputError("\n".join(explained(place, error)), hint=_HINT) from error
    except ValueError as error:
        raise InputError(f"{place}: {error}", hint=_HINT) from error


def explained(place: str, error: ValidationError) -> Iterator[str]:
    """What is wrong with a file of facts, a line each: file, field, expected, found."""
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"])
        unknown = problem["type"] == "extra_forbidden"
        told = "unknown key" if unknown else problem["msg"].removeprefix("Value error, ")
        yield f"{place}: {field}: {told}, found {_short(problem['input'])}"


def _short(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}…"


class Stock(NamedTuple):
    """What the rehearsed node is, what else may be bought, and how."""

    node: Offer
    offers: tuple[Offer, ...]
    shops: tuple[Shop, ...]


def stock_of(launch: Launch, own: Sequence[Read] = ()) -> Stock:
    """As the launch says, with catalogues of one's ``own``."""
    known = [offer for read in own for offer in read.offers]
    node, offers = node_of(launch, known), offers_of(launch, known)
    ours = {read.shop.catalog: read.shop for read in own}
    named = (*launch.offers, *([launch.node] if isinstance(launch.node, str) else []))
    theirs = [load(name).shop for name in sorted({one.catalog for one in _shipped(named, "launch", known)})]
    shops = (*ours.values(), *(shop for shop in theirs if shop not in ours.values()))
    return Stock(node, one_of_each(offers, node), shops)


def offers_of(launch: Launch, own: Sequence[Offer] = ()) -> tuple[Offer, ...]:
    """What ``launch.offers`` names, whole catalogues or single offers of those that ship, and all of one's ``own``.

    None twice; wherever a catalogue of one's own looked, it takes the place of those that ship (`instead`).
    """
    ours = {(offer.catalog, offer.name): offer for offer in own}
    return instead(_shipped(launch.offers, "launch.offers", own), tuple(ours.values()))


def node_of(launch: Launch, own: Sequence[Offer] = ()) -> Offer:
    """What the rehearsed node is, as far as the scenario says it; catalogues of one's ``own`` are looked at first."""
    if launch.node is None:
        return UNKNOWN_NODE
    if not isinstance(launch.node, str):
        return by_hand(launch.node)
    for offer in instead(_shipped((launch.node,), "launch.node", own), own):
        if offer.name == launch.node:
            return offer
    raise _unknown(launch.node, "launch.node", own)


def _shipped(names: Iterable[str], field: str, own: Sequence[Offer]) -> Iterator[Offer]:
    """What ships under these names; InputError where one is neither of that nor of one's ``own``."""
    ours = {name for offer in own for name in (offer.catalog, offer.name)}
    for name in names:
        catalogs = (name,) if name in catalog_names() else catalog_names()
        found = [offer for one in catalogs for offer in load_catalog(one) if name in (one, offer.name)]
        if not found and name not in ours:
            raise _unknown(name, field, own)
        yield from found


def _unknown(name: str, field: str, own: Sequence[Offer]) -> InputError:
    known = ", ".join(sorted({*catalog_names(), *(offer.catalog for offer in own)}))
    return InputError(
        f"{field}: no catalogue and no offer is called {name!r} (catalogues: {known})",
        hint="name a catalogue or an offer in one; docs/planning.md lists those that ship",
    )


def stale(offers: Iterable[Offer], day: date) -> tuple[Message, ...]:
    """A warning for each catalogue whose prices or quotas were old on the day of the run."""
    oldest: dict[str, str] = {}
    for offer in offers:
        facts = (offer.usd_per_hour, offer.quota_vcpus)
        days = [fact.as_of for known in facts for fact in known.values() if fact.as_of]
        if offer.catalog and days:
            oldest[offer.catalog] = min(oldest.get(offer.catalog, days[0]), *days)
    return tuple(_stale(oldest, day))


def _stale(oldest: dict[str, str], day: date) -> Iterator[Message]:
    for catalog, as_of in oldest.items():
        days = days_old(as_of, day)
        if days > STALE_DAYS:
            yield say("warn_stale_catalog", catalog=catalog, as_of=as_of, days=str(days))


def one_of_each(offers: Sequence[Offer], node: Offer) -> tuple[Offer, ...]:
    """The offers without the one that the rehearsed node already is."""
    return tuple(offer for offer in offers if (offer.catalog, offer.name) != (node.catalog, node.name))
