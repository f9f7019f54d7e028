"""The whole answer as one frozen value: all that any report shows, and nothing that it does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

from advisor.capacity import Capacities, capacities
from advisor.caution import assumptions, cautions
from advisor.cdn import Cdn, cdn
from advisor.demand import Demand, audience_of, demands, peak_viewers
from advisor.interval import Interval
from advisor.measure import JUDGED, Measurement, RunSeries, measure
from advisor.models import Excuse
from advisor.plan import Asked, Plan, plan
from advisor.recording import Recording
from advisor.texts import Message
from advisor.verdict import Verdict, verdict
from loadtests.launch import Launch
from loadtests.region import Frozen, Names
from loadtests.run import Run
from loadtests.scenario import Budgets

SCHEMA_VERSION: Final = 1


class RegionAdvice(Frozen):
    """One region: what it will ask, the nodes or why there is no number, and the CDN."""

    code: str
    name: Names
    timezone: str
    audience: int
    demand: Demand
    nodes: Plan | Excuse
    cdn: Cdn


class Totals(Frozen):
    """Over all regions that are planned for. ``nodes`` is None when any of them has an excuse."""

    nodes: int | None
    viewers: int
    wire: Interval
    """bit/s."""
    requests: Interval
    joins: Interval
    event_usd: Interval
    hour_usd: Interval


class Advice(Frozen):
    """What to have ready, what it stands on, and what would change it. Units: bit/s, requests/s, seconds, USD."""

    schema_version: int = SCHEMA_VERSION
    scenario: str
    summary: Names
    target: str
    names: dict[str, Names]
    """What people call each rehearsed region."""
    nodes_tested: int
    tested_viewers: float
    factor: float
    """The launch's audience over the viewers that were tested."""
    sureness: Literal["measured", "rough", "bound", "none"]
    """``measured``: limit reached and known to 10 %; ``rough``: reached, less well known; ``bound``: not reached."""
    launch: Launch
    budgets: Budgets
    warnings: tuple[Message, ...]
    verdict: Verdict
    capacities: Capacities
    regions: tuple[RegionAdvice, ...]
    totals: Totals
    assumptions: tuple[Message, ...]
    runs: tuple[RunSeries, ...]


ROUGH: Final = 0.10
"""A capacity interval wider than a tenth on either side is called rough (assumed)."""


def advise(
    runs: Sequence[Recording | Run], audience: dict[str, int] | None = None, *, accept_unfinished: bool = False
) -> Advice:
    """Advise on a launch from its rehearsals; the same runs and audience give the same advice, byte for byte."""
    measurement = measure(runs, accept_unfinished=accept_unfinished)
    wanted = demands(measurement, audience_of(measurement, audience))
    found = capacities(measurement)
    tested = peak_viewers(measurement.whole(JUDGED))
    factor = sum(demand.viewers.mid for demand in wanted) / max(1.0, tested)
    regions = tuple(_region(measurement, demand, found, factor) for demand in wanted)
    judged = verdict(measurement)
    plans = [region.nodes for region in regions if isinstance(region.nodes, Plan)]
    scenario = measurement.scenario
    return Advice(
        scenario=scenario.name,
        summary=_in_both(scenario.summary),
        target=scenario.target.url,
        names={code: measurement.places[code].name for code in scenario.regions},
        nodes_tested=measurement.nodes,
        tested_viewers=tested,
        factor=factor,
        sureness=_sureness(found),
        launch=scenario.launch,
        budgets=scenario.budgets,
        warnings=(*measurement.warnings, *cautions(measurement, found, wanted, plans, factor)),
        verdict=judged,
        capacities=found,
        regions=regions,
        totals=_totals(regions),
        assumptions=assumptions(measurement, found, plans),
        runs=measurement.runs,
    )


def _region(measurement: Measurement, demand: Demand, found: Capacities, factor: float) -> RegionAdvice:
    place = measurement.places[demand.region]
    return RegionAdvice(
        code=demand.region,
        name=place.name,
        timezone=place.timezone,
        audience=round(demand.viewers.mid),
        demand=demand,
        nodes=plan(Asked(demand, found, measurement.scenario.launch, factor)),
        cdn=cdn(demand, place, measurement.scenario),
    )


def _in_both(text: str | Names) -> Names:
    return text if isinstance(text, Names) else Names(en=text, zh=text)


def _totals(regions: Sequence[RegionAdvice]) -> Totals:
    plans = [region.nodes for region in regions if isinstance(region.nodes, Plan)]
    return Totals(
        nodes=sum(found.nodes for found in plans) if len(plans) == len(regions) else None,
        viewers=sum(region.audience for region in regions),
        wire=_sum([region.demand.wire for region in regions]),
        requests=_sum([region.demand.requests for region in regions]),
        joins=_sum([region.demand.joins for region in regions]),
        event_usd=_sum([region.cdn.event_usd for region in regions]),
        hour_usd=_sum([region.cdn.hour_usd for region in regions]),
    )


def _sum(parts: Sequence[Interval]) -> Interval:
    total = parts[0]
    for part in parts[1:]:
        total = total.plus(part)
    return total


def _sureness(found: Capacities) -> Literal["measured", "rough", "bound", "none"]:
    if not found.saturated:
        return "bound" if found.found else "none"
    return "measured" if all(limit.per_node.spread <= ROUGH for limit in found.saturated) else "rough"


def schema() -> dict[str, Any]:
    """The JSON Schema of an advice, as committed in ``advice.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Advice.model_json_schema(mode="serialization"),
        "title": f"surgecast advice, schema version {SCHEMA_VERSION}",
    }


def schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
