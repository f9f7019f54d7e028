"""What a verdict needs of a run: the same value from a run of ours and from a file of another tool.

What was planned is a part of its own, and a file of another tool has none: no phases, no regions, no planned load.
"""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

from advisor.foreign import Samples
from advisor.gate.series import Told
from advisor.texts import Message
from loadtests.results import Bottleneck, Gap, Generator
from loadtests.scenario import Scenario
from loadtests.shapes import Phase

Cell: TypeAlias = tuple[str, str]
"""Region and cohort."""
Pair: TypeAlias = tuple[float, float]


class Pairs:
    """Parts and wholes of a share, a mean or a rate: one entry per second and cell."""

    __slots__ = ("at", "cells", "parts", "wholes")

    def __init__(self) -> None:
        self.at, self.cells, self.parts, self.wholes = array("i"), array("H"), array("d"), array("d")

    def add(self, at: int, cell: int, pair: Pair) -> None:
        """Take one entry."""
        self.at.append(at)
        self.cells.append(cell)
        self.parts.append(pair[0])
        self.wholes.append(pair[1])


Column: TypeAlias = Samples | Pairs | Told
"""All that a run holds of one metric."""


class Plan(NamedTuple):
    """What a run was meant to be."""

    scenario: Scenario
    phases: tuple[Phase, ...]
    viewers: Callable[[int, str], float]
    """Wanted in a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A run as it is judged."""

    name: str
    """Of the scenario, or of the file: untrusted text."""
    tool: str
    """``surgecast``, or the name of a reader in `advisor.foreign`."""
    runs: tuple[str, ...]
    """Ids, or file names: untrusted text."""
    started_at: datetime | None
    """UTC; None when the file does not say."""
    seconds: int
    """Recorded; 0 when there are only totals."""
    columns: Mapping[str, Column]
    """By metric."""
    cells: Mapping[Cell, int]
    """Numbers of the cells in the columns."""
    ending: str = ""
    """How it ended; empty when the file does not say."""
    unfinished: str = ""
    """Why it is not whole; empty when nothing is known against it."""
    aborted: bool = False
    """Whether a broken budget ended it."""
    simulated: bool = False
    """Whether nothing was sent: the run is a calculation."""
    plan: Plan | None = None
    """None when nobody knows."""
    generators: Sequence[Generator] = ()
    spoiled: Mapping[int, Bottleneck] = field(default_factory=dict)
    """Seconds that measured a generator, and the first reason of each."""
    gaps: Sequence[Gap] = ()
    """Stretches in which viewers of some regions were missing, because their worker was lost."""
    recordable: Mapping[str, str] = field(default_factory=dict)
    """Metrics that the tool can record, and the sentence that says how."""
    whole_only: frozenset[str] = frozenset()
    """Metrics that are right over the whole run, and not in a single second."""
    remarks: tuple[Message, ...] = ()
    """What the run does not say; every report shows them."""

    def spoiled_in(self, region: str) -> Mapping[int, Bottleneck]:
        """Seconds that say nothing of the target, of one region or of the whole, and the first reason of each."""
        gaps = [gap for gap in self.gaps if region in ("", *gap.regions) and gap.regions]
        missing = {at: gap.bottleneck for gap in gaps for at in range(gap.since, min(gap.until, self.seconds))}
        return {**missing, **self.spoiled}


class Judgeable(Protocol):
    """Whatever can stand before the gate: a `Tally`, or a `ForeignRun`."""

    @abstractmethod
    def evidence(self) -> Evidence:
        """What there is by now."""
