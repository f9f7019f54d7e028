"""Made-up seconds whose truth is known, and measurements of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.measured.measure import Measurement, RunFacts, RunSeries
from advisor.measured.seconds import Percentiles, Second
from loadtests.shapes import PhaseName
from tests.advisor.runs import Town

NODES = 2


def at(
    time: int, viewers: float, *, phase: PhaseName = "ramp", times: tuple[float, float] | None = None, **values: Any
) -> Second:
    """One second; ``times`` are first byte and whole of a segment, every percentile alike."""
    ttfb, total = (Percentiles(p50=one, p95=one, p99=one) for one in times) if times else (None, None)
    usual = {"viewers": round(viewers), "joins": 1, "starts": 1, "served": round(viewers), "failed": 0}
    return Second.model_validate(
        {**usual, "body_bits": 0.0, "wire_bits": 0.0, "segments": round(viewers / 2)}
        | values
        | {"at": time, "phase": phase, "ttfb": ttfb, "total": total}
    )


def measured(seconds: Sequence[Second], name: str = "made-up", **budgets: Any) -> Measurement:
    """One run of two nodes that shows these seconds."""
    town = Town(nodes=NODES)
    scenario = town.scenario.model_copy(update={"budgets": town.scenario.budgets.model_copy(update=budgets)})
    facts = RunFacts.model_validate(
        {
            "run_id": name,
            "started_at": "2026-12-01T00:00:00Z",
            "software": {},
            "seconds": len(seconds),
            "workers": 1,
            "nodes": NODES,
            "ending": "finished",
            "complete": True,
            "phases": town.shape.phases(),
            "invalid": (),
            "notes": (),
            "worst_cpu": 0.1,
        }
    )
    series = RunSeries(facts=facts, whole=tuple(seconds), regions={"id": tuple(seconds)})
    return Measurement(scenario=scenario, places={}, runs=(series,), warnings=())
