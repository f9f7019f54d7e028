"""What servers said of themselves, held against what viewers got of them: the utilisation law.

U = X · S (Denning and Buzen, "The operational analysis of queueing network models", ACM Computing Surveys 10 (1978),
section 3): a resource is busy for the share U of the time in which X requests a second each need it for S seconds. It
is an identity, so it holds at any load and for any order of service; S is its slope, and U = 1 is where it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.blocks import BLOCK, Floats, block_means, draws, interval, seed_of, small_sample
from advisor.capacities.plateau import LEAST_SPREAD, first_lasting, overload_seconds, settled
from advisor.interval import Interval
from advisor.measured.measure import APART, JUDGED, LOADED, Measurement
from advisor.measured.seconds import Second
from advisor.measured.servers import Server
from advisor.models import Excuse
from advisor.texts import say
from loadtests.region import Frozen

Resource: TypeAlias = Literal["cpu", "network"]
RESOURCES: Final[tuple[Resource, ...]] = ("cpu", "network")

FULL: Final = 0.95
"""From this share of a resource on, over `BLOCK` seconds, it counts as full: the rest is jitter of the looks, and what
a scheduler cannot hand out (assumed)."""
MOSTLY: Final = 0.5
"""Share of the overload in which a resource must be full to be what ran out (assumed)."""
TOLD: Final = 0.5
"""Share of some seconds that the nodes must have told of, for a statement about them (assumed)."""
CLEAN: Final = 0.01
"""Failed share of a second's requests above which its work is not that of good answers (assumed)."""
LEAST_BLOCKS: Final = 4
"""Whole blocks that a slope needs (assumed)."""
FARTHEST: Final = 2.0
"""Times the highest load seen: beyond it a straight line is no evidence, and the figure is refused."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One second as viewers and servers saw it. Rates are per node: of the whole target over its nodes."""

    at: int
    second: Second
    requests: float
    """Answered well per second and node."""
    bits: float
    """Wire bit/s per node."""
    viewers: float
    """Present per node."""
    servers: tuple[Server, ...]
    """The nodes that tell."""

    def used(self, resource: str) -> float | None:
        """Mean share of a resource in use, over the nodes that told of this second; None when most did not."""
        shares = [share for one in self.servers if (share := one.used(resource, self.second.at)) is not None]
        return sum(shares) / len(shares) if shares and len(shares) >= TOLD * len(self.servers) else None

    def memory(self) -> float | None:
        """Mean bytes in use of a node; None when most did not tell."""
        found = [value for one in self.servers if (value := one.told("memory", self.second.at)) is not None]
        return sum(found) / len(found) if found and len(found) >= TOLD * len(self.servers) else None


class Law(Frozen):
    """How much of a resource a node uses for what it delivers: U = idle + X · S."""

    resource: Resource
    unit: Literal["requests/s", "bit/s"]
    """Of ``X``, per node."""
    idle: Interval
    """Share that is used with no load."""
    service: Interval
    """S: share of the node's resource per unit of X, with the rehearsed mix of requests and bytes."""
    per_request: Interval | None = None
    """Of it, what a request needs whatever its size; for the CPU only."""
    per_bit: Interval | None = None
    """Of it, what a bit needs."""
    bits_per_request: float
    """Of the rehearsed mix, on the wire."""
    tested: float
    """Highest load seen over a block, per node."""
    highest: float
    """Highest share in use over a block, in the mean of the nodes."""
    full_at: Interval | None
    """Load per node at which the line reaches 100 %; None where that is past twice the load seen."""
    extrapolated: bool
    """Whether that is more than was seen."""
    knee: tuple[float, float] | None = None
    """Load per node and share in use in the last `BLOCK` seconds before the first lasting breach."""


def is_observed(measurement: Measurement, resource: str) -> bool:
    """Whether any node told of a resource."""
    return any(seen.used(resource) is not None for seen in seen_of(measurement, LOADED))


def seen_of(measurement: Measurement, phases: frozenset[str]) -> list[Seen]:
    """The calm seconds of the runs whose servers told something, on a clock of their own per run."""
    found = []
    for number, run in enumerate(measurement.runs):
        if not run.servers:
            continue
        nodes = run.facts.nodes
        found += [
            Seen(
                at=second.at + number * APART,
                second=second,
                requests=second.served / nodes,
                bits=second.wire_bits / nodes,
                viewers=second.viewers / nodes,
                servers=run.servers,
            )
            for second in run.calm("", phases)
        ]
    return found


