"""What the launch will ask of each region: its audience times what one viewer cost while budgets held."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from advisor.blocks import BLOCK, COVERAGE, Z90, block_means, seed_of
from advisor.demands.cost import Joining, Load, cost, joining
from advisor.demands.unhindered import unhindered
from advisor.interval import Interval
from advisor.measured.measure import EVENT, JUDGED, LOADED, Measurement
from advisor.measured.seconds import Second
from advisor.models import Unit
from loadtests.errors import CannotMeasure, InputError
from loadtests.region import Frozen

LEAST_HELD: Final = 8
"""Fewest seconds in which budgets held, for what a viewer costs: less is one wave of segments (assumed)."""

_PART = re.compile(r"\s*(?P<region>[A-Za-z0-9_-]+)\s*=\s*(?P<viewers>[0-9][0-9_]*)\s*")
_EXAMPLE = "write it as --audience id=40000,in=25000"


class Demand(Frozen):
    """One region at the peak of the launch."""

    region: str
    viewers: Interval
    """Peak concurrent viewers: given, so exact."""
    wire: Interval
    """bit/s, bodies and headers, in the worst `BLOCK` seconds of the surge: watching and joining together."""
    requests: Interval
    """Requests per second, in its worst `BLOCK` seconds."""
    joins: Interval
    """Viewers who press play in the steepest second."""
    all_joins: float
    """Joins in the whole event, as it was rehearsed."""
    wire_per_viewer: Interval
    """bit/s of one who watches."""
    requests_per_viewer: Interval
    """Requests per second of one who watches."""
    wire_per_join: Interval
    """Bits that joining costs, beside watching."""
    requests_per_join: Interval = Interval.exact(0.0)
    """Requests that joining costs, beside watching."""
    tested_viewers: float
    """Most concurrent viewers of this region that the target was asked to serve (`BLOCK`-second mean)."""

    def of(self, unit: Unit) -> Interval | None:
        """The demand that a capacity of this unit must carry; None where the run does not tell."""
        match unit:
            case "bit/s":
                return self.wire
            case "requests/s":
                return self.requests
            case "joins/s":
                return self.joins
            case "connections":
                return self.viewers
            case "messages/s":
                return None


def parse_audience(text: str) -> dict[str, int]:
    """Read ``id=40000,in=25000``; InputError says which part is wrong."""
    audience: dict[str, int] = {}
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise InputError(f"audience: expected REGION=VIEWERS, found {part.strip()!r}", hint=_EXAMPLE)
        region, viewers = match["region"], int(match["viewers"])
        if region in audience:
            raise InputError(f"audience: region {region!r} is given twice", hint=_EXAMPLE)
        if viewers < 1:
            raise InputError(f"audience: {region} needs at least one viewer, found {viewers}", hint=_EXAMPLE)
        audience[region] = viewers
    return audience


def audience_of(measurement: Measurement, given: dict[str, int] | None) -> dict[str, int]:
    """The audience that is planned for: as given, else the scenario's; InputError when there is none or it is odd."""
    audience = given or measurement.scenario.launch.audience
    known = tuple(measurement.scenario.regions)
    if not audience:
        raise InputError("no audience to plan for", hint=f"{_EXAMPLE}, or set launch.audience in the scenario")
    for region, viewers in audience.items():
        if region not in known:
            raise InputError(
                f"audience: region {region!r} was not rehearsed (rehearsed: {', '.join(known)})",
                hint="leave it out, or add it to the scenario's regions and rehearse again",
            )
        if viewers < 1:
            raise InputError(f"audience: {region} needs at least one viewer, found {viewers}", hint=_EXAMPLE)
    return dict(audience)


def demands(measurement: Measurement, audience: dict[str, int]) -> tuple[Demand, ...]:
    """One `Demand` per region of the audience, in the order given, but those too thin to know what a viewer costs.

    CannotMeasure where that is so of all.
    """
    healthy = unhindered(measurement)
    if len(healthy) < LEAST_HELD:
        raise CannotMeasure(
            f"budgets held below the limit in {len(healthy)} seconds, {LEAST_HELD} are needed to know a viewer's cost",
            hint="rehearse with a lower surge.baseline or a longer surge.quiet, so that the target is healthy first",
        )
    seed = seed_of(measurement.seed)
    by_unit = Joins(joining(_load(healthy, _segments), seed), joining(_load(healthy, _requests), seed))
    held = frozenset(second.at for second in healthy)
    known = (_demand(measurement, held, by_unit, code, viewers) for code, viewers in audience.items())
    found = tuple(one for one in known if one is not None)
    if not found:
        codes = ", ".join(audience)
        raise CannotMeasure(
            f"no region ({codes}) had five seconds together with viewers and traffic while budgets held",
            hint="rehearse with a higher surge.baseline",
        )
    return found


@dataclass(frozen=True, slots=True)
class Joins:
    """What a join counts for in bandwidth (by segments) and in requests."""

    wire: Joining
    requests: Joining


def _segments(second: Second) -> float:
    return float(second.segments)


def _requests(second: Second) -> float:
    return float(second.served + second.failed)


def _wire(second: Second) -> float:
    return second.wire_bits


def _demand(measurement: Measurement, held: frozenset[int], by_unit: Joins, code: str, audience: int) -> Demand | None:
    surge = measurement.region(code, JUDGED)
    healthy = [second for second in measurement.region(code, LOADED) if second.at in held]
    seed = seed_of(f"{measurement.seed} {code}")
    wire = cost(_load(healthy, _wire), _surge(surge), by_unit.wire, seed)
    requests = cost(_load(healthy, _requests), _surge(surge), by_unit.requests, seed)
    if wire is None or requests is None:
        return None
    tested = max(1.0, peak_viewers(surge))
    scale = audience / tested
    return Demand(
        region=code,
        viewers=Interval.exact(float(audience)),
        wire=wire.worst.scale(scale),
        requests=requests.worst.scale(scale),
        joins=_steepest(surge).scale(scale),
        all_joins=sum(second.joins for second in measurement.region(code, EVENT)) / len(measurement.runs) * scale,
        wire_per_viewer=wire.viewer,
        requests_per_viewer=requests.viewer,
        wire_per_join=wire.join,
        requests_per_join=requests.join,
        tested_viewers=tested,
    )


def _surge(seconds: Sequence[Second]) -> Load:
    """What the target was asked for, including those who gave up under overload; rates do not matter here."""
    load = _load(seconds, _wire)
    return replace(load, viewers=[second.offered for second in seconds])


def _load(seconds: Sequence[Second], rate: Callable[[Second], float]) -> Load:
    return Load(
        times=[second.at for second in seconds],
        viewers=[float(second.viewers) for second in seconds],
        joins=[float(second.joins) for second in seconds],
        rates=[rate(second) for second in seconds],
    )


def peak_viewers(seconds: Sequence[Second]) -> float:
    """Most viewers offered over a block of seconds."""
    means = block_means([second.at for second in seconds], [second.offered for second in seconds])
    return float(means.max()) if len(means) else max(second.offered for second in seconds)


def _steepest(seconds: Sequence[Second]) -> Interval:
    """Joins per second in the busiest block; arrivals are counted, so the square root of the count is its error."""
    joins = [float(second.joins) for second in seconds]
    means = block_means([second.at for second in seconds], joins)
    mid = float(means.max()) if len(means) else float(np.mean(joins))
    length = min(BLOCK, len(joins))
    counted = mid * length
    error = Z90 * math.sqrt(counted) / length
    return Interval(low=max(0.0, mid - error), mid=mid, high=mid + error, coverage=COVERAGE, samples=round(counted))
