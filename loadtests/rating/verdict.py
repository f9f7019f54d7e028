"""From seconds to the answer: viewers per worker, workers, machines, what binds, and how well it is known."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from loadtests.errors import CannotMeasure
from loadtests.limits import MOST, RESERVE
from loadtests.rating.fit import COVERAGE, Costs, Range, Second, drawn, fit, ranged
from loadtests.rating.machine import Equipment
from loadtests.rating.measuring import Climbed
from loadtests.rating.needs import Demand, Need
from loadtests.region import Frozen
from loadtests.results import CPU_LIMIT
from loadtests.sketch import merged

Evidence: TypeAlias = Literal["measured", "derived", "lower_bound"]
Resource: TypeAlias = Literal["cpu", "descriptors", "ports", "memory"]

CPU_SAFE: Final = 0.8 * CPU_LIMIT
"""Share of one core: a fifth below where a run becomes INVALID."""
LAG_SAFE: Final = 0.020
"""Seconds of p99 schedule lag: a fifth of where a run becomes INVALID."""
REACHED: Final = 0.95
"""A step whose CPU came that close to the limit shows the limit."""
FARTHEST: Final = 2.0
"""Nothing is derived beyond twice the load that was driven."""
SINK_FULL: Final = 0.90
"""Share of its core past which the sink may be what held the climb back."""
MEMORY_SAFE: Final = 0.8
"""Share of the memory available now that the generators may take (assumed)."""
CLEAN_STEPS: Final = 2
CLEAN_SHARE: Final = 0.5
"""Of the seconds of the climb: with fewer undisturbed ones there is no figure."""
DIRECTOR: Final = 1
"""Cores left to Locust's master and the system when there is more than one worker (assumed)."""


class Step(Frozen):
    """One step of the climb, over its undisturbed seconds."""

    viewers: int
    seconds: int
    requests: float
    bytes: float
    cpu: float
    lag_p99: float
    """Seconds."""
    sink: float
    held: bool
    """The generator was inside its limits."""


class Burst(Frozen):
    """Joins in a burst, over undisturbed seconds within the safe limit."""

    joins: float
    lag_p99: float


class Room(Frozen):
    """What one resource carries, in viewers of this scenario."""

    resource: Resource
    per_worker: int | None
    """None where workers share it."""
    machine: int


class Rating(Frozen):
    """The whole answer; what ``--json`` writes."""

    version: int = 1
    scenario: str
    verdict: Literal["fits", "does_not_fit", "unknown"]
    exit_code: int
    viewers_per_worker: int
    workers: int
    workers_here: int
    """How many this machine has cores for."""
    machines: int
    binds: Resource
    evidence: Evidence
    cpu_limit: float
    """Share of a core up to which a worker was planned."""
    cpu_viewers: Range
    """Viewers of this scenario that the core of one worker carries."""
    microseconds_per_request: Range
    microseconds_per_megabyte: Range
    microseconds_per_join: Range
    fixed_cpu: Range
    coverage: float = COVERAGE
    need: Need
    rooms: tuple[Room, ...]
    steps: tuple[Step, ...]
    burst: Burst | None
    disturbed: dict[str, int]
    """Seconds that were cut, by reason."""
    others: float
    """Cores that other work used meanwhile."""
    sinks: int
    secure: bool
    pace: float
    """Seconds of a segment in the climb."""
    worker_bytes: int
    """Memory of one worker without viewers."""
    viewer_bytes: int
    machine: Equipment


class Limit(NamedTuple):
    """How much CPU a worker may be planned with, and how that is known."""

    cpu: float
    evidence: Evidence

    @property
    def final(self) -> bool:
        """Whether the machine ends there; else only the climb did."""
        return self.evidence == "measured" or self.cpu >= CPU_SAFE


