"""A simulation as a run file: the same lines that a measurement writes, with a header that says what they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from loadtests.errors import InputError
from loadtests.journal import header
from loadtests.results import Footer, Header, Simulated, Window
from loadtests.run import RunWriter
from loadtests.scenario import Scenario
from loadtests.virtual.edge import Edge
from loadtests.virtual.origin import OriginPlan
from loadtests.virtual.sampling import Sums
from loadtests.virtual.world import Simulation, World

SOON: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Second zero where neither the scenario nor a real run names one: the same scenario gives the same file."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a simulation."""

    file: Path
    footer: Footer
    sums: Sums
    sessions: int
    """Viewers that were simulated one by one."""


def write_simulation(
    world: World, folder: Path, observe: Callable[[int, list[Window]], None] = lambda _second, _windows: None
) -> Told:
    """Live a world and write its run; ``observe`` sees every second as it ends."""
    simulation = Simulation(world)
    try:
        writer = RunWriter(folder)
    except OSError as error:
        raise InputError(f"{folder}: the run cannot be written: {error.strerror}", hint="give another --out") from error
    with writer:
        writer.write([header_of(world)])
        last = 0
        for second, windows in simulation.seconds():
            windows.sort(key=lambda window: window.key)
            writer.write(windows)
            observe(second, windows)
            last = second + 1
        footer = Footer(
            complete=True,
            ending="finished",
            at=float(last),
            workers_expected=0,
            workers_heard=0,
            totals=writer.totals,
        )
        writer.write([footer])
    return Told(writer.path, footer, simulation.sums, simulation.sums.visits)


def header_of(world: World) -> Header:
    """The first line: a run of no workers, and what the model was told."""
    plan = world.origin
    first = header(_as_simulated(world.scenario, plan), datetime.fromtimestamp(world.epoch, UTC), 0)
    simulated = Simulated(
        weight=world.weight,
        nodes=dict(plan.nodes),
        egress=plan.egress,
        requests_per_second=plan.rps,
        latency=plan.latency,
        edge=_edge_of(plan.edge),
    )
    return first.model_copy(update={"run_id": f"{first.run_id}-simulated", "simulated": simulated})


def _edge_of(edge: Edge | None) -> dict[str, float]:
    return {} if edge is None else edge.described()


def _as_simulated(scenario: Scenario, plan: OriginPlan) -> Scenario:
    """The scenario with as many nodes as were modelled: capacity per node is what was seen divided by them."""
    nodes = sum(plan.nodes.values())
    target = scenario.target.model_copy(update={"nodes": nodes})
    staging = None
    if scenario.staging is not None:
        capacity = {"egress": plan.egress, "requests_per_second": plan.rps, "latency": plan.latency}
        staging = scenario.staging.model_copy(update=capacity)
    return scenario.model_copy(update={"target": target, "staging": staging})