def full(measurement: Measurement) -> dict[str, float]:
    """By resource, the share of the overload's node-seconds in which it was at least `FULL`; empty without overload.

    Shares are means over `BLOCK` seconds. A resource that the nodes tell of in less than half of the time is left out.
    """
    times = {second.at for second in settled(overload_seconds(measurement.whole(JUDGED)))}
    overload = [seen for seen in seen_of(measurement, JUDGED) if seen.at in times]
    found: dict[str, float] = {}
    for resource in (*RESOURCES, "memory"):
        states = [state for seen in overload for state in _states(seen, resource)]
        told = [state for state in states if state is not None]
        if states and len(told) >= TOLD * len(states):
            found[resource] = round(sum(told) / len(told), 3)
    return found


def _states(seen: Seen, resource: str) -> list[bool | None]:
    """Of each node, whether it was full around a second; None where it does not tell."""
    states: list[bool | None] = []
    for server in seen.servers:
        around = (server.used(resource, seen.second.at + step) for step in range(-(BLOCK // 2), BLOCK // 2 + 1))
        shares = [share for share in around if share is not None]
        states.append(sum(shares) / len(shares) >= FULL if shares else None)
    return states


def ran_out(measurement: Measurement, resource: str) -> bool:
    """Whether a resource was full in most of the overload."""
    return full(measurement).get(resource, 0.0) >= MOSTLY


# -- the law ------------------------------------------------------------------------------------------------------


def law(measurement: Measurement, resource: Resource) -> Law | Excuse:
    """The utilisation law of a resource, from the blocks in which requests were answered well."""
    told = [(seen, share) for seen in seen_of(measurement, LOADED) if (share := seen.used(resource)) is not None]
    clean = [(seen, share) for seen, share in told if seen.second.error_ratio <= CLEAN]
    times = [seen.at for seen, _ in clean]
    used = block_means(times, [share for _, share in clean])
    if len(clean) < LEAST_BLOCKS * BLOCK or not len(used):
        return _excuse(resource, "excuse_few_looks", seconds=str(len(clean)))
    requests = block_means(times, [seen.requests for seen, _ in clean])
    bits = block_means(times, [seen.bits for seen, _ in clean])
    load = requests if resource == "cpu" else bits
    columns = np.stack([np.ones(len(used)), *([requests, bits] if resource == "cpu" else [bits])], axis=1)
    seed = seed_of(f"{measurement.seed} {resource}")
    drawn = draws(len(used), len(times), seed)
    mix = float(bits.sum() / requests.sum()) if requests.sum() else 0.0
    middle = slopes(columns[None], used[None])[0]
    spread = slopes(columns[drawn], used[drawn])
    service, services = float(_service(middle[None], mix)[0]), _service(spread, mix)
    if service <= 0 or not _grows(load, used, drawn, len(times)):
        return _excuse(resource, "excuse_no_slope")
    ends = np.maximum(0.0, 1.0 - spread[:, 0]) / np.maximum(services, service * 1e-6)
    end = interval(max(0.0, 1.0 - float(middle[0])) / service, ends, len(times), LEAST_SPREAD)
    tested = float(load.max())
    return Law(
        resource=resource,
        unit="requests/s" if resource == "cpu" else "bit/s",
        idle=interval(float(middle[0]), spread[:, 0], len(times)),
        service=interval(service, services, len(times), LEAST_SPREAD),
        per_request=interval(float(middle[1]), spread[:, 1], len(times)) if resource == "cpu" else None,
        per_bit=interval(float(middle[-1]), spread[:, -1], len(times)),
        bits_per_request=mix,
        tested=tested,
        highest=float(used.max()),
        full_at=end if end.mid <= FARTHEST * tested else None,
        extrapolated=end.mid > tested,
        knee=_knee(measurement, resource),
    )


def _grows(load: Floats, used: Floats, drawn: NDArray[np.int64], seconds: int) -> bool:
    """Whether the plain slope of a share over its load is above zero: coefficients held at zero would always be."""

    def slope(x: Floats, y: Floats) -> Floats:
        middle = x - x.mean(axis=-1, keepdims=True)
        risen: Floats = (middle * y).sum(axis=-1) / np.maximum((middle**2).sum(axis=-1), 1e-300)
        return risen

    middle, spread = float(slope(load, used)), slope(load[drawn], used[drawn])
    low = float(np.quantile(spread, 0.05) - np.median(spread))
    return middle + small_sample(seconds) * low > 0


def _excuse(resource: str, key: str, **values: str) -> Excuse:
    return Excuse(about=resource, reason=say(key, **values), remedy=say("remedy_observe_longer"))


def _service(found: Floats, mix: float) -> Floats:
    """Share per unit of load, from rows of idle share and slopes: of a request with its bits, or of a bit."""
    if found.shape[1] == 2:
        return found[:, 1]
    with_bits: Floats = found[:, 1] + mix * found[:, 2]
    return with_bits


def slopes(columns: Floats, values: Floats) -> Floats:
    """Least squares without negative coefficients, for many samples at once: columns (n, rows, k), values (n, rows).

    Every subset of columns is solved, and of those whose coefficients are all zero or more the best one is kept: with
    three columns that is exact and quicker than an active-set method (Lawson and Hanson, 1974, chapter 23).
    """
    scale = np.maximum(np.abs(columns).mean(axis=(0, 1)), 1e-300)
    scaled = columns / scale
    gram = np.einsum("nri,nrj->nij", scaled, scaled)
    right = np.einsum("nri,nr->ni", scaled, values)
    count, width = right.shape
    best, least = np.zeros((count, width)), np.full(count, np.inf)
    for subset in range(1, 2**width):
        chosen = [index for index in range(width) if subset >> index & 1]
        inverse = np.linalg.pinv(gram[:, chosen][:, :, chosen], rcond=1e-10, hermitian=True)
        part = np.einsum("nij,nj->ni", inverse, right[:, chosen])
        trial = np.zeros((count, width))
        trial[:, chosen] = part
        rest = np.einsum("ni,nij,nj->n", trial, gram, trial) - 2 * np.einsum("ni,ni->n", trial, right)
        better = (part >= 0).all(axis=1) & (rest < least - 1e-12)
        best[better], least[better] = trial[better], rest[better]
    unscaled: Floats = best / scale
    return unscaled


def _knee(measurement: Measurement, resource: Resource) -> tuple[float, float] | None:
    judged = seen_of(measurement, JUDGED)
    start = first_lasting([seen.second for seen in judged])
    if start is None:
        return None
    before = judged[max(0, start - BLOCK) : start]
    told = [(seen, share) for seen in before if (share := seen.used(resource)) is not None]
    if not told:
        return None
    load = [seen.requests if resource == "cpu" else seen.bits for seen, _ in told]
    return float(np.mean(load)), float(np.mean([share for _, share in told]))


# -- memory -------------------------------------------------------------------------------------------------------


class Growth(Frozen):
    """How the memory in use on a node grows with its viewers."""

    base: float
    """Bytes with none."""
    per_viewer: Interval
    """Bytes that each one adds, all of its connections together."""
    limit: float | None
    """Bytes that there are."""
    tested: float
    """Most viewers per node, over a block."""
    held: float
    """Most while budgets held."""
    full_at: Interval | None
    """Viewers per node at which the line meets the limit; None without one, and past twice those seen."""


def growth(measurement: Measurement) -> Growth | Excuse:
    """The slope of memory over viewers, from the blocks in which budgets held."""
    told = [(seen, memory) for seen in seen_of(measurement, LOADED) if (memory := seen.memory()) is not None]
    held = [(seen, memory) for seen, memory in told if not seen.second.broken]
    times = [seen.at for seen, _ in held]
    viewers = block_means(times, [seen.viewers for seen, _ in held])
    used = block_means(times, [memory for _, memory in held])
    if len(held) < LEAST_BLOCKS * BLOCK or not len(viewers):
        return _excuse("memory", "excuse_few_looks", seconds=str(len(held)))
    drawn = draws(len(viewers), len(times), seed_of(f"{measurement.seed} memory"))
    columns = np.stack([np.ones(len(viewers)), viewers], axis=1)
    base, slope = (float(value) for value in slopes(columns[None], used[None])[0])
    bases, grows = slopes(columns[drawn], used[drawn]).T
    if slope <= 0 or not _grows(viewers, used, drawn, len(times)):
        return _excuse("memory", "excuse_no_slope")
    limits = [one.memory_limit for one in held[0][0].servers if one.memory_limit]
    limit = min(limits, default=None)
    tested = float(block_means([seen.at for seen, _ in told], [seen.viewers for seen, _ in told]).max())
    end = None
    if limit is not None and base < limit:
        ends = np.maximum(0.0, limit - bases) / np.maximum(grows, slope * 1e-6)
        end = interval((limit - base) / slope, ends, len(times), LEAST_SPREAD)
    near = end is not None and end.mid <= FARTHEST * tested
    per_viewer = interval(slope, grows, len(times), LEAST_SPREAD)
    held_most, full_at = float(viewers.max()), end if near else None
    return Growth(base=base, per_viewer=per_viewer, limit=limit, tested=tested, held=held_most, full_at=full_at)
