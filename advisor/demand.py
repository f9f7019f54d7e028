"""What the launch will ask of each region: its audience times what one viewer cost while budgets held."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from advisor.blocks import BLOCK, COVERAGE, block_means, ratio, seed_of
from advisor.interval import Interval
from advisor.measure import JUDGED, LOADED, Measurement
from advisor.seconds import Second
from loadtests.errors import CannotMeasure, InputError
from loadtests.region import Frozen

LEAST_HELD: Final = 8
"""Fewest seconds in which budgets held, for what a viewer costs: less is one wave of segments (assumed)."""
Z90: Final = 1.645
"""Normal quantile of a two-sided 90 % interval."""

_PART = re.compile(r"\s*(?P<region>[A-Za-z0-9_-]+)\s*=\s*(?P<viewers>[0-9][0-9_]*)\s*")
_EXAMPLE = "write it as --audience id=40000,in=25000"


class Demand(Frozen):
    """One region at the peak of the launch."""

    region: str
    viewers: Interval
    """Peak concurrent viewers: given, so exact."""
    wire: Interval
    """bit/s, bodies and headers."""
    requests: Interval
    """Requests per second."""
    joins: Interval
    """Viewers who press play in the steepest second."""
    wire_per_viewer: Interval
    """bit/s."""
    requests_per_viewer: Interval
    """Requests per second."""
    tested_viewers: float
    """Most concurrent viewers of this region while it was measured (`BLOCK`-second mean)."""

    def of(self, unit: str) -> Interval:
        """The demand that a capacity of this unit must carry."""
        return self.wire if unit == "bit/s" else self.requests


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
    """One `Demand` per region of the audience, in the order given."""
    held = {second.at for second in measurement.whole(LOADED) if not second.broken}
    if len(held) < LEAST_HELD:
        raise CannotMeasure(
            f"budgets held in {len(held)} seconds, {LEAST_HELD} are needed to know what a viewer costs",
            hint="rehearse with a lower surge.baseline or a longer surge.quiet, so that the target is healthy first",
        )
    return tuple(_demand(measurement, code, viewers, held) for code, viewers in audience.items())


def _demand(measurement: Measurement, code: str, audience: int, held: set[int]) -> Demand:
    healthy = [second for second in measurement.region(code, LOADED) if second.at in held]
    wire = _per_viewer(measurement, code, healthy, [second.wire_bits for second in healthy])
    requests = _per_viewer(measurement, code, healthy, [float(second.served + second.failed) for second in healthy])
    loaded = measurement.region(code, JUDGED)
    tested = peak_viewers(loaded)
    return Demand(
        region=code,
        viewers=Interval.exact(float(audience)),
        wire=wire.scale(audience),
        requests=requests.scale(audience),
        joins=_steepest(loaded).scale(audience / max(1.0, tested)),
        wire_per_viewer=wire,
        requests_per_viewer=requests,
        tested_viewers=tested,
    )


def _per_viewer(measurement: Measurement, code: str, healthy: list[Second], rates: list[float]) -> Interval:
    times, viewers = [second.at for second in healthy], [float(second.viewers) for second in healthy]
    found = ratio(times, rates, viewers, seed_of(f"{measurement.seed} {code}"))
    if found is None or not found.low:
        raise CannotMeasure(
            f"region {code} had no viewers with traffic while budgets held",
            hint="give the region a larger share, or rehearse with a higher surge.baseline",
        )
    return found


def peak_viewers(seconds: Sequence[Second]) -> float:
    """Most viewers over a block of seconds."""
    means = block_means([second.at for second in seconds], [float(second.viewers) for second in seconds])
    return float(means.max()) if len(means) else float(max(second.viewers for second in seconds))


def _steepest(seconds: Sequence[Second]) -> Interval:
    """Joins per second in the busiest block; arrivals are counted, so the square root of the count is its error."""
    joins = [float(second.joins) for second in seconds]
    means = block_means([second.at for second in seconds], joins)
    mid = float(means.max()) if len(means) else float(np.mean(joins))
    length = min(BLOCK, len(joins))
    counted = mid * length
    error = Z90 * math.sqrt(counted) / length
    return Interval(low=max(0.0, mid - error), mid=mid, high=mid + error, coverage=COVERAGE, samples=round(counted))
