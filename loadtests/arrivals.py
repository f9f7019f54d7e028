"""Who comes when and for how long: an open, seeded arrival process, the same for any number of workers.

Arrivals are a non-homogeneous Poisson process whose rate is solved from the shape: concurrency is the convolution
of the arrival rate with the survival function of the stay, N(t) = ∫ rate(u) · S(t - u) du, so

    rate_k = (N_{k+1} - expected survivors at k+1) / S(half a second)

on a one-second grid. Where the shape falls faster than people leave by themselves, everybody present leaves with
the hazard that makes it so (an exit wave) and nobody arrives. Arrival times come from unit exponentials mapped
through the inverse of the cumulative rate. Nothing depends on how the target answers.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from loadtests.chance import HOME, chance, mixed
from loadtests.scenario import Scenario, Stay
from loadtests.session import LadderStep, Viewer
from loadtests.shapes import Shape

Series = npt.NDArray[np.float64]
_NORMAL = NormalDist()


def survival(stay: Stay, after: float) -> float:
    """Share of viewers still there ``after`` seconds (20 % zappers exponential, the rest lognormal by default)."""
    if after <= 0:
        return 1.0
    long_view = 1.0 - _NORMAL.cdf(math.log(after / stay.median) / stay.spread)
    return stay.zappers * math.exp(-after / stay.zapper_mean) + (1 - stay.zappers) * long_view


@dataclass(frozen=True, slots=True)
class Flow:
    """What happens in expectation, on a one-second grid."""

    rate: Series
    """Arrivals per second during each second."""
    exit_hazard: Series
    """Extra leaving rate per second during each second."""


def solve_flow(shape: Shape, stay: Stay) -> Flow:
    """The arrival rate and exit hazard under which expected concurrency follows the shape."""
    seconds = math.ceil(shape.duration)
    alive_after = np.array([survival(stay, k + 0.5) for k in range(seconds)])
    rate, hazard, thinning = np.zeros(seconds), np.zeros(seconds), np.ones(seconds)
    for k in range(seconds):
        wanted = shape.viewers(min(k + 1.0, math.nextafter(shape.duration, 0)))
        survivors = float(np.dot(rate[:k] * thinning[:k], alive_after[k:0:-1])) if k else 0.0
        if wanted >= survivors:
            rate[k] = (wanted - survivors) / alive_after[0]
        else:
            hazard[k] = math.log(survivors / max(wanted, 0.5))
            thinning[: k + 1] *= math.exp(-hazard[k])
    return Flow(rate, hazard)


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


def arrivals(scenario: Scenario, epoch: float = 0.0) -> Iterator[Viewer]:
    """Every viewer of the run in order of arrival, decided by the scenario's seed alone."""
    dice = Random(scenario.seed)
    flow = solve_flow(scenario.surge, scenario.stay)
    joins, exits = Clockwork(flow.rate), Clockwork(flow.exit_hazard)
    people = _People(scenario)
    level, number, end = 0.0, 0, scenario.surge.duration
    while (join_at := joins.when(level := level + dice.expovariate(1.0))) < end:
        exit_at = exits.when(exits.level(join_at) + dice.expovariate(1.0))
        leave_at = min(join_at + _stay(scenario.stay, dice), exit_at, end)
        region, cohort, rendition = people.draw(dice)
        seed = seed_of(scenario.seed, number)
        viewer = Viewer(number, region, cohort, rendition, scenario.target.url, join_at, leave_at, epoch, seed)
        yield with_manners(viewer, scenario)
        number += 1


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


class _People:
    """Draws region, cohort and rendition by their shares."""

    def __init__(self, scenario: Scenario) -> None:
        self._kinds: list[tuple[str, str, LadderStep]] = []
        shares = []
        for code, audience in scenario.regions.items():
            for name, cohort in audience.cohorts.items():
                for step, share in cohort.renditions.items():
                    self._kinds.append((code, name, step))
                    shares.append(audience.share * cohort.share * share)
        self._sums = list(accumulate(shares))

    def draw(self, dice: Random) -> tuple[str, str, LadderStep]:
        """(region, cohort, ladder step) of one viewer."""
        return dice.choices(self._kinds, cum_weights=self._sums)[0]


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
