"""Why seconds of a run do not count: the generator was the limit, or a lost worker's viewers were missing."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from pydantic import Field, NonNegativeInt

from loadtests.region import Frozen

GAP_LIMIT: Final = 15
"""Seconds in which a lost worker's viewers must be back for a run to count as whole: five until its silence is
noticed, four over which they come back, and as long again for a busy machine (assumed)."""


class Bottleneck(NamedTuple):
    """Why a second measured the generator: what ran out, how far it went, how far it may go."""

    kind: Literal["dropped", "faults", "cpu", "lag", "rehomed"]
    found: str
    limit: str

    def __str__(self) -> str:
        what = {
            "dropped": "actions that could not be started",
            "faults": "viewers lost to errors in surgecast itself",
            "cpu": "use of the generator's core",
            "lag": "late start of actions at p99",
            "rehomed": "seconds without a lost worker's viewers",
        }
        return f"{what[self.kind]}: {self.found} (limit {self.limit})"


class Gap(Frozen):
    """A stretch in which viewers of some regions were missing, because their worker was lost."""

    worker: str
    regions: tuple[str, ...]
    since: NonNegativeInt
    """The first second in which they were missing."""
    until: NonNegativeInt
    """The first second in which all were back on other workers; the end of the run, where it ended before."""
    viewers: dict[str, NonNegativeInt] = Field(default_factory=dict)
    """How many came back, by region: those whom the plan had present then."""
    is_open: bool = False
    """Whether the run ended before all were back."""

    @property
    def bottleneck(self) -> Bottleneck:
        """Why its seconds say nothing of the target."""
        return Bottleneck("rehomed", f"{self.until - self.since} s", "0 s")

    @property
    def is_short(self) -> bool:
        """Whether it left the run whole."""
        return not self.is_open and self.until - self.since <= GAP_LIMIT
