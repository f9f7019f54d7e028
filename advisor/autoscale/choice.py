"""The cheapest settings with which a surge is met: reactive where that is enough, else pre-scaled, else with a door.

    candidates ─► sweep (ticks of 15 s, waits at their long end) ─► enough? ─► the cheapest ─► waits drawn
                       the first that holds second by second ◄─ cheapest first ◄─ enough in most draws?

Reactive means that nothing is done before the surge but what always stands: a minimum, a target, a behavior, spare
slots. Pre-scaled means a cron window that asks for pods before it. A minimum that carries the whole peak follows
nothing, so any window that holds goes before it. Where all that may be launched does not carry the peak, only so many
viewers may be let in: a waiting room.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, product
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.autoscale.behavior import DOWN, UP, Behavior, Policy, Rules
from advisor.autoscale.draws import Draw
from advisor.autoscale.held import Held, Question, hold
from advisor.autoscale.hpa import SYNC
from advisor.autoscale.keda import Cron, ScaledObject, Threshold
from advisor.autoscale.nodes import Nodes
from advisor.autoscale.sweep import Floats, Outcomes, Setting, by_tick, sweep
from advisor.autoscale.world import Course, Spec, Workload, live

Verdict: TypeAlias = Literal["reactive", "prescale", "waiting_room"]

TARGETS: Final = (0.5, 0.6, 0.7, 0.8)
"""Shares of what a pod carries that a trigger aims at."""
MINIMA: Final = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Standing minimum, in multiples of what the calm before the surge needs."""
SPARES: Final = (0.0, 0.1, 0.25, 0.5)
"""Slots kept free by placeholders, as a share of the pods at the peak."""
AHEAD: Final = (0.25, 0.5, 0.75, 1.0)
"""Pods asked for before the surge, as a share of the pods at the peak."""
FAST: Final = Behavior(Rules((Policy("Percent", 900, 15.0), Policy("Pods", 100, 15.0))), DOWN)
"""Tenfold in a sync, or a hundred pods: what a surge of ten times in two minutes needs when pods are quick."""
BEHAVIORS: Final = (Behavior(UP, DOWN), FAST)
RISE: Final = 1.1
"""The surge begins where demand first exceeds the calm by a tenth (the HPA's own tolerance)."""
SLACK: Final = 2 * SYNC
"""Seconds that a cron window opens before the longest wait: a poll of KEDA and a sync of the HPA."""
EARLIER: Final = (0.0, 4 * SYNC)
"""Seconds that it opens earlier still: a sweep rounds four waits up, and a behavior may take several syncs."""
SHORT: Final = 3
"""Cheapest candidates whose waits are drawn, besides the cheapest and the dearest that ask ahead, and the reactive."""
SURE: Final = 0.95
"""Share of draws in which settings must hold; where none does, those that hold most often are chosen (assumed)."""
LONG: Final = 3 * 3600
"""Seconds from which a course is lived in ticks of 15 s: tens of thousands of nodes take hours to launch."""
FEW: Final = 4
"""Candidates that are looked at further where the sweep leaves something unmet in all."""


@dataclass(frozen=True, slots=True)
class Case:
    """One region. ``demand`` has one value a second, in the unit of ``workload.per_pod``."""

    demand: NDArray[np.float64]
    workload: Workload
    nodes: Nodes
    """What is there today, and how long new ones take at the long end."""
    today: Spec | None = None
    """The settings that are in place, if any."""
    allowed: float = 0.0
    """Share of all demand that may go unmet."""
    standing: float = 24 * 3600.0
    """Seconds that settings stand between two events: a higher minimum is paid for all of them, a window is not."""
    draws: tuple[Draw, ...] = ()
    """How waits may turn out; empty where they are certain."""

    @property
    def calm(self) -> int:
        """Pods that the first second needs."""
        return max(1, math.ceil(float(self.demand[0]) / self.workload.per_pod))

    @property
    def peak(self) -> int:
        """Pods that the peak needs."""
        return max(1, math.ceil(float(self.demand.max()) / self.workload.per_pod))

    @property
    def rises_at(self) -> int:
        """The second in which the surge begins; the length of the demand when there is none."""
        above = np.nonzero(self.demand > RISE * self.demand[0])[0]
        return int(above[0]) if len(above) else len(self.demand)

    @property
    def wait(self) -> float:
        """Seconds from a demand to a pod that serves it, when no slot is free."""
        return self.workload.late + SYNC + self.nodes.scan + self.nodes.lead + self.nodes.image + self.nodes.boot


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate and what came of it."""

    spec: ScaledObject
    nodes: Nodes
    ahead: bool
    """Whether it asks for pods before the surge."""
    unmet_share: float
    node_hours: float
    """Over the time that the settings stand."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer for one region. ``node_hours`` of the course are those of the event alone."""

    verdict: Verdict
    spec: ScaledObject
    nodes: Nodes
    """With its placeholders."""
    course: Course
    """The surge with these settings, second by second."""
    today: Course | None
    """The same with the settings in place."""
    reactive: Tried
    """The best that settings alone come to when the standing minimum carries the calm and no more."""
    tried: int
    door: float | None
    """Demand that may be let in at once, where not all can be carried."""
    held: Held | None = None
    """How often the chosen settings hold; None where waits are certain."""
    reactive_held: Held | None = None


