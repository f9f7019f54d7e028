"""A region is a market and its last mile: facts, each with where it is from, when, and how sure it is."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, NonNegativeFloat

from loadtests.document import read_yaml
from loadtests.errors import InputError
from loadtests.units import Bitrate, Duration

Value = TypeVar("Value")


class Frozen(BaseModel):
    """Base of values that cross borders: unknown keys refused, nothing changed after."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fact(Frozen, Generic[Value]):
    """A figure and what it stands on."""

    value: Value
    source: str
    as_of: str
    confidence: Literal["measured", "derived", "assumed"]


class Names(Frozen):
    """What people call it."""

    en: str
    zh: str


class Access(Frozen):
    """One kind of last mile in a market."""

    throughput_median: Fact[Bitrate]
    rtt_median: Fact[Duration] | None = None


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone such as 'Asia/Jakarta'") from error
    return name


class Region(Frozen):
    """A market: its names, clock, last miles, and what a gigabyte costs there."""

    code: str
    name: Names
    timezone: Annotated[str, AfterValidator(_known_zone)]
    provider_regions: dict[str, str]
    access: dict[str, Access]
    egress_usd_per_gb: Fact[NonNegativeFloat]


@cache
def region_codes() -> tuple[str, ...]:
    """Codes of the regions that ship with surgecast, sorted."""
    folder = resources.files("loadtests") / "regions"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


@cache
def load_region(code: str) -> Region:
    """The region called ``code``; InputError when no file holds it."""
    if code not in region_codes():
        raise InputError(
            f"region {code!r} is not known (known: {', '.join(region_codes())})",
            hint="write loadtests/regions/CODE.yaml as docs/scenarios.md shows",
        )
    text = (resources.files("loadtests") / "regions" / f"{code}.yaml").read_text(encoding="utf-8")
    return Region.model_validate(read_yaml(f"regions/{code}.yaml", text))