def rate(scenario: str, climbed: Climbed, demand: Demand, machine: Equipment) -> Rating:
    """The answer of one climb; CannotMeasure when too much of it was disturbed."""
    clean = undisturbed(climbed.seconds)
    steps = steps_of(clean)
    straight = in_line(clean)
    costs, draws = fit(straight), drawn(straight)
    limit = limit_of(steps, costs)
    need = demand.need

    def carried(costs: Costs) -> float:
        return need.viewers * max(limit.cpu - costs.fixed, 0.0) / max(demand.variable(costs), 1e-12)

    cpu_viewers = ranged(carried(costs), [carried(draw) for draw in draws])
    here = workers_here(machine)
    worker_bytes, viewer_bytes = memory_of(clean)
    rooms = rooms_of(cpu_viewers.low, here, need, machine, (worker_bytes, viewer_bytes))
    per_worker = max(min(room.per_worker for room in rooms if room.per_worker is not None), 1)
    tightest = min(rooms, key=lambda room: room.machine)
    fits = need.viewers <= tightest.machine
    unknown = not fits and tightest.resource == "cpu" and not limit.final
    return Rating(
        scenario=scenario,
        verdict="fits" if fits else "unknown" if unknown else "does_not_fit",
        exit_code=0 if fits else 3 if unknown else 99,
        viewers_per_worker=per_worker,
        workers=math.ceil(need.viewers / per_worker),
        workers_here=here,
        machines=math.ceil(need.viewers / max(tightest.machine, 1)),
        binds=tightest.resource,
        evidence=limit.evidence,
        cpu_limit=limit.cpu,
        cpu_viewers=cpu_viewers,
        microseconds_per_request=ranged(costs.request * 1e6, [draw.request * 1e6 for draw in draws]),
        microseconds_per_megabyte=ranged(costs.byte * 1e12, [draw.byte * 1e12 for draw in draws]),
        microseconds_per_join=ranged(costs.join * 1e6, [draw.join * 1e6 for draw in draws]),
        fixed_cpu=ranged(costs.fixed, [draw.fixed for draw in draws]),
        need=need,
        rooms=rooms,
        steps=steps,
        burst=burst_of(clean),
        disturbed=dict(Counter(second.disturbed for second in climbed.seconds if second.disturbed)),
        others=round(float(np.mean([second.others for second in climbed.seconds])), 3),
        sinks=climbed.sinks,
        secure=climbed.secure,
        pace=climbed.pace,
        worker_bytes=worker_bytes,
        viewer_bytes=viewer_bytes,
        machine=machine,
    )


def undisturbed(seconds: Sequence[Second]) -> list[Second]:
    """The seconds that count; CannotMeasure with what was in the way when they are too few."""
    clean = [second for second in seconds if not second.disturbed]
    held = {second.step for second in clean if second.step >= 0}
    if len(clean) >= CLEAN_SHARE * len(seconds) and len(held) >= CLEAN_STEPS:
        return clean
    reason, _ = Counter(second.disturbed for second in seconds if second.disturbed).most_common(1)[0]
    others = float(np.mean([second.others for second in seconds]))
    raise CannotMeasure(
        f"{len(seconds) - len(clean)} of {len(seconds)} seconds were disturbed, mostly: {REASONS[reason]} "
        f"(other work used {others:.1f} cores): what this machine can do was not measured",
        hint=f"{REMEDIES.get(reason, 'stop other work on this machine')}, then try again",
    )


def in_line(clean: Sequence[Second]) -> list[Second]:
    """The seconds that are fitted: past the limit of a run work piles up and costs more. Joins have to be seen."""
    straight = [second for second in clean if second.cpu <= CPU_LIMIT]
    most = max(second.joins for second in clean)
    return straight if any(second.joins >= most / 2 for second in straight) else list(clean)


REASONS: Final = {
    "waiting": "the generator waited for a core that others had",
    "steal": "the hypervisor gave the core to others",
    "others": "others used the cores",
    "errors": "requests failed, or could not be started",
}
REMEDIES: Final = {
    "steal": "ask for a machine whose cores are not shared",
    "errors": "look what else uses ports (`ss -s`) and descriptors here",
}