def choose(cases: Sequence[Case]) -> tuple[Settled, ...]:
    """The cheapest settings that meet each region's surge; all regions are swept together."""
    if not cases:
        return ()
    lengths = [math.ceil(len(case.demand) / SYNC) for case in cases]
    demand = np.stack([by_tick(case.demand, max(lengths))[0] for case in cases])
    found = _sweep(cases, [tuple(_candidates(case)) for case in cases], demand, lengths)
    shorts = [_short(case, tried) for case, tried in zip(cases, found, strict=True)]
    asked = [
        _question(region, case, one)
        for region, (case, short) in enumerate(zip(cases, shorts, strict=True))
        for one in (*short.listed, short.reactive)
        if case.draws
    ]
    held = iter(hold(demand, asked, lengths))

    def more(region: int, one: Tried) -> Held:
        return hold(demand, [_question(region, cases[region], one)], lengths)[0]

    return tuple(
        _settled(case, short, held, partial(more, region))
        for region, (case, short) in enumerate(zip(cases, shorts, strict=True))
    )


def _question(region: int, case: Case, one: Tried) -> Question:
    return Question(
        Setting(region, case.workload, one.spec, one.nodes, one.spec.min_replicas), case.draws, case.allowed
    )


Candidate: TypeAlias = tuple[ScaledObject, Nodes, bool]
"""Settings, the nodes they stand on, and whether they ask for pods ahead."""


def _candidates(case: Case) -> Iterator[Candidate]:
    """Reactive ones, then those that ask for pods ahead."""
    most = case.nodes.most * case.nodes.pods_per_node
    for factor, target, behavior, spare in product(MINIMA, TARGETS, BEHAVIORS, SPARES):
        least = min(most, math.ceil(factor * case.calm / target))
        if factor > 1 and least > case.peak / target:
            continue
        placeholders = min(math.ceil(spare * case.peak), most - least)
        trigger = Threshold(target * case.workload.per_pod)
        yield ScaledObject((trigger,), least, most, behavior=behavior), _with(case.nodes, least, placeholders), False
    for share, target, behavior, earlier in product(AHEAD, TARGETS, BEHAVIORS, EARLIER):
        least, ahead = min(most, math.ceil(case.calm / target)), min(most, math.ceil(share * case.peak / target))
        if case.rises_at >= len(case.demand) or ahead <= least:
            continue
        nodes = _with(case.nodes, least, 0)
        missing = math.ceil(ahead / nodes.pods_per_node) - nodes.ready
        opens = case.wait + SLACK + earlier + nodes.queued(missing)
        cron = Cron(max(1.0, case.rises_at - opens), float(len(case.demand)), ahead)
        trigger = Threshold(target * case.workload.per_pod)
        yield ScaledObject((trigger, cron), least, most, behavior=behavior), nodes, True


def _with(nodes: Nodes, least: int, placeholders: int) -> Nodes:
    """Nodes enough for the standing minimum and the placeholders at the beginning."""
    ready = max(nodes.ready, math.ceil((least + placeholders) / nodes.pods_per_node))
    return replace(nodes, ready=min(ready, nodes.most), placeholders=placeholders)


def _sweep(
    cases: Sequence[Case], candidates: Sequence[Sequence[Candidate]], demand: Floats, lengths: Sequence[int]
) -> list[list[Tried]]:
    settings = [
        Setting(region, cases[region].workload, spec, nodes, spec.min_replicas)
        for region, tried in enumerate(candidates)
        for spec, nodes, _ in tried
    ]
    outcomes = sweep(demand, settings, lengths)
    found: list[list[Tried]] = []
    first = 0
    for case, tried in zip(cases, candidates, strict=True):
        found.append([_tried(case, one, outcomes, first + index) for index, one in enumerate(tried)])
        first += len(tried)
    return found


