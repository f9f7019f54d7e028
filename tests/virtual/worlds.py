"""Small worlds to simulate."""

from __future__ import annotations

from typing import Any

from loadtests.results import Window
from loadtests.scenario import Scenario, read_scenario
from loadtests.staging.media import Stream, load
from loadtests.virtual.origin import EVERYWHERE, OriginPlan
from loadtests.virtual.world import Simulation, World

STREAM: Stream = load()[0]
EPOCH = 1_780_000_000.0


def scenario(peak: int = 200, **changes: Any) -> Scenario:
    """The bundled one, smaller and shorter."""
    data = read_scenario("viral-goal").model_dump(mode="json")
    data["surge"] |= {"baseline": peak // 2, "peak": peak, "warm_up": "5s", "quiet": "10s", "ramp": "10s"}
    data["surge"] |= {"hold": "20s", "fall": "10s"}
    return Scenario.model_validate({**data, **changes})


def world(peak: int = 200, weight: int = 1, *, plan: OriginPlan | None = None, **changes: Any) -> World:
    """One with room for everybody, unless a plan says otherwise."""
    origin = plan or OriginPlan(nodes={EVERYWHERE: 2}, egress=200e6, rps=2000.0)
    return World(scenario=scenario(peak, **changes), stream=STREAM, origin=origin, weight=weight, epoch=EPOCH)


def lived(one: World) -> tuple[Simulation, list[Window]]:
    """The whole of it."""
    simulation = Simulation(one)
    return simulation, [window for _, windows in simulation.seconds() for window in windows]
