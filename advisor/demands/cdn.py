"""What a CDN in front must carry in one region, and what its list price says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

from advisor.demands.behind import Origin, Seen, origin, planned_load, warnings
from advisor.demands.caches import CacheEvidence, evidence
from advisor.demands.demand import Demand
from advisor.demands.origin import OriginLoad
from advisor.interval import Interval
from advisor.measured.measure import Measurement
from advisor.models import Excuse
from advisor.texts import Message
from loadtests.flow import planned
from loadtests.region import Fact, Frozen, Region
from loadtests.scenario import Scenario
from loadtests.shapes import Phase

BITS_PER_GB: Final = 8e9
"""A gigabyte as CDNs bill it: 10^9 bytes."""
SECONDS_PER_HOUR: Final = 3600.0


class Cdn(Frozen):
    """Traffic at the edge of one region. Volume in GB (10^9 bytes), money in USD: list price, first tier."""

    region: str
    peak: Interval
    """bit/s."""
    requests: Interval
    """Requests per second at the peak."""
    event_gb: Interval
    """For as long as ``launch.cdn.watched`` says; else for the surge as it was rehearsed, warm-up left out."""
    event_seconds: float
    hour_gb: Interval
    """For one hour of the whole audience watching, without joins."""
    event_usd: Interval
    hour_usd: Interval
    price: Fact[float]
    """USD per GB."""
    event_requests: Interval = Interval.exact(0.0)
    """For as long."""
    bit_rate: Literal["last_mile", "ladder"] = "ladder"
    """What the bit rate stands for: what this region's last miles delivered, or, where viewers were not shaped to them,
    the renditions that were chosen for viewers, an upper bound for those with slower last miles."""
    caches: CacheEvidence = CacheEvidence(vendors={}, kinds={})
    """What caches did in the rehearsal, by the responses' own headers."""
    origin: Origin | Excuse | None = None
    """What the origin behind the CDN must carry."""
    locations: int | None = None
    """Edge locations that serve the region, as ``launch.cdn.locations`` says."""
    planned: OriginLoad | Excuse | None = None
    """Of these loads the one that ``launch.cdn`` leads to."""
    warnings: tuple[Message, ...] = ()
    """What is wrong with how the stream is cached."""


def peak_seconds_of(scenario: Scenario, region: str) -> float:
    """Seconds at the peak that hold as many viewer-seconds as a region's whole event, unless the launch says it."""
    if scenario.launch.cdn.watched is not None:
        return scenario.launch.cdn.watched
    return equivalent_peak_seconds(planned(scenario, region), scenario.surge.phases())


def cdn(
    demand: Demand, region: Region, scenario: Scenario, seen: Seen | None = None, *, peak_seconds: float | None = None
) -> Cdn:
    """Traffic and its list price for one region; with what the rehearsal showed of caches also the origin's load.

    ``peak_seconds`` are those of `peak_seconds_of`, where somebody has worked them out already.
    """
    seconds = scenario.launch.cdn.watched or length(scenario.surge.phases())
    peak_seconds = peak_seconds_of(scenario, demand.region) if peak_seconds is None else peak_seconds
    steady = demand.wire_per_viewer.scale(demand.viewers.mid / BITS_PER_GB)
    event = steady.scale(peak_seconds).plus(demand.wire_per_join.scale(demand.all_joins / BITS_PER_GB))
    hour = steady.scale(SECONDS_PER_HOUR)
    asked = demand.requests_per_viewer.scale(demand.viewers.mid * peak_seconds)
    price = region.egress_usd_per_gb
    return Cdn(
        region=demand.region,
        peak=demand.wire,
        requests=demand.requests,
        event_gb=event,
        event_seconds=seconds,
        event_requests=asked.plus(demand.requests_per_join.scale(demand.all_joins)),
        hour_gb=hour,
        event_usd=event.scale(price.value),
        hour_usd=hour.scale(price.value),
        price=Fact[float].model_validate(price.model_dump()),
        locations=scenario.launch.cdn.locations,
        bit_rate="ladder" if scenario.regions[demand.region].shaping == "off" else "last_mile",
        **(_behind(seen) if seen else {}),
    )


def seen_of(measurement: Measurement, demand: Demand) -> Seen:
    """What the rehearsal showed of one region's caches and stream."""
    code, scenario = demand.region, measurement.scenario
    return Seen(
        demand=demand,
        caches=evidence(measurement, code),
        stream=measurement.streams.get(code),
        audience=scenario.regions[code],
        caching=scenario.launch.cdn,
    )


def _behind(seen: Seen) -> dict[str, Any]:
    found = origin(seen)
    if isinstance(found, Excuse):
        return {"caches": seen.caches, "origin": found, "planned": found}
    load, told = planned_load(found, seen.caching), tuple(warnings(seen, found))
    return {"caches": seen.caches, "origin": found, "planned": load, "warnings": told}


def _event(phases: tuple[Phase, ...]) -> tuple[float, float]:
    start = next((phase.end for phase in phases if phase.name == "warm_up"), phases[0].start)
    return start, phases[-1].end


def length(phases: tuple[Phase, ...]) -> float:
    """Seconds of the event without warm-up."""
    start, end = _event(phases)
    return end - start


def equivalent_peak_seconds(viewers: Callable[[float], float], phases: tuple[Phase, ...]) -> float:
    """Seconds at the peak that hold as many viewer-seconds as the whole shape (midpoint rule, one second)."""
    start, end = _event(phases)
    seen = [viewers(start + second + 0.5) for second in range(int(end - start))]
    peak = max(seen, default=0.0)
    return sum(seen) / peak if peak else 0.0
