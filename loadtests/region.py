"""A region is a market and its last miles: facts, each with where it is from, when, and how sure it is.

What many markets share stands once, in ``loadtests/networks/NAME.yaml``: a kind of access names its network, and takes
from it whatever fact the region file has not got of its own.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeFloat

from loadtests.document import read_yaml
from loadtests.errors import InputError
from loadtests.units import Bitrate, Duration, Share

Value = TypeVar("Value")

HOURS: Final = 24


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


def _a_day(relief: tuple[float, ...]) -> tuple[float, ...]:
    if len(relief) != HOURS or min(relief) != 0 or max(relief) != 1:
        raise ValueError(f"expected {HOURS} numbers from 0 (busiest hour) to 1 (best hour), found {list(relief)}")
    return relief


class Access(Frozen):
    """One kind of last mile in a market. Facts that are absent come from its network when the region is loaded."""

    network: str = ""
    """A file of ``loadtests/networks`` without its ending."""
    throughput_median: Fact[Bitrate]
    """Of users, over the whole day."""
    rtt_median: Fact[Duration] | None = None
    """Without the path to the point of presence."""
    spread: Fact[NonNegativeFloat] | None = None
    """Between users: sigma of the logarithm of throughput."""
    variation: Fact[NonNegativeFloat] | None = None
    """Within a visit: standard deviation ÷ mean of throughput, second by second."""
    memory: Fact[Annotated[float, Field(ge=0, lt=1)]] | None = None
    """Autocorrelation of throughput from one second to the next."""
    jitter: Fact[Duration] | None = None
    """Standard deviation of the round trip."""
    loss: Fact[Share] | None = None
    """Packets lost; shown, not used: TCP hides it in the throughput."""
    outages: Fact[Annotated[Share, Field(lt=1)]] | None = None
    """Share of seconds in which nothing comes."""
    outage: Fact[Annotated[Duration, Field(ge=1)]] | None = None
    """Mean length of such a stretch."""
    evening_ratio: Fact[Annotated[float, Field(ge=1)]] | None = None
    """Throughput in the best hour of the day ÷ in the worst."""
    relief_by_hour: Fact[Annotated[tuple[float, ...], AfterValidator(_a_day)]] | None = None
    """Where between worst (0) and best (1) each hour of the day is, local time, from midnight."""
    share_of_mobile: Fact[Share] | None = None
    """For a kind that some of the mobile viewers have instead of ``mobile``: how many of them."""

    def factor(self, hour: float) -> float:
        """Throughput at a local hour (0 ≤ hour < 24) ÷ its mean over the day; 1 where nothing is known.

        (1 + (R − 1)·relief) ÷ (1 + (R − 1)·mean relief), R the evening ratio. Relief has the mean 0.22, so that the
        busiest hour has 1 ÷ (1 + 0.22·(R − 1)) of the mean, as in Opensignal's 20 Indian cities (2019).
        """
        if self.evening_ratio is None or self.relief_by_hour is None:
            return 1.0
        relief, swing = self.relief_by_hour.value, self.evening_ratio.value - 1
        before = int(hour) % HOURS
        now = relief[before] + (relief[(before + 1) % HOURS] - relief[before]) * (hour - int(hour))
        return (1 + swing * now) / (1 + swing * sum(relief) / HOURS)


SHAPING_FACTS: Final = ("rtt_median", "spread", "variation", "memory", "jitter", "outages", "outage")
"""What a last mile cannot be drawn without."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone such as 'Asia/Jakarta'") from error
    return name


Timezone = Annotated[str, AfterValidator(_known_zone)]
"""By its IANA name."""


class Region(Frozen):
    """A market: its names, city, clock, last miles, and what a gigabyte costs there."""

    code: str
    name: Names
    timezone: Timezone
    city: str = ""
    """Where its viewers are taken to live, one of ``loadtests/cities.yaml``: paths begin there."""
    provider_regions: dict[str, str]
    mobile_share: Fact[Share] | None = None
    """Share of viewers on mobile networks."""
    access: dict[str, Access]
    path_rtt: dict[str, Fact[Duration]] = Field(default_factory=dict)
    """Round trips to a city where they were measured; all others are reckoned from the distance."""
    egress_usd_per_gb: Fact[NonNegativeFloat]

    def mix(self) -> dict[str, float]:
        """Share of viewers by kind of access; ValueError where the facts do not say it."""
        if self.mobile_share is None or not {"mobile", "fixed"} <= set(self.access):
            raise ValueError(f"{self.code} has no mobile_share, or no access kinds 'mobile' and 'fixed'")
        mobile = self.mobile_share.value
        shares = {"mobile": mobile, "fixed": 1 - mobile}
        for kind, access in self.access.items():
            if access.share_of_mobile is not None:
                shares[kind] = mobile * access.share_of_mobile.value
                shares["mobile"] -= shares[kind]
        return shares


def _codes(folder: str) -> tuple[str, ...]:
    entries = (resources.files("loadtests") / folder).iterdir()
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml")))


@cache
def region_codes() -> tuple[str, ...]:
    """Codes of the regions that ship with surgecast, sorted."""
    return _codes("regions")


@cache
def network_names() -> tuple[str, ...]:
    """Names of the networks that ship with surgecast, sorted."""
    return _codes("networks")


def _read(folder: str, name: str) -> dict[str, Any]:
    text = (resources.files("loadtests") / folder / f"{name}.yaml").read_text(encoding="utf-8")
    data = read_yaml(f"{folder}/{name}.yaml", text)
    if not isinstance(data, dict):
        raise InputError(f"{folder}/{name}.yaml: expected a mapping of fields, found {type(data).__name__}", hint=_HINT)
    return data


@cache
def _network(name: str) -> dict[str, Any]:
    return _read("networks", name)


_HINT: Final = "write loadtests/regions/CODE.yaml as docs/scenarios.md shows"


def with_networks(code: str, data: dict[str, Any]) -> dict[str, Any]:
    """A region as read, each kind of access with the facts of its network where it has none of its own."""
    access = {}
    for kind, facts in data.get("access", {}).items():
        network = facts.get("network", "")
        if network and network not in network_names():
            raise InputError(
                f"regions/{code}.yaml: access.{kind}.network: no network {network!r} ({', '.join(network_names())})",
                hint=_HINT,
            )
        access[kind] = (_network(network) if network else {}) | facts
    return data | {"access": access}


@cache
def load_region(code: str) -> Region:
    """The region called ``code``; InputError when no file holds it."""
    if code not in region_codes():
        raise InputError(f"region {code!r} is not known (known: {', '.join(region_codes())})", hint=_HINT)
    return Region.model_validate(with_networks(code, _read("regions", code)))


def time_of_day(code: str, moment: datetime) -> float:
    """Local time in the region called ``code``, seconds since midnight."""
    local = moment.astimezone(ZoneInfo(load_region(code).timezone))
    return (local - local.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
