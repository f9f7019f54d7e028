"""How long past scale-ups took: the moments of pods, nodes and events, as samples of each part of the time to capacity.

    HPA decides ─► pod made ─► node registered, pod scheduled ─► container started ─► pod ready
      decision ────┘   node ───────────────┘        image ────────┘       boot ────────┘

A node counts once, by the pod that waited longest for it; the image only where the node was new, for an old one has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal, TypeAlias

import numpy as np

from advisor.autoscale.hpa import SYNC
from advisor.cluster.parts import Part
from advisor.cluster.snapshot import Event, Pod
from advisor.interval import Interval
from advisor.plans import lead
from loadtests.region import Frozen

ENOUGH: Final = 19
"""Samples that replace a published figure: n draws span (n - 1)/(n + 1) of what is to come on average, 90 % from 19."""
COVERAGE: Final = 0.90
SOON: Final = timedelta(seconds=60)
"""A pod that is made so soon after an HPA's decision is its doing."""
TOGETHER: Final = timedelta(seconds=120)
"""Pods made further apart belong to two scale-ups."""
MOST_SEEN: Final = 99
"""Samples that are kept one by one: as many quantiles tell as much."""
SECOND: Final = timedelta(seconds=1)
"""What timestamps of the API are exact to."""
BATCH: Final = (1.0, 2.0, 10.0)
"""Seconds that Karpenter gathers pods before it asks for a node: idle, taken as usual, most (its options)."""
ASKED: Final = ("TriggeredScaleUp", "Nominated")
"""Events by which Cluster Autoscaler and Karpenter say that a pod waits for a node."""

PartName: TypeAlias = Literal["decision", "node", "image", "boot"]
NAMES: Final[tuple[PartName, ...]] = ("decision", "node", "image", "boot")
_ASSIGNED: Final = re.compile(r"Successfully assigned \S+ to (\S+)")


@dataclass(frozen=True, slots=True)
class Start:
    """One pod's way; None for what is not known."""

    created: datetime
    node: str
    waited: bool
    """Whether it waited for a node."""
    scheduled: datetime | None
    started: datetime | None
    ready: datetime | None


class Waited(Frozen):
    """One part of the time to capacity, as past scale-ups show it."""

    name: PartName
    seconds: Interval
    """Its samples are pods, or nodes for ``node``."""
    scale_ups: int
    source: str
    as_of: str
    seen: tuple[float, ...] = ()
    """Its samples from the shortest to the longest; `MOST_SEEN` quantiles of them where there are more."""
    enough: bool
    """Whether there are `ENOUGH` samples to take the place of a published figure."""


def waits(parts: Sequence[Part]) -> tuple[Waited, ...]:
    """What was measured, part by part; a part without a sample is left out."""
    samples: dict[PartName, list[tuple[datetime, float]]] = {name: [] for name in NAMES}
    for part in parts:
        _add(part, samples)
    samples["decision"] = _with_sync(samples["decision"])
    contexts = ", ".join(sorted({part.cluster.context for part in parts}))
    found = ((name, sorted(samples[name])) for name in NAMES)
    return tuple(_waited(name, known, contexts) for name, known in found if known)


def measured(found: Sequence[Waited]) -> tuple[lead.Part, ...]:
    """The parts of the wait of which enough was seen to take the place of what is published."""
    return tuple(
        lead.Part(
            name=one.name,
            seconds=one.seconds,
            source=one.source,
            as_of=one.as_of,
            confidence="measured",
            seen=one.seen,
        )
        for one in found
        if one.enough
    )


def _waited(name: PartName, known: Sequence[tuple[datetime, float]], contexts: str) -> Waited:
    seconds = np.array([value for _, value in known])
    low, mid, high = np.quantile(seconds, [0.05, 0.5, 0.95], method="weibull").tolist()
    kept = min(len(known), MOST_SEEN)
    seen = np.quantile(seconds, [rank / (kept + 1) for rank in range(1, kept + 1)], method="weibull").tolist()
    times = [when for when, _ in known]
    ups = 1 + sum(b - a > TOGETHER for a, b in pairwise(times))
    return Waited(
        name=name,
        seconds=Interval(low=low, mid=mid, high=high, coverage=COVERAGE, samples=len(known)),
        scale_ups=ups,
        source=f"measured in context {contexts}: {len(known)} samples of {ups} scale-ups",
        as_of=times[-1].date().isoformat(),
        seen=tuple(seen),
        enough=len(known) >= ENOUGH,
    )


