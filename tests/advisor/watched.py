"""Synthetic servers: what the nodes of a `Town` would say of themselves, by a service demand that is known.

The CPU of a node is busy ``idle`` + ``per_request`` · requests + ``per_bit`` · bits of each second, at most all of it,
with measuring noise; memory grows by ``per_viewer`` bytes. Looks come every ``every`` seconds, and tell of the seconds
since the look before. The nodes share the load as ``parts`` say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from loadtests.results import Target
from loadtests.run import Run


@dataclass(frozen=True)
class Watch:
    """The truth. ``parts`` are each node's share of the load, in equal parts when empty."""

    idle: float = 0.03
    per_request: float = 0.002
    per_bit: float = 2e-9
    base: float = 2e8
    per_viewer: float = 5e5
    memory_limit: float = 1e9
    network_limit: float | None = None
    every: float = 1.0
    noise: float = 0.01
    parts: tuple[float, ...] = ()
    silent: range = range(0)
    """Seconds in which the first node did not answer."""
    seed: int = 1


def watched(run: Run, watch: Watch) -> Run:
    """The run with what its servers said."""
    return replace(run, targets=tuple(_lines(run, watch)))


def _lines(run: Run, watch: Watch) -> Iterator[Target]:
    nodes = run.header.scenario.target.nodes
    parts = watch.parts or (1 / nodes,) * nodes
    rng = np.random.default_rng(watch.seed)
    served, wire, viewers = _rates(run)
    for at in np.arange(watch.every, run.seconds, watch.every):
        span = slice(int(at - watch.every), int(at))
        for index, part in enumerate(parts):
            if index == 0 and int(at) in watch.silent:
                continue
            requests, bits = part * float(served[span].mean()), part * float(wire[span].mean())
            busy = watch.idle + watch.per_request * requests + watch.per_bit * bits
            yield Target(
                at=float(at),
                node=f"edge-{index}",
                source="node_exporter",
                seconds=watch.every,
                cpu=max(0.0, min(1.0, busy) + float(rng.normal(0, watch.noise))),
                cores=4.0,
                memory=watch.base + watch.per_viewer * part * float(viewers[int(at) - 1]) * (1 + rng.normal(0, 0.01)),
                memory_limit=watch.memory_limit,
                sent=bits,
                network_limit=watch.network_limit,
                delay=0.01,
            )


def _rates(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    served, wire, viewers = (np.zeros(run.seconds) for _ in range(3))
    for window in run.windows:
        viewers[window.at] += window.players.viewers
        for requests in window.requests.values():
            served[window.at] += requests.count - requests.failed - requests.cancelled
            wire[window.at] += 8 * (requests.bytes + requests.head_bytes - requests.refused_bytes)
    return served, wire, viewers
