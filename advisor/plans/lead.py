"""Time to capacity: seconds from the load's rise to a new node that serves, as a sum of named parts.

Where nothing was measured a part is the published prior (``waits.yaml``; docs/reading-a-report.md); a scenario's
``launch.time_to_capacity`` overrides any part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources
from statistics import NormalDist
from typing import Final, Literal, TypeAlias

import numpy as np

from advisor.blocks import Floats
from advisor.interval import Interval
from advisor.plans.drawing import DRAWS, drawn, scores
from loadtests.document import read_yaml
from loadtests.launch import Wait, Waits
from loadtests.region import Fact, Frozen

PartName: TypeAlias = Literal["metrics", "decision", "node", "image", "boot"]


class Part(Frozen):
    """One stretch of the wait."""

    name: PartName
    seconds: Interval
    source: str
    as_of: str
    confidence: Literal["measured", "derived", "assumed"]
    seen: tuple[float, ...] = ()
    """What was measured, from the shortest to the longest; empty where nothing was."""

    def draw(self, with_scores: Floats) -> Floats:
        """Seconds for standard normal scores: along what was seen, and beyond it along the interval's log-normal."""
        values = drawn(self.seconds, with_scores)
        if not self.seen:
            return values
        normal, count = NormalDist(), len(self.seen)
        places = [normal.inv_cdf((rank + 1) / (count + 1)) for rank in range(count)]  # Weibull's plotting positions
        inside = np.interp(with_scores, places, self.seen)
        longer = np.where(with_scores > places[-1], np.maximum(values, inside), inside)
        return np.where(with_scores < places[0], np.minimum(values, inside), longer)

    def at_most(self, seconds: float) -> Part:
        """With its high end there, and all that it may take in proportion: a shorter part is shorter in every draw."""
        high = self.seconds.high
        by = seconds / high if high else 0.0
        scaled = self.seconds.scale(by) if high else Interval.exact(seconds)
        return self.model_copy(update={"seconds": scaled, "seen": tuple(one * by for one in self.seen)})


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
        parts = [part.draw(scores(f"lead {part.name} {seed}", count)) for part in self.parts]
        total: Floats = np.sum(parts, axis=0)
        return total

    def turnouts(self, count: int, nodes: int, seed: int = 0) -> tuple[dict[PartName, Floats], Floats]:
        """What each part may take, ``count`` times, and what ``nodes`` nodes take one after the other: [count, nodes].

        Nodes of one surge are late together by what they have in common, and each by its own; one node taken alone is
        as late as its part says. None is waited for beyond what autoscalers wait.
        """
        parts = {part.name: part.draw(scores(f"turnout {part.name} {seed}", count)) for part in self.parts}
        node = next(part for part in self.parts if part.name == "node")
        own = np.stack([scores(f"turnout {index} {seed}", nodes) for index in range(count)])
        alike = PUBLISHED.alike.value
        mixed = math.sqrt(alike) * scores(f"turnout node {seed}", count)[:, None] + math.sqrt(1.0 - alike) * own
        most = max(PUBLISHED.given_up.value, node.seconds.high)
        return parts, np.minimum(most, node.draw(mixed.ravel()).reshape(mixed.shape))


_COVERAGE: Final = 0.90


class Published(Frozen):
    """``waits.yaml``: every part, and how nodes are late together."""

    parts: tuple[Part, ...]
    alike: Fact[float]
    """Of how late nodes are, the share of the variance that all nodes of one surge have in common."""
    given_up: Fact[float]
    """Seconds after which a node that is not there is given up."""


def _published() -> Published:
    text = (resources.files("advisor.plans") / "waits.yaml").read_text(encoding="utf-8")
    return Published.model_validate(read_yaml("waits.yaml", text))


PUBLISHED: Final = _published()
PRIOR: Final = PUBLISHED.parts
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
    said = {"seconds": seconds, "source": "scenario", "confidence": "assumed", "as_of": "", "seen": ()}
    return prior.model_copy(update=said)