def steps_of(clean: Sequence[Second]) -> tuple[Step, ...]:
    """The steps that have undisturbed seconds, upwards."""
    steps = []
    for number in sorted({second.step for second in clean if second.step >= 0}):
        seconds = [second for second in clean if second.step == number]
        cpu, lag = _mean(s.cpu for s in seconds), merged(s.lag for s in seconds).quantile(0.99)
        steps.append(
            Step(
                viewers=round(_mean(s.viewers for s in seconds)),
                seconds=len(seconds),
                requests=_mean(s.requests for s in seconds),
                bytes=_mean(s.bytes for s in seconds),
                cpu=cpu,
                lag_p99=lag,
                sink=max(s.sink for s in seconds),
                held=cpu <= CPU_LIMIT and lag < LAG_SAFE,
            )
        )
    return tuple(steps)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def burst_of(clean: Sequence[Second]) -> Burst | None:
    """The joins of the seconds in which a worker did no more than it is planned with."""
    most = max(second.joins for second in clean)
    joining = [second for second in clean if second.joins > most / 2 and second.cpu <= CPU_SAFE]
    if not joining:
        return None
    return Burst(joins=_mean(s.joins for s in joining), lag_p99=merged(s.lag for s in joining).quantile(0.99))


def limit_of(steps: Sequence[Step], costs: Costs) -> Limit:
    """The CPU that a worker may be planned with: the safe one, or where lateness, the sink or the climb end it."""
    held = []
    for step in steps:
        if not step.held:
            break
        held.append(step)
    if not held:
        raise CannotMeasure(
            f"the generator was late by {steps[0].lag_p99 * 1000:.0f} ms at the lowest step of {steps[0].viewers} "
            f"viewers with {steps[0].cpu:.0%} of its core in use: this machine does not keep time",
            hint="look for a CPU limit on this container or machine (throttling), then try again",
        )
    top = held[-1]
    if top.cpu >= REACHED * CPU_SAFE:
        return Limit(CPU_SAFE, "measured")
    if len(held) < len(steps) and steps[len(held)].sink < SINK_FULL:
        return Limit(min(CPU_SAFE, crossing(top, steps[len(held)])), "measured")
    if steps[min(len(held), len(steps) - 1)].sink >= SINK_FULL:
        return Limit(top.cpu, "lower_bound")
    return Limit(min(CPU_SAFE, costs.fixed + FARTHEST * max(top.cpu - costs.fixed, 0.0)), "derived")


def crossing(held: Step, over: Step) -> float:
    """The CPU between two steps at which starts become too late, their lateness taken to grow exponentially."""
    if over.lag_p99 < LAG_SAFE or over.cpu <= held.cpu:
        return over.cpu
    share = math.log(LAG_SAFE / held.lag_p99) / math.log(over.lag_p99 / held.lag_p99)
    return held.cpu + share * (over.cpu - held.cpu)


def workers_here(machine: Equipment) -> int:
    """Workers that this machine has cores for; the only one needs no master beside it."""
    return max(1, math.floor(machine.cores) - DIRECTOR)


def memory_of(clean: Sequence[Second]) -> tuple[int, int]:
    """Bytes of a worker without viewers, and of each viewer: a line through the seconds."""
    if len({s.viewers for s in clean}) < 2:
        return max(s.memory for s in clean), 0
    slope, base = np.polyfit([s.viewers for s in clean], [s.memory for s in clean], 1)
    return max(round(float(base)), 0), max(round(float(slope)), 0)


def rooms_of(
    cpu_viewers: float, workers: int, need: Need, machine: Equipment, memory: tuple[int, int]
) -> tuple[Room, ...]:
    """What each resource carries, for one worker and for the machine."""
    worker_bytes, viewer_bytes = memory
    cpu = int(cpu_viewers)
    descriptors = max(machine.descriptors_hard - RESERVE, 0) // MOST
    processes = workers + (DIRECTOR if workers > 1 else 0)
    spare = max(machine.memory * MEMORY_SAFE - processes * worker_bytes, 0.0)
    return (
        Room(resource="cpu", per_worker=cpu, machine=cpu * workers),
        Room(resource="descriptors", per_worker=descriptors, machine=descriptors * workers),
        Room(resource="ports", per_worker=None, machine=int(ports_safe(machine, need) / need.ports_per_viewer)),
        Room(resource="memory", per_worker=None, machine=int(spare / max(viewer_bytes, 1))),
    )


def ports_safe(machine: Equipment, need: Need) -> int:
    """Ports that can be had quickly: half of them, for each address of the target.

    Linux gives out every other port first; after that each connect searches through all of those (measured, of
    28,232 ports: 10 µs for a connect until 14,000 connections, 2 ms from there on).
    """
    return machine.ports // 2 * need.addresses
