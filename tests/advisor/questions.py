"""Questions to the planner, made by hand: what a region asks, what a node carries, what may be bought."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from advisor.capacities.capacity import Binding, Capacities
from advisor.demands.demand import Demand
from advisor.models import Capacity, Unit
from advisor.offers.offer import Offer
from advisor.plans.asked import Asked
from advisor.plans.plan import Plan, plan
from loadtests.launch import Launch
from tests.advisor.cases import EVIDENCE, around

MODELS: Final[dict[Unit, str]] = {
    "bit/s": "bandwidth",
    "requests/s": "request_rate",
    "joins/s": "joins",
    "connections": "connections",
    "messages/s": "chat",
}
PER_NODE: Final[dict[Unit, float]] = {
    "bit/s": 1e9,
    "requests/s": 2000,
    "joins/s": 50,
    "connections": 3000,
    "messages/s": 500,
}


def demand(size: float = 1.0, spread: float = 0.0, region: str = "id") -> Demand:
    """``size`` times 30 Gbit/s, 20,000 requests/s, 500 joins/s and 10,000 viewers."""
    return Demand(
        region=region,
        viewers=around(10_000 * size, spread),
        wire=around(30e9 * size, spread),
        requests=around(20_000 * size, spread),
        joins=around(500 * size, spread),
        all_joins=20_000 * size,
        wire_per_viewer=around(3e6, spread),
        requests_per_viewer=around(2, spread),
        wire_per_join=around(4e6, spread),
        tested_viewers=100,
    )


def capacity(unit: Unit, times: float = 1.0, spread: float = 0.0, *, saturated: bool = True) -> Capacity:
    """``times`` what `PER_NODE` says."""
    per_node = around(PER_NODE[unit] * times, spread)
    return Capacity(model=MODELS[unit], unit=unit, per_node=per_node, saturated=saturated, evidence=EVIDENCE)


def capacities(*found: Capacity) -> Capacities:
    binding = Binding(model=found[0].model if found else None, by="only", agreement=1, transfer=0)
    return Capacities(found=found, excuses=(), binding=binding)


def launch(**fields: object) -> Launch:
    """With no headroom at all where nothing is said."""
    bare = {"target_utilisation": "100%", "zones": 1, "spare_nodes": 0, "underprovision_weight": 1}
    return Launch.model_validate(bare | fields)


def node(name: str = "small", **facts: float) -> Offer:
    """An offer by its facts: ``vcpus``, ``memory_gib``, ``egress`` in bit/s, ``usd_per_hour``."""
    origin = {"source": "made up for a test", "as_of": "2026-11", "confidence": "assumed"}
    price = facts.pop("usd_per_hour", None)
    egress = facts.pop("egress", None)
    told: dict[str, object] = {key: {"value": value, **origin} for key, value in facts.items()}
    if egress is not None:
        told["egress"] = {"value": f"{egress:.3f}bps", **origin}
    if price is not None:
        told["usd_per_hour"] = {"*": {"value": price, **origin}}
    return Offer.model_validate({"name": name, **told})


def planned(question: Asked) -> Plan:
    found = plan(question)
    assert isinstance(found, Plan)
    return found


def finite(value: object) -> Iterator[float]:
    """Every number of a dumped value; a test that wants them finite says so."""
    match value:
        case dict():
            for part in value.values():
                yield from finite(part)
        case list() | tuple():
            for part in value:
                yield from finite(part)
        case bool():
            return
        case float() | int():
            yield value


def all_finite(value: object) -> bool:
    return all(math.isfinite(number) for number in finite(value))
