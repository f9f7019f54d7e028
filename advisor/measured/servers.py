"""What each node under test said of itself, on the run's own seconds; None where it did not tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from pydantic import Field

from loadtests.region import Frozen
from loadtests.results import Target

Column: TypeAlias = Literal["cpu", "sent", "memory", "connections", "requests"]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)
RATES: Final = frozenset({"cpu", "sent", "requests"})
"""Figures over the time since the look before; the others are as they were at the look."""
COVERED: Final = 0.5
"""Share of a second that looks must cover for it to be told (assumed): a rate is the same over all of its time."""
LONGEST: Final = 15.0
"""Seconds that a rate may be over (assumed): three blocks."""
NEXT_TO: Final = 0.5
"""Seconds from a look within which a level stands (assumed)."""
FOLLOWING: Final = 2.5
"""Times the usual time between looks within which a level is taken to move straight (assumed): one may be missing."""

Told: TypeAlias = float | None


class Server(Frozen):
    """One node of one run, second by second: entry ``i`` of a column is second ``first + i``."""

    node: str
    sources: tuple[str, ...]
    """The observers that told of it."""
    first: int = 0
    looks: int = 0
    delay: float = 0.0
    """Seconds that a median answer took."""
    clock_offset: float | None = None
    """Seconds that its clock was ahead of the generators', in the median."""
    cores: float | None = None
    memory_limit: float | None = None
    """Bytes."""
    network_limit: float | None = None
    """bit/s."""
    cpu: tuple[Told, ...] = ()
    """Share of the node's CPU."""
    sent: tuple[Told, ...] = ()
    """bit/s that left the node."""
    memory: tuple[Told, ...] = ()
    """Bytes in use."""
    connections: tuple[Told, ...] = ()
    requests: tuple[Told, ...] = Field(default=())
    """Per second."""

    def told(self, column: Column, at: int) -> float | None:
        """The figure of a second."""
        values: tuple[Told, ...] = getattr(self, column)
        return values[at - self.first] if 0 <= at - self.first < len(values) else None

    def used(self, resource: str, at: int) -> float | None:
        """Share of a resource in use in a second: ``cpu``, ``network`` or ``memory``; None where not known."""
        match resource:
            case "cpu":
                return self.told("cpu", at)
            case "network":
                return _share(self.told("sent", at), self.network_limit)
            case _:
                return _share(self.told("memory", at), self.memory_limit)


def _share(value: float | None, limit: float | None) -> float | None:
    return value / limit if value is not None and limit else None


def servers_of(lines: Iterable[Target]) -> tuple[Server, ...]:
    """The nodes that a run's `Target` lines tell of, by name; of two observers that tell the same, the first."""
    nodes: dict[str, list[Target]] = defaultdict(list)
    for line in lines:
        nodes[line.node].append(line)
    return tuple(_server(node, told) for node, told in sorted(nodes.items()))


def _server(node: str, lines: Sequence[Target]) -> Server:
    lines = sorted(lines, key=lambda line: line.at)
    first, last = int(lines[0].at - lines[0].seconds), int(lines[-1].at) + 2
    offsets = [line.clock_offset for line in lines if line.clock_offset is not None]
    columns = {name: _column(name, lines, first, last) for name in COLUMNS}
    return Server(
        node=node,
        sources=tuple(sorted({line.source for line in lines})),
        first=first,
        looks=len(lines),
        delay=float(np.median([line.delay for line in lines])),
        clock_offset=float(np.median(offsets)) if offsets else None,
        cores=_latest(line.cores for line in lines),
        memory_limit=_latest(line.memory_limit for line in lines),
        network_limit=_latest(line.network_limit for line in lines),
        **columns,
    )


def _latest(values: Iterable[float | None]) -> float | None:
    return next((value for value in reversed(list(values)) if value is not None), None)


def _column(name: Column, lines: Sequence[Target], first: int, last: int) -> tuple[Told, ...]:
    told = [line for line in lines if getattr(line, name) is not None]
    if not told:
        return ()
    told = [line for line in told if line.source == told[0].source]
    if name not in RATES:
        return _levels([line.at for line in told], [getattr(line, name) for line in told], range(first, last))
    sums, covered = np.zeros(last - first), np.zeros(last - first)
    for line in told:
        if 0 < line.seconds <= LONGEST:
            _spread(sums, covered, (line.at - line.seconds - first, line.at - first), getattr(line, name))
    return tuple(
        round(float(total / part), 4) if part >= COVERED else None for total, part in zip(sums, covered, strict=True)
    )


def _levels(times: Sequence[float], values: Sequence[float], seconds: range) -> tuple[Told, ...]:
    """At the end of each second, as viewers are counted: between two looks that follow each other, or next to one."""
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    ends = np.arange(seconds.start, seconds.stop) + 1.0
    after = np.searchsorted(times, ends)
    found: list[Told] = []
    for end, index, value in zip(ends, after, np.interp(ends, times, values), strict=True):
        near = [at for at in times[max(0, index - 1) : index + 1] if abs(at - end) <= NEXT_TO]
        between = 0 < index < len(times) and times[index] - times[index - 1] <= FOLLOWING * usual
        found.append(round(float(value), 4) if between or near else None)
    return tuple(found)


def _spread(sums: np.ndarray, covered: np.ndarray, span: tuple[float, float], value: float) -> None:
    """Add a value to the seconds that its span covers, by how much of each."""
    for second in range(max(0, int(span[0])), min(len(sums), int(np.ceil(span[1])))):
        part = min(span[1], second + 1) - max(span[0], second)
        sums[second] += part * value
        covered[second] += part
