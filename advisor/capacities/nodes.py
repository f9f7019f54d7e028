"""The nodes under test one by one, and whether the load was spread evenly over them; all that the report shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from pydantic import Field

from advisor.blocks import block_means
from advisor.capacities.observed import RESOURCES, Growth, Law, full, growth, law, seen_of
from advisor.measured.measure import JUDGED, LOADED, Measurement
from advisor.measured.servers import COLUMNS, Column, Server
from advisor.models import Excuse
from advisor.texts import Message, say
from loadtests.region import Frozen

UNEVEN: Final = 1.2
"""A node with this much more than its share is said to have more than the others (assumed)."""
_SPREAD: Final[tuple[tuple[Column, str], ...]] = (("sent", "network"), ("cpu", "cpu"))


class Node(Frozen):
    """One node over ramp and peak of one run: means, and highest `BLOCK`-second means."""

    run_id: str
    node: str
    sources: tuple[str, ...]
    told: float
    """Share of the seconds that it told of."""
    delay: float
    cpu: float | None
    cpu_highest: float | None
    cores: float | None
    sent: float | None
    """bit/s."""
    sent_highest: float | None
    network_limit: float | None
    memory_highest: float | None
    """Bytes."""
    memory_limit: float | None
    connections_highest: float | None


class Observed(Frozen):
    """All that the servers' own words add to the answer."""

    nodes: tuple[Node, ...] = ()
    laws: tuple[Law, ...] = ()
    memory: Growth | None = None
    excuses: tuple[Excuse, ...] = ()
    full: dict[str, float] = Field(default_factory=dict)
    """By resource, the share of the overload's node-seconds in which it was full."""
    warnings: tuple[Message, ...] = ()
    is_even: bool = False
    """Whether all nodes told, and none had much more than its share."""


def observed(measurement: Measurement) -> Observed:
    """Everything at once; empty when no server told anything."""
    seen = seen_of(measurement, LOADED)
    if not seen:
        return Observed()
    told = [resource for resource in RESOURCES if any(one.used(resource) is not None for one in seen)]
    answers: list[Law | Growth | Excuse] = [law(measurement, resource) for resource in told]
    answers += [growth(measurement)] if any(one.memory() is not None for one in seen) else []
    warnings = [message for _, message in sorted(_uneven(measurement), reverse=True)[:1]]
    whole = all(len(run.servers) >= run.facts.nodes for run in measurement.runs)
    return Observed(
        nodes=tuple(_nodes(measurement)),
        laws=tuple(answer for answer in answers if isinstance(answer, Law)),
        memory=next((answer for answer in answers if isinstance(answer, Growth)), None),
        excuses=tuple(answer for answer in answers if isinstance(answer, Excuse)),
        full=full(measurement),
        warnings=tuple(warnings),
        is_even=whole and measurement.nodes > 1 and not warnings,
    )


def _nodes(measurement: Measurement) -> list[Node]:
    found = []
    for run in measurement.runs:
        times = [second.at for second in run.valid("", JUDGED)]
        found += [_node(run.facts.run_id, server, times) for server in run.servers]
    return found


def _node(run_id: str, server: Server, times: Sequence[int]) -> Node:
    cpu, sent = _means(times, server, "cpu"), _means(times, server, "sent")
    known = sum(any(server.told(name, at) is not None for name in COLUMNS) for at in times)
    return Node(
        run_id=run_id,
        node=server.node,
        sources=server.sources,
        told=round(known / len(times), 3) if times else 0.0,
        delay=server.delay,
        cpu=cpu[0],
        cpu_highest=cpu[1],
        cores=server.cores,
        sent=sent[0],
        sent_highest=sent[1],
        network_limit=server.network_limit,
        memory_highest=_means(times, server, "memory")[1],
        memory_limit=server.memory_limit,
        connections_highest=_means(times, server, "connections")[1],
    )


def _means(times: Sequence[int], server: Server, column: Column) -> tuple[float | None, float | None]:
    """Mean, and highest mean of a block; None where nothing was told."""
    told = [(at, found) for at in times if (found := server.told(column, at)) is not None]
    if not told:
        return None, None
    values = [found for _, found in told]
    blocks = block_means([at for at, _ in told], values)
    return float(np.mean(values)), float(blocks.max()) if len(blocks) else max(values)


def _uneven(measurement: Measurement) -> Iterator[tuple[float, Message]]:
    """Where one node had `UNEVEN` times its share or more, of bytes or of CPU: how much, and the warning."""
    for run in measurement.runs:
        times = [second.at for second in run.calm("", JUDGED)]
        for column, what in _SPREAD:
            means = {one.node: mean for one in run.servers if (mean := _means(times, one, column)[0]) is not None}
            fair = sum(means.values()) / len(means) if means else 0.0
            node = max(means, key=lambda name: means[name], default="")
            if len(means) > 1 and fair > 0 and means[node] >= UNEVEN * fair:
                over = means[node] / fair
                yield over, say(f"warn_uneven_{what}", node=node, over=f"{over - 1:.0%}", nodes=str(len(means)))
