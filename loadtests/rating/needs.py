"""What a scenario asks of its generators, second by second: viewers, joins, requests, bytes, connections."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from loadtests.engine.names import read_overrides
from loadtests.errors import CannotMeasure
from loadtests.flow import joins, planned
from loadtests.limits import MOST
from loadtests.preflight import Look
from loadtests.rating.fit import Costs
from loadtests.region import Frozen
from loadtests.scenario import Scenario
from loadtests.session import LadderStep
from loadtests.staging.clock import SEGMENT_SECONDS
from loadtests.staging.media import load

Series: TypeAlias = npt.NDArray[np.float64]
Source: TypeAlias = Literal["target", "stage", "assumed"]

ASSUMED: Final[Mapping[LadderStep, float]] = {"lowest": 800e3, "middle": 2.5e6, "highest": 5e6, "auto": 5e6}
"""Bits per second where nobody knows them (assumed: a common ladder of 360p, 720p and 1080p)."""
ASSUMED_SEGMENT: Final = 6.0
"""Seconds of a segment where nobody knows them (Apple's HLS authoring specification recommends six)."""
TIME_WAIT: Final = 60
"""Seconds that a port stays taken after the viewer has closed its connection (Linux, `TCP_TIMEWAIT_LEN`)."""


class Pace(NamedTuple):
    """What one viewer of the stream asks for."""

    segment: float
    """Seconds of a segment, and between two reloads of the playlist."""
    bitrates: Mapping[LadderStep, float]
    source: Source


class Need(Frozen):
    """What the whole scenario needs; rates are per second."""

    viewers: int
    """At the peak."""
    joins: float
    """In the steepest second."""
    segment_seconds: float
    requests_per_viewer: float
    bits_per_viewer: float
    """Bits per second of media, the mean over the renditions that are played."""
    requests_per_join: float
    """On top: the master playlist, and the segments that a player starts with."""
    bytes_per_join: float
    source: Source
    secure: bool
    addresses: int
    """Of the target, as far as the scenario says."""
    ports_per_viewer: float
    """Taken at the worst moment, for each viewer of the peak."""


class Demand(NamedTuple):
    """The need and its course."""

    need: Need
    viewers: Series
    joins: Series

    def variable(self, costs: Costs) -> float:
        """Cores that the worst second takes, without what is fixed."""
        need = self.need
        viewer = costs.request * need.requests_per_viewer + costs.byte * need.bits_per_viewer / 8
        join = costs.join + costs.request * need.requests_per_join + costs.byte * need.bytes_per_join
        return float(np.max(self.viewers * viewer + self.joins * join))


def stage_pace() -> Pace:
    """What the embedded origin serves."""
    rates = sorted(float(rendition.average_bitrate) for rendition in load()[0].renditions)
    middle = rates[len(rates) // 2]
    ladder: dict[LadderStep, float] = {"lowest": rates[0], "middle": middle, "highest": rates[-1], "auto": rates[-1]}
    return Pace(float(SEGMENT_SECONDS), ladder, "stage")


def pace_of(scenario: Scenario, seen: Look | None) -> Pace:
    """What the target showed, else what the stage serves where the scenario is staged, else what is assumed."""
    if seen is not None:
        return Pace(seen.target_duration, seen.bitrates, "target")
    return stage_pace() if scenario.staging is not None else Pace(ASSUMED_SEGMENT, ASSUMED, "assumed")


def demand_of(scenario: Scenario, pace: Pace, viewers: int = 0) -> Demand:
    """The scenario's own course, or one of the same shape with ``viewers`` at its peak."""
    if scenario.stream.plugin_name() != "hls":
        raise CannotMeasure(
            f"the pace of {scenario.stream.plugin_name()!r} viewers is not known to the rating: it knows hls",
            hint="rate the generator for an hls scenario with as many viewers",
        )
    secure = urlsplit(scenario.target.url).scheme == "https"
    if secure and scenario.target.http == "2":
        raise CannotMeasure(
            "target.http is 2, and the sink speaks HTTP/1.1: a request over HTTP/2 costs several times as much CPU",
            hint='rate it with target.http "1.1", and take the answer for the most that HTTP/2 can reach',
        )
    rate, wanted = joins(scenario), planned(scenario)
    course = np.array([wanted(float(second)) for second in range(len(rate))])
    scale = (viewers or course.max()) / course.max()
    present, coming = course * scale, rate * scale
    bits = mean_bitrate(scenario, pace.bitrates)
    started = math.ceil(scenario.player.live_edge)
    need = Need(
        viewers=round(float(present.max())),
        joins=float(coming.max()),
        segment_seconds=pace.segment,
        requests_per_viewer=2.0 / pace.segment,
        bits_per_viewer=bits,
        requests_per_join=1.0 + started,
        bytes_per_join=started * pace.segment * bits / 8,
        source=pace.source,
        secure=secure,
        addresses=addresses_of(scenario),
        ports_per_viewer=MOST * float(np.max(taken(present, coming)) / present.max()),
    )
    return Demand(need, present, coming)


def mean_bitrate(scenario: Scenario, bitrates: Mapping[LadderStep, float]) -> float:
    """Bits per second of a viewer, over regions, cohorts and renditions."""
    return sum(
        audience.share * cohort.share * share * bitrates[step]
        for audience in scenario.regions.values()
        for cohort in audience.cohorts.values()
        for step, share in cohort.renditions.items()
    )


def taken(present: Series, joins: Series) -> Series:
    """Viewers whose ports are taken: those present, and those that left in the last minute."""
    came = np.cumsum(joins)
    left = np.maximum.accumulate(np.maximum(came - present, 0.0))
    freed = np.concatenate([np.zeros(min(TIME_WAIT, len(left))), left[:-TIME_WAIT]])
    counted: Series = came - freed
    return counted


def addresses_of(scenario: Scenario) -> int:
    """How many addresses the target's name leads to by the scenario's overrides; one where it names none."""
    parts = urlsplit(scenario.target.url)
    key = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    return len(read_overrides(scenario.target.resolve).get(key, ())) or 1
