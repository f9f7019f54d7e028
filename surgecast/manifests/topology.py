"""Who runs: a master, and a pool of workers for each region. The same on Kubernetes and as processes on one machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from loadtests.flow import planned
from loadtests.scenario import Audience, Scenario

PORT: Final = 5557
"""Where Locust's master listens for its workers."""
EXPECTED_WITHIN: Final = 900
"""Seconds in which all workers have to be there (assumed: new nodes, and an image to pull)."""
SHAPED_COST: Final = 3
"""A shaped viewer takes about three times the CPU of another one (docs/engine.md, measured)."""


class Density(NamedTuple):
    """What a worker with a core of its own carries."""

    viewers: int
    base: int
    """Bytes of memory before anybody comes."""
    per_viewer: int
    """Bytes of memory."""


DENSITY: Final = Density(viewers=9_800, base=256 * 2**20, per_viewer=32 * 2**10)
"""Viewers: the bundled scenario (plain http, segments of two seconds) as rated on one machine by `surgecast doctor`.
Memory: 4.2 KB in the process and up to 9.7 KB in the kernel for an idle viewer (docs/engine.md), and as much again for
what is under way (assumed). Rate a machine like your nodes, and say what it came to."""


class Pool(NamedTuple):
    """The workers of one region."""

    region: str
    workers: int
    viewers: int
    """Of each worker, at the region's peak."""

    def memory(self, density: Density) -> int:
        """Bytes that a worker asks for, a multiple of 64 MiB."""
        step = 64 * 2**20
        return math.ceil((density.base + self.viewers * density.per_viewer) / step) * step


def pools_of(scenario: Scenario, workers: Mapping[str, int], density: Density = DENSITY) -> tuple[Pool, ...]:
    """A pool for each region: as large as ``workers`` says, else as its peak needs."""
    pools = []
    for code, audience in scenario.regions.items():
        peak = peak_of(scenario, code)
        count = workers.get(code) or max(math.ceil(peak / on_a_core(audience, density)), 1)
        pools.append(Pool(code, count, math.ceil(peak / count)))
    return tuple(pools)


def on_a_core(audience: Audience, density: Density = DENSITY) -> int:
    """Viewers of one region that a worker with a core of its own drives."""
    return density.viewers // (SHAPED_COST if audience.shaping != "off" else 1)


def peak_of(scenario: Scenario, code: str) -> int:
    """The most viewers that a region has at once, as planned."""
    wanted = planned(scenario, code)
    return math.ceil(max(wanted(float(second)) for second in range(math.ceil(scenario.surge.duration) + 1)))


def master_words(scenario: str, out: str, workers: int, *, run_time: str = "") -> list[str]:
    """Locust's options of a master that waits for its workers, without web UI; the target has been claimed."""
    words = ["--scenario", scenario, "--out", out, "--master", "--headless", "--only-summary", "--progress"]
    words += ["--expect-workers", str(workers), "--expect-workers-max-wait", str(EXPECTED_WITHIN)]
    words += ["--run-time", run_time] if run_time else []
    return [*words, "--exit-code-on-error", "0", "--i-own-this-target"]


def worker_words(region: str, master: str) -> list[str]:
    """Locust's options of a worker that carries one region's viewers."""
    return ["--worker", "--master-host", master, "--region-label", region]
