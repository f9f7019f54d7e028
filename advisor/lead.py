"""Time to capacity: seconds from the load's rise to a new node that serves, as a sum of named parts.

Where nothing was measured a part is the published prior (docs/reading-a-report.md); a scenario's
``launch.time_to_capacity`` overrides any part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import numpy as np

from advisor.blocks import Floats
from advisor.drawing import DRAWS, drawn, scores
from advisor.interval import Interval
from loadtests.launch import Wait, Waits
from loadtests.region import Frozen

PartName: TypeAlias = Literal["metrics", "decision", "node", "image", "boot"]


class Part(Frozen):
    """One stretch of the wait."""

    name: PartName
    seconds: Interval
    source: str
    as_of: str
    confidence: Literal["measured", "derived", "assumed"]


class TimeToCapacity(Frozen):
    """All parts, one after the other."""

    parts: tuple[Part, ...]

    @property
    def total(self) -> Interval:
        """The sum, end by end: parts are late together more often than not."""
        first, *others = (part.seconds for part in self.parts)
        for seconds in others:
            first = first.plus(seconds)
        return first

    def draw(self, count: int = DRAWS, seed: int = 0) -> Floats:
        """Totals for Monte Carlo: nine in ten of each part between its ends, independent of the others."""
        parts = [drawn(part.seconds, scores(f"lead {part.name} {seed}", count)) for part in self.parts]
        total: Floats = np.sum(parts, axis=0)
        return total


_COVERAGE: Final = 0.90

PRIOR: Final[tuple[Part, ...]] = (
    Part(
        name="metrics",
        seconds=Interval(low=15, mid=30, high=60, coverage=_COVERAGE, samples=0),
        source="scrape interval of common set-ups; Bedrock Streaming reports 30 s (CPU) and 60 s (external metrics)",
        as_of="2026-08-21",
        confidence="derived",
    ),
    Part(
        name="decision",
        seconds=Interval(low=1, mid=8, high=15, coverage=_COVERAGE, samples=0),
        source="kube-controller-manager: horizontal-pod-autoscaler-sync-period, 15 s by default",
        as_of="2026-08-21",
        confidence="derived",
    ),
    Part(
        name="node",
        seconds=Interval(low=26, mid=70, high=240, coverage=_COVERAGE, samples=0),
        source="awslabs/node-latency-for-k8s: 26 s at best; Karpenter users: about 70 s (#3798), 2 to 4 min (#2906)",
        as_of="2026-08-21",
        confidence="derived",
    ),
    Part(
        name="image",
        seconds=Interval(low=2, mid=10, high=60, coverage=_COVERAGE, samples=0),
        source="no published distribution: from a cached layer to a cold image of one gigabyte",
        as_of="2026-11-27",
        confidence="assumed",
    ),
    Part(
        name="boot",
        seconds=Interval(low=2, mid=30, high=90, coverage=_COVERAGE, samples=0),
        source="Hotstar, 2018: 90 s for its application; nginx serves after two",
        as_of="2026-08-21",
        confidence="derived",
    ),
)
"""What is published, where the scenario says nothing."""


def time_to_capacity(waits: Waits, measured: Sequence[Part] = ()) -> TimeToCapacity:
    """Each part as the scenario says it, else as it was measured, else as it is published."""
    known = {part.name: part for part in measured}
    return TimeToCapacity(
        parts=tuple(_part(known.get(prior.name, prior), getattr(waits, prior.name)) for prior in PRIOR)
    )


def _part(prior: Part, wait: Wait | None) -> Part:
    if wait is None:
        return prior
    seconds = Interval(low=wait.low, mid=wait.mid, high=wait.high, coverage=_COVERAGE, samples=0)
    return prior.model_copy(update={"seconds": seconds, "source": "scenario", "confidence": "assumed", "as_of": ""})
