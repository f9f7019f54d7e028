"""Who comes when and for how long: an open, seeded arrival process, the same for any number of workers.

Arrivals are a non-homogeneous Poisson process whose rate is solved from the shape and the stay (`loadtests.flow`).
Arrival times come from unit exponentials mapped through the inverse of the cumulative rate. Where regions live the
surge differently their rates add up, and an arrival is of each with the share that it has in that second. Nothing
depends on how the target answers.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from random import Random

from loadtests.chance import HOME, chance, mixed
from loadtests.flow import Course, Flow, Series, courses, solve_flow
from loadtests.scenario import Scenario, Stay
from loadtests.session import LadderStep, Viewer


class Clockwork:
    """Inverts a cumulative of one-second steps: the time at which it reaches a level."""

    def __init__(self, steps: Series) -> None:
        self._sums = [0.0, *accumulate(float(step) for step in steps)]

    def level(self, at: float) -> float:
        """The cumulative at time ``at``."""
        k = min(int(at), len(self._sums) - 2)
        return self._sums[k] + (self._sums[k + 1] - self._sums[k]) * (at - k)

    def when(self, level: float) -> float:
        """The first time the cumulative reaches ``level``; infinity when it never does."""
        if level >= self._sums[-1]:
            return math.inf
        k = bisect_right(self._sums, level) - 1
        return k + (level - self._sums[k]) / (self._sums[k + 1] - self._sums[k])


def arrivals(scenario: Scenario, epoch: float = 0.0, every: int = 1) -> Iterator[Viewer]:
    """Every viewer of the run in order of arrival, decided by the scenario's seed alone.

    With ``every`` above 1 only each such viewer of the process, from a chance one of the first ones on, without
    drawing those between: ``every`` unit exponentials add up to a gamma variate.
    """
    dice = Random(scenario.seed)
    people = _People(scenario)
    urls = {code: target.url for code, target in scenario.targets.items()}
    joins, end = Clockwork(people.rate), scenario.surge.duration
    number = seed_of(scenario.seed, 0) % every
    level = dice.gammavariate(number + 1, 1.0)
    while (join_at := joins.when(level)) < end:
        until_exit, stay = dice.expovariate(1.0), _stay(scenario.stay, dice)
        exits, (region, cohort, rendition) = people.draw(join_at, dice)
        exit_at = exits.when(exits.level(join_at) + until_exit)
        leave_at = min(join_at + stay, exit_at, end)
        seed = seed_of(scenario.seed, number)
        viewer = Viewer(number, region, cohort, rendition, urls[region], join_at, leave_at, epoch, seed)
        yield with_manners(viewer, scenario)
        number, level = number + every, level + dice.gammavariate(every, 1.0)


def seed_of(run: int, number: int) -> int:
    """A viewer's own seed: neighbours share nothing."""
    return mixed(run, number)


def with_manners(viewer: Viewer, scenario: Scenario) -> Viewer:
    """The viewer with what its seed says of its patience, and of where it goes on leaving."""
    home = scenario.target.home
    if home and chance(viewer.seed, HOME) < scenario.stay.home:
        viewer = viewer._replace(home=home, over_at=scenario.surge.duration)
    if scenario.patience is not None:
        viewer = viewer._replace(patience=scenario.patience.draw(viewer.seed, viewer.region))
    return viewer


def _stay(stay: Stay, dice: Random) -> float:
    if dice.random() < stay.zappers:
        return dice.expovariate(1.0 / stay.zapper_mean)
    return dice.lognormvariate(math.log(stay.median), stay.spread)


class _Crowd:
    """Those who live the surge alike: when they leave early, and who they are by their shares."""

    def __init__(self, scenario: Scenario, course: Course) -> None:
        self.flow: Flow = solve_flow(course.shape, scenario.stay)
        self.rate: Series = course.share * self.flow.rate
        self.exits = Clockwork(self.flow.exit_hazard)
        self._kinds: list[tuple[str, str, LadderStep]] = []
        shares = []
        for code in course.regions:
            audience = scenario.regions[code]
            for name, cohort in audience.cohorts.items():
                for step, share in cohort.renditions.items():
                    self._kinds.append((code, name, step))
                    shares.append(audience.share * cohort.share * share)
        self._sums = list(accumulate(shares))

    def draw(self, dice: Random) -> tuple[str, str, LadderStep]:
        """(region, cohort, ladder step) of one viewer."""
        return dice.choices(self._kinds, cum_weights=self._sums)[0]


class _People:
    """Draws whose viewer arrives: regions by their part in the arrivals of that second, the rest by shares."""

    def __init__(self, scenario: Scenario) -> None:
        self._crowds = [_Crowd(scenario, course) for course in courses(scenario)]
        self.rate: Series = sum((one.rate for one in self._crowds[1:]), self._crowds[0].rate)

    def draw(self, at: float, dice: Random) -> tuple[Clockwork, tuple[str, str, LadderStep]]:
        """When such a viewer leaves early, and (region, cohort, ladder step)."""
        crowd = self._crowds[0]
        if len(self._crowds) > 1:
            second = min(int(at), len(self.rate) - 1)
            crowd = dice.choices(self._crowds, [float(one.rate[second]) for one in self._crowds])[0]
        return crowd.exits, crowd.draw(dice)


class Headcount:
    """How many viewers the plan has present; asked with times that never go back."""

    def __init__(self, viewers: Iterator[Viewer]) -> None:
        self._coming = viewers
        self._next = next(viewers, None)
        self._leaving: list[float] = []

    def at(self, moment: float) -> int:
        """Viewers present at ``moment``, seconds since the start."""
        while self._next is not None and self._next.join_at <= moment:
            heapq.heappush(self._leaving, self._next.leave_at)
            self._next = next(self._coming, None)
        while self._leaving and self._leaving[0] <= moment:
            heapq.heappop(self._leaving)
        return len(self._leaving)
