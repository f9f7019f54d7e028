"""What a client is told to do: the same for every client, written as JSON for the process that does it.

Viewers climb *stairs*: from one level to the next, a while at each. A viewer's place in the climb decides when it
joins, so that all clients have the same number present in the same second, and phases spread evenly over the period.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import Field

from loadtests.region import Frozen

PERIOD: Final = 2.0
"""Seconds between two reloads of the playlist."""
SEGMENT: Final = 4.0
"""Seconds of media in a segment, so between two segments."""
PER_VIEWER: Final = 1 / PERIOD + 1 / SEGMENT
"""Requests a second that are due for each viewer."""
FEW: Final = 0.1
"""Of a level's viewers: when no more than these join, it does not matter where in their period they are."""
SETTLE: Final = 1
"""Seconds between the last join of a step and its first measured second."""


class Step(NamedTuple):
    """A level and the seconds in which it is measured."""

    viewers: int
    start: int
    end: int


class Stairs(Frozen):
    """The levels, and how fast viewers join."""

    levels: tuple[int, ...] = Field(min_length=1)
    rate: float = 2000.0
    """Viewers a second that join in the first ramp at most; later ramps are short."""
    hold: int = Field(default=5, ge=1)
    """Seconds measured at each level."""

    def ramps(self) -> list[int]:
        """Seconds of each ramp: whole segments, so that phases are even; whole playlists do where few join."""
        ramps, before = [], 0
        for level in self.levels:
            unit = PERIOD if level - before < FEW * level else SEGMENT
            ramps.append(int(math.ceil((level - before) / self.rate / unit) * unit))
            before = level
        return ramps

    def steps(self) -> list[Step]:
        """When each level is measured."""
        steps, now = [], 0
        for viewers, ramp in zip(self.levels, self.ramps(), strict=True):
            start = now + ramp + SETTLE
            steps.append(Step(viewers, start, start + self.hold))
            now = start + self.hold
        return steps

    def joins(self) -> Iterator[float]:
        """When each viewer joins."""
        before = 0
        for step, ramp in zip(self.steps(), self.ramps(), strict=True):
            begins = step.start - SETTLE - ramp
            for number in range(before, step.viewers):
                yield begins + (number - before) / (step.viewers - before) * ramp
            before = step.viewers

    @property
    def duration(self) -> int:
        """Seconds of the whole climb."""
        return self.steps()[-1].end


class Work(Frozen):
    """One climb of one client."""

    client: str
    origins: tuple[str, ...]
    """Addresses of the same files, such as ``http://127.0.0.1:9200``: viewers spread over them by number."""
    stairs: Stairs
    segment: str = "s20.ts"
    protocol: str = "paced"
    stay: float = 0.0
    """Mean seconds that a viewer stays, exponential; 0 for to the end."""
    ca_file: str = ""
    http: str = ""
    """``2`` for HTTP/2, where our scenarios have that field."""
    sampled: bool = False
    """Whether perf looks where the client's CPU goes."""
    processes: int = 1
    core: str = ""
    """Core or cores of the client; the first one when empty."""
    epoch: float = 0.0
    """Wall clock time of second zero, for a client that is told it."""
    out: str = ""

    @property
    def folder(self) -> Path:
        """Where the client writes."""
        return Path(self.out)

    def write(self) -> Path:
        """Write it down for the process that does it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / "work.json"
        place.write_text(self.model_dump_json(), encoding="utf-8")
        return place
