"""The climb: how many viewers, in which seconds, at which pace; and the scenario that makes a run of it."""

from __future__ import annotations

from typing import Final

from loadtests.limits import MOST, RESERVE
from loadtests.region import Frozen
from loadtests.scenario import Scenario, Stay
from loadtests.shapes import Phase, Shape
from loadtests.target import Target

RATE: Final = 30_000.0
"""Requests per second at the top: at the 25 to 35 µs that one costs on a common core, all of that core."""
RATE_SECURE: Final = 9_000.0
"""The same over TLS, where a request costs some three times as much."""
STEPS: Final = 5
FOREVER: Final = Stay.model_validate({"zappers": "0%", "zapper_mean": "1s", "median": "1000h", "spread": 0.1})


class Staircase(Shape):
    """One viewer for a while, then equal steps: joins for ``join`` seconds, then nobody new for ``settle + hold``."""

    levels: tuple[int, ...]
    idle: float = 3.0
    join: float = 1.0
    settle: float = 1.0
    hold: float = 2.0
    tail: float = 1.0
    """Seconds at the top that are not read: everybody leaves at their end."""

    @property
    def step_seconds(self) -> float:
        """Seconds of one step."""
        return self.join + self.settle + self.hold

    @property
    def read_until(self) -> float:
        """The end of the last step."""
        return self.idle + len(self.levels) * self.step_seconds

    def phases(self) -> tuple[Phase, ...]:
        """The idle start and the climb."""
        end = self.read_until + self.tail
        return (Phase(name="warm_up", start=0.0, end=self.idle), Phase(name="peak", start=self.idle, end=end))

    def viewers(self, at: float) -> float:
        """Concurrent viewers wanted ``at`` seconds after the start."""
        if not 0 <= at < self.duration:
            return 0.0
        if at < self.idle:
            return 1.0
        if at >= self.read_until:
            return float(self.levels[-1])
        step, into = divmod(at - self.idle, self.step_seconds)
        below, level = (1, *self.levels)[int(step)], self.levels[int(step)]
        return below + (level - below) * min(1.0, into / self.join)

    def step_of(self, second: int) -> int:
        """Which step a whole second holds, from 0; -1 when it is idle, or people join in it or just did."""
        step, into = divmod(second - self.idle, self.step_seconds)
        return int(step) if second >= self.idle and into >= self.join + self.settle else -1


class Climb(Frozen):
    """What the measuring process is told, as a file."""

    scenario: Scenario
    url: str
    resolve: tuple[str, ...]
    ca_file: str
    stairs: Staircase
    out: str

    def rehearsal(self) -> Scenario:
        """The scenario's own regions, stream and player, on the stairs and against the sink."""
        target = Target(url=self.url, owner="surgecast doctor", resolve=self.resolve, ca_file=self.ca_file)
        other = {"target": target, "surge": self.stairs, "stay": FOREVER, "gate": ()}
        return self.scenario.model_copy(update=other)


def plan_stairs(descriptors: int, *, secure: bool, short: bool = False) -> tuple[Staircase, float]:
    """The climb that ``descriptors`` per process allow, and the seconds of a segment: viewers ask twice in each.

    Few descriptors make the pace quicker; fewer still make the climb lower, and what lies above it is derived.
    """
    if short:
        return Staircase(levels=(40, 80), idle=2.0, hold=1.0), 0.5
    rate = RATE_SECURE if secure else RATE
    fit = max((descriptors - RESERVE) // MOST, 20)
    pace = 1.0 if rate / 2 <= fit else 0.5
    top = min(int(rate / 2 * pace), fit)
    return Staircase(levels=tuple(top * step // STEPS for step in range(1, STEPS + 1))), pace
