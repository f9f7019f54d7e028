"""What one later run showed: the figures that a past advice is held against, or why it can be held against none."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import AwareDatetime

from advisor.backtest.words import say
from advisor.capacities.capacity import capacities
from advisor.demands.demand import Demand, demands
from advisor.interval import Interval
from advisor.measured.measure import JUDGED, measure
from advisor.measured.recording import Recording
from advisor.models import Unit
from advisor.texts import Message
from advisor.verdict import verdict
from loadtests.errors import CannotMeasure, RunError
from loadtests.region import Frozen


class Seen(Frozen):
    """One run."""

    name: str
    at: AwareDatetime
    scenario: str
    target: str
    nodes: int
    viewers: float
    """Most viewers that the target was asked to serve."""
    held: bool
    """Whether every budget held in ramp and peak."""
    capacities: dict[Unit, Interval]
    """Per node, of the resources whose limit was reached."""
    per_viewer: dict[str, dict[Unit, Interval]]
    """By region: what one who watches costs."""


class LeftOut(Frozen):
    """What was given and is not counted."""

    name: str
    why: Message


def seen_in(run: Recording) -> Seen | LeftOut:
    """The figures of a whole, valid, measured run; a `LeftOut` for any other."""
    header, run_id = run.header, run.header.run_id
    if header.simulated is not None:
        return LeftOut(name=run_id, why=say("left_out_simulated"))
    try:
        measurement = measure([run])
        found = capacities(measurement)
        tested = demands(measurement, dict.fromkeys(header.scenario.regions, 1))
    except (CannotMeasure, RunError) as error:
        return LeftOut(name=run_id, why=say("left_out_invalid", why=error.message))
    return Seen(
        name=run_id,
        at=header.started_at,
        scenario=header.scenario.name,
        target=urlsplit(header.scenario.target.url).hostname or "",
        nodes=measurement.nodes,
        viewers=max((second.offered for second in measurement.whole(JUDGED)), default=0.0),
        held=verdict(measurement).state == "held",
        capacities={limit.unit: limit.per_node for limit in found.saturated},
        per_viewer={demand.region: dict(_of_a_viewer(demand)) for demand in tested},
    )


def _of_a_viewer(demand: Demand) -> Mapping[Unit, Interval]:
    return {"bit/s": demand.wire_per_viewer, "requests/s": demand.requests_per_viewer}
