"""A scenario in virtual time, second by second. Deterministic: the same world gives the same windows. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from loadtests.arrivals import arrivals
from loadtests.lastmile import Delivery
from loadtests.results import Window
from loadtests.scenario import Scenario
from loadtests.session import Session, Tally, Viewer
from loadtests.staging.media import Stream
from loadtests.virtual.content import Content
from loadtests.virtual.loop import Loop, Way
from loadtests.virtual.origin import Origin, OriginPlan
from loadtests.virtual.sampling import Sums, weigh

TAIL: Final = 0.5
"""Seconds after the planned end before the run is ended, as in a real one."""
DRAIN: Final = 5.0
"""Seconds that requests under way at the end may still take, as in a real one."""


def _unshaped(_: Viewer) -> Delivery | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that decides a simulation."""

    scenario: Scenario
    stream: Stream
    origin: OriginPlan
    weight: int = 1
    """Real viewers that each simulated one stands for."""
    epoch: float = 0.0
    """UTC time of run second zero, seconds since 1970."""
    deliver: Callable[[Viewer], Delivery | None] = field(default=_unshaped)

    @property
    def way(self) -> Way:
        """How requests travel."""
        target = self.scenario.target
        secure = target.url.startswith("https:")
        return Way(handshakes=2 if secure else 1, shared=secure and target.http == "2", deliver=self.deliver)


class Simulation:
    """One run of a world; `seconds` lives it."""

    def __init__(self, world: World) -> None:
        self.world = world
        scenario = world.scenario
        self.sums = Sums(world.weight)
        self.origin = Origin(world.origin, world.weight, scenario.regions)
        self.cut = 0
        """Requests cut off by the end."""
        self.loop = Loop(
            arrivals(scenario, world.epoch, world.weight),
            self._watch,
            self.origin,
            Content(world.stream, scenario.target.url, world.epoch),
            self.sums,
            world.way,
        )

    def _watch(self, viewer: Viewer, tally: Tally) -> Session:
        scenario = self.world.scenario
        return scenario.stream.watch(viewer, scenario.player, tally)

    def seconds(self) -> Iterator[tuple[int, list[Window]]]:
        """Each second with its weighted windows, as it ends."""
        loop, duration = self.loop, self.world.scenario.surge.duration
        for second in range(int(duration + TAIL)):
            loop.run_until(second + 1.0)
            yield second, self._weighted()
        loop.run_until(duration + TAIL)
        self.cut = loop.finish(DRAIN)
        for second, windows in _by_second(self._weighted()):
            yield second, windows

    def _weighted(self) -> list[Window]:
        return [weigh(window, self.world.weight) for window in self.loop.windows()]


def _by_second(windows: list[Window]) -> Iterator[tuple[int, list[Window]]]:
    seconds: dict[int, list[Window]] = {}
    for window in windows:
        seconds.setdefault(window.at, []).append(window)
    yield from sorted(seconds.items())
