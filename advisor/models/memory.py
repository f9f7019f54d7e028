"""Memory: each viewer's connections cost a node some, and there is only so much (advisor/capacities/observed.py)."""

from __future__ import annotations

from typing import Literal

from advisor.capacities.observed import Seen, growth, ran_out, seen_of
from advisor.interval import Interval
from advisor.measured.measure import LOADED, Measurement
from advisor.measured.seconds import Second
from advisor.models import Capacity, Evidence, Excuse, Model
from advisor.texts import say


class Memory(Model):
    """Viewers connected to a node. All connections of one viewer count as one, as in `Demand`."""

    @property
    def unit(self) -> Literal["connections"]:
        """Viewers connected."""
        return "connections"

    def rate(self, second: Second) -> float:
        """Viewers present."""
        return float(second.viewers)

    def fit(self, measurement: Measurement) -> Capacity | Excuse:
        """Where memory meets its limit, if it was full in the overload; else the most viewers that a node held."""
        seen = seen_of(measurement, LOADED)
        if all(one.used("memory") is None for one in seen):
            key = "excuse_not_limited" if any(one.memory() is not None for one in seen) else "excuse_not_observed"
            return Excuse(about="memory", reason=say(key), remedy=say("remedy_observe"), is_aside=True)
        found = growth(measurement)
        if isinstance(found, Excuse):
            return found
        end = found.full_at if ran_out(measurement, "memory") else None
        return Capacity(
            model="memory",
            unit=self.unit,
            per_node=end or Interval.exact(found.held),
            saturated=end is not None,
            evidence=_evidence([one for one in seen if not one.second.broken], found.held * measurement.nodes),
        )


def _evidence(held: list[Seen], most: float) -> Evidence:
    present = [one.second.viewers for one in held]
    return Evidence(
        basis="held",
        first_broken=None,
        broken_budgets=(),
        seconds=len(held),
        span=(held[0].second.at, held[-1].second.at),
        viewers=(min(present), max(present)),
        plateau=None,
        held=most,
        variation=0.0,
    )
