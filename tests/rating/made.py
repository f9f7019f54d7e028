"""Seconds of a climb with made figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loadtests.rating.fit import Costs, Second
from loadtests.rating.machine import Equipment
from loadtests.rating.measuring import Climbed
from loadtests.rating.needs import Demand, demand_of, stage_pace
from loadtests.rating.staircase import Staircase
from loadtests.rating.verdict import Rating, rate
from loadtests.scenario import Scenario, read_scenario
from loadtests.sketch import Sketch

COSTS = Costs(fixed=0.10, request=20e-6, byte=50e-12, join=40e-6)
MACHINE = Equipment(
    cores=4,
    python="3.11.7",
    system="Linux 6.1",
    processor="x86_64",
    descriptors_soft=1024,
    descriptors_hard=1_000_000,
    ports=28_232,
    memory=8 * 2**30,
)


def second(at: int, *, step: int, viewers: int, joins: int, costs: Costs = COSTS, heavy: bool = False) -> Second:
    """One second of viewers who each make two requests, light ones or heavy ones."""
    requests = 2 * viewers
    data = viewers * (200_000 if heavy else 20_000)
    lag = Sketch()
    lag.add(0.002, max(requests, 1))
    return Second(
        at=at,
        step=step,
        viewers=viewers,
        joins=joins,
        requests=requests,
        errors=0,
        bytes=data,
        sockets=viewers,
        cpu=costs.fixed + requests * costs.request + data * costs.byte + joins * costs.join,
        lag=lag,
        sink=0.4,
        others=0.1,
        memory=50 * 2**20 + viewers * 10_000,
    )


def climb(*levels: int, costs: Costs = COSTS) -> tuple[Second, ...]:
    """Two idle seconds, then for each level one of joins and four of holding it."""
    made = [second(at, step=-1, viewers=1, joins=0, costs=costs) for at in (0, 1)]
    below = 1
    for step, level in enumerate(levels):
        made.append(second(len(made), step=-1, viewers=level, joins=level - below, costs=costs))
        for turn in range(4):
            made.append(second(len(made), step=step, viewers=level, joins=0, costs=costs, heavy=turn % 2 == 0))
        below = level
    return tuple(made)


def rated(
    seconds: Sequence[Second], *, viewers: int = 0, machine: Equipment = MACHINE, demand: Demand | None = None
) -> Rating:
    """The rating of a climb for the bundled scenario."""
    climbed = Climbed(Staircase(levels=(1,)), 1.0, tuple(seconds), 1, False)
    return rate("viral-goal", climbed, demand or bundled_demand(viewers), machine)


def bundled() -> Scenario:
    """The bundled scenario."""
    return read_scenario("viral-goal")


def bundled_demand(viewers: int = 0) -> Demand:
    """What it needs."""
    return demand_of(bundled(), stage_pace(), viewers)


def disturbed(seconds: Sequence[Second], which: Sequence[int], reason: str = "waiting") -> tuple[Second, ...]:
    """The same with some seconds disturbed, at a CPU that would spoil the fit."""
    return tuple(replace(one, disturbed=reason, cpu=one.cpu * 3) if one.at in which else one for one in seconds)