def _tried(case: Case, candidate: Candidate, outcomes: Outcomes, lane: int) -> Tried:
    """Nodes beyond those of the calm are paid for as long as the settings stand."""
    spec, nodes, ahead = candidate
    rest = max(0.0, case.standing - len(case.demand)) / 3600.0
    beyond = nodes.ready - math.ceil(case.calm / case.nodes.pods_per_node)
    hours = float(outcomes.node_hours[lane]) + rest * max(0, beyond)
    return Tried(spec, nodes, ahead, float(outcomes.unmet_share[lane]), hours)


@dataclass(frozen=True, slots=True)
class _Short:
    """What is left to choose from, cheapest first."""

    listed: tuple[Tried, ...]
    others: tuple[Tried, ...]
    """That hold in the sweep as well: each takes the place of one that does not hold second by second."""
    reactive: Tried
    tried: int


def _short(case: Case, tried: Sequence[Tried]) -> _Short:
    """Those that hold in the sweep, and where waits are drawn a few that may hold more often; else the nearest."""
    calm = min(one.spec.min_replicas for one in tried)
    usual = math.ceil(calm * max(TARGETS) / min(TARGETS))
    reactive = [one for one in tried if not one.ahead and one.spec.min_replicas <= usual]
    best = min(reactive, key=lambda one: (max(one.unmet_share, case.allowed), one.node_hours))
    order = sorted(tried, key=lambda one: (_stands(case, one), one.node_hours))
    order = [one for one in order if one.unmet_share <= case.allowed]
    if not order:
        few = sorted(tried, key=lambda one: (one.unmet_share, _stands(case, one), one.node_hours))[:FEW]
        return _Short(tuple(few), (), best, len(tried))
    if not case.draws:
        return _Short(tuple(order), (), best, len(tried))
    ahead = [one for one in order if one.ahead]
    listed = dict.fromkeys((*order[:SHORT], *ahead[:1], *ahead[-1:], best))
    return _Short(tuple(listed), tuple(one for one in order if one not in listed), best, len(tried))


def _settled(case: Case, short: _Short, held: Iterator[Held], more: Callable[[Tried], Held]) -> Settled:
    """The first that holds second by second and in enough draws, else the one that holds in most."""
    found = {one: next(held) for one in short.listed if case.draws}
    one, course = _first(case, short, found, more)
    holds = course.unmet_share <= case.allowed
    verdict: Verdict = "waiting_room" if not holds else "prescale" if one.ahead else "reactive"
    ready = [moment.ready for moment in course.moments if moment.unmet > 0]
    return Settled(
        verdict,
        one.spec,
        one.nodes,
        course,
        today=live_of(case, case.today, case.nodes) if case.today else None,
        reactive=short.reactive,
        tried=short.tried,
        door=None if holds else min(ready) * case.workload.per_pod,
        held=found.get(one),
        reactive_held=next(held) if found else None,
    )


def _first(case: Case, short: _Short, found: dict[Tried, Held], more: Callable[[Tried], Held]) -> tuple[Tried, Course]:
    """The first that holds when it is lived second by second, else the one that leaves least unmet.

    A sweep sees the most of each 15 s and rounds waits: where demand is not smooth it may be hopeful.
    """
    listed, others, lived = list(short.listed), iter(short.others), list[tuple[Tried, Course]]()
    while listed:
        one = max(listed, key=lambda one: min(found[one].share, SURE) if found else 0.0)
        course = live_of(case, one.spec, one.nodes)
        if course.unmet_share <= case.allowed:
            return one, course
        lived.append((one, course))
        place = listed.index(one)
        listed[place : place + 1] = islice(others, 1)
        if found and len(listed) > place and listed[place] not in found:
            found[listed[place]] = more(listed[place])
    return min(lived, key=lambda pair: (pair[1].unmet_share, _stands(case, pair[0])))


def _stands(case: Case, one: Tried) -> bool:
    """Whether its minimum carries the whole peak, and more than the calm takes at any target."""
    least = one.spec.min_replicas
    return least >= case.peak and least > math.ceil(case.calm / min(TARGETS))


def live_of(case: Case, spec: Spec, nodes: Nodes) -> Course:
    """The case second by second under some settings, from their standing minimum; a long one in ticks of a sweep."""
    start = max(spec.min_replicas, case.calm if spec is case.today else 0)
    tick = SYNC if len(case.demand) > LONG else 1.0
    demand = by_tick(case.demand)[0] if tick == SYNC else case.demand
    return live(demand.tolist(), case.workload, spec, nodes, start=start, tick=tick)