def _add(part: Part, samples: dict[PartName, list[tuple[datetime, float]]]) -> None:
    starts = list(_starts(part))
    by_node: dict[str, tuple[datetime, float]] = {}
    rescales = _rescales(part)
    for one in starts:
        decided = max((when for when in rescales if when <= one.created + SECOND), default=None)
        if decided is not None and one.created - decided <= SOON:
            samples["decision"].append((one.created, max(0.0, (one.created - decided).total_seconds())))
        if one.waited and one.scheduled is not None:
            wait = (one.created, _seconds(one.created, one.scheduled))
            by_node[one.node] = max(by_node.get(one.node, wait), wait, key=lambda pair: pair[1])
        if one.waited and one.scheduled is not None and one.started is not None:
            samples["image"].append((one.created, _seconds(one.scheduled, one.started)))
        if one.started is not None and one.ready is not None:
            samples["boot"].append((one.created, _seconds(one.started, one.ready)))
    claims = _claims(part)
    samples["node"] += claims if len(claims) >= ENOUGH > len(by_node) else by_node.values()


def _with_sync(samples: Sequence[tuple[datetime, float]]) -> list[tuple[datetime, float]]:
    """Nobody records when the metric showed the rise: a decision waits for the next sync, spread evenly over it."""
    count = len(samples)
    return [(when, value + SYNC * (index + 0.5) / count) for index, (when, value) in enumerate(samples)]


def _claims(part: Part) -> list[tuple[datetime, float]]:
    """From a NodeClaim to its node, where pods are gone; what was gathered before it is Karpenter's own figure."""
    known = {node.name for node in part.nodes}
    low, mid, high = BATCH
    spread = (low, mid, mid, mid, high)
    done = [one for one in part.cluster.node_claims if one.initialized is not None and one.node in known]
    return [
        (one.created, spread[index % len(spread)] + _seconds(one.created, one.initialized))
        for index, one in enumerate(done)
        if one.initialized is not None
    ]


def _rescales(part: Part) -> list[datetime]:
    scaler = part.autoscaler
    about = "" if scaler is None else f"HorizontalPodAutoscaler/{scaler.name}"
    return [
        when
        for one in part.cluster.events
        if one.reason == "SuccessfulRescale" and one.about == about and "below target" not in one.message
        for when in (one.first, one.last)
    ]


def _starts(part: Part) -> Iterator[Start]:
    """Pods that are there, then those that only events remember."""
    made = {node.name: node.created for node in part.nodes}
    told: dict[str, list[Event]] = {}
    for one in part.cluster.events:
        if one.about.startswith("Pod/"):
            told.setdefault(one.uid, []).append(one)
    for pod in part.pods:
        if not pod.restarts:
            asked = any(one.reason in ASKED for one in told.get(pod.uid, ()))
            yield _start(pod, asked or (pod.node in made and made[pod.node] >= pod.created - SECOND))
    there = {pod.uid for pod in part.pods}
    for uid, events in told.items():
        if uid not in there and (gone := _gone(part, events)) is not None:
            yield gone


def _start(pod: Pod, waited: bool) -> Start:
    return Start(pod.created, pod.node, waited, pod.scheduled, pod.started, pod.ready)


def _gone(part: Part, events: Sequence[Event]) -> Start | None:
    """A pod of the workload that waited for a node here and is gone."""
    name = part.workload.name if part.workload is not None else ""
    if not re.fullmatch(rf"Pod/{re.escape(name)}(-[a-z0-9]+)?-[a-z0-9]+", events[0].about):
        return None
    first = {one.reason: one.first for one in sorted(events, key=lambda one: one.first, reverse=True)}
    waits = [first[reason] for reason in ("FailedScheduling", *ASKED) if reason in first]
    assigned = next((found for one in events if (found := _ASSIGNED.match(one.message))), None)
    known = {node.name for node in part.nodes}
    is_here = assigned is not None and (assigned[1] in known or part.cluster.region is not None)
    if assigned is None or not is_here or not waits or not any(reason in first for reason in ASKED):
        return None
    return Start(min(waits), assigned[1], True, first.get("Scheduled"), first.get("Started"), None)


def _seconds(begin: datetime, end: datetime) -> float:
    return max(0.0, (end - begin).total_seconds())
