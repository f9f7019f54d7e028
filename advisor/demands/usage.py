"""What the viewers of a region used while budgets held, taken apart: the measured quantities of every counterfactual.

`Demand` says what a viewer costs in all. A change such as longer segments alters one part of it, so here the parts
stand alone: segments and playlists, watching and joining, bit rates of the ladder, answers from a cache, and the curve
of the surge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np

from advisor.blocks import BLOCK, Floats
from advisor.demands.caches import kept_for
from advisor.demands.demand import Demand
from advisor.demands.rise import put_off
from advisor.demands.unhindered import unhindered
from advisor.measured.measure import EVENT, LOADED, Measurement, RunSeries

Rungs: TypeAlias = Mapping[int, float]
"""Share of play time by bit rate in bit/s; adds up to 1."""

ROUND: Final = 0.1
"""A measured segment length this near to a whole second is that second: encoders cut at whole seconds (assumed)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The surge of one run in this region, second by second, scaled to the audience of the launch."""

    viewers: tuple[float, ...]
    """Concurrent viewers offered."""
    joins: tuple[float, ...]
    """Joins in each second."""

    def scaled(self, factor: float) -> Curve:
        """As many times the viewers."""
        return Curve(tuple(one * factor for one in self.viewers), tuple(one * factor for one in self.joins))

    def costing(self, viewer: float, join: float) -> Floats:
        """Demand second by second: ``viewer`` of each who watches, ``join`` of each who joins."""
        return viewer * np.asarray(self.viewers) + join * np.asarray(self.joins)

    def spread(self, seconds: int) -> Curve:
        """Every visit put off by a uniformly random wait below ``seconds``: both curves run through a moving mean."""
        viewers, joins = np.asarray(self.viewers), np.asarray(self.joins)
        smooth = put_off(viewers, seconds, self.viewers[0]), put_off(joins, seconds, 0.0)
        return Curve(*(tuple(one.tolist()) for one in smooth))


@dataclass(frozen=True, slots=True)
class Usage:
    """One region. Rates are per second of one viewer who watches, in the seconds in which budgets held."""

    region: str
    segments: float
    """Segments that a viewer fetches each second; 0 where none was seen."""
    media: float
    """Share of the wire bits that are segments; the rest are playlists and headers."""
    playlists: float
    """Share of the wire bits that are playlists."""
    rungs: Rungs = field(default_factory=dict)
    """Empty where the run does not say which bit rates were played."""
    ladder: tuple[int, ...] = ()
    """Every bit rate that anybody played, in any region and second, from the lowest: a rung may be skipped here."""
    hits: Mapping[str, int] = field(default_factory=dict)
    """Answers that said they came from a cache, by kind of request."""
    misses: Mapping[str, int] = field(default_factory=dict)
    playlist_ttl: float | None = None
    """Seconds that a cache may keep a playlist, as most answers say; None where none does."""
    seconds: int = 0
    """Seconds in which budgets held, of which all this was seen."""
    curves: tuple[Curve, ...] = ()

    @property
    def segment_seconds(self) -> float | None:
        """Seconds of media in a segment: a viewer plays one second each second; None where no segment was seen."""
        if self.segments <= 0:
            return None
        length = 1.0 / self.segments
        nearest = max(1.0, round(length))
        return nearest if abs(length - nearest) <= ROUND * nearest else round(length, 2)

    @property
    def bitrate(self) -> float:
        """Mean bit rate played, bit/s; 0 where it is not known."""
        return sum(rung * share for rung, share in self.rungs.items())

    @property
    def hit_ratio(self) -> float | None:
        """Share of answers from a cache, of those that said; None where none did."""
        hits, misses = sum(self.hits.values()), sum(self.misses.values())
        return hits / (hits + misses) if hits + misses else None

    def worst(self, viewer: float, join: float) -> float:
        """Largest mean demand over `BLOCK` seconds of any curve."""
        return max((_busiest(curve.costing(viewer, join)) for curve in self.curves), default=0.0)

    def scaled(self, factor: float) -> Usage:
        """With as many times the viewers."""
        return replace(self, curves=tuple(curve.scaled(factor) for curve in self.curves))


def _busiest(series: Floats) -> float:
    if len(series) < BLOCK:
        return float(series.mean()) if len(series) else 0.0
    return float(np.convolve(series, np.full(BLOCK, 1.0 / BLOCK), "valid").max())


@dataclass(slots=True)
class Parts:
    """Sums over the seconds of one region in which budgets held."""

    kinds: Counter[str] = field(default_factory=Counter)
    """Wire bits by kind of request."""
    rungs: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    hits: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, measurement: Measurement, region: str, healthy: frozenset[int]) -> Parts:
        """Of the seconds that are named."""
        parts = cls()
        for kind, one in measurement.traffic.get(region, {}).items():
            for row in one.rows:
                if row.at in healthy:
                    parts.kinds[kind] += row.bits  # type: ignore[assignment]
                    parts.hits[kind] += row.spared
                    parts.misses[kind] += row.told - row.spared
        for at, played in measurement.rungs.get(region, ()):
            if at in healthy:
                for bitrate, seconds in played.items():
                    parts.rungs[bitrate] += seconds
        return parts

    @property
    def told(self) -> int:
        """Responses that named a cache."""
        return self.hits.total() + self.misses.total()

    def share(self, kind: str) -> float:
        """Of the wire bits."""
        return self.kinds[kind] / total if (total := self.kinds.total()) else 0.0

    @property
    def mix(self) -> dict[int, float]:
        """Share of play time by bit rate."""
        played = sum(self.rungs.values())
        return {rung: self.rungs[rung] / played for rung in sorted(self.rungs) if self.rungs[rung]} if played else {}


def usages(measurement: Measurement, wanted: Sequence[Demand]) -> dict[str, Usage]:
    """The usage of every region that is planned for, by its code."""
    healthy = frozenset(second.at for second in unhindered(measurement))
    ladder = sorted({rung for played in measurement.rungs.values() for _, rungs in played for rung in rungs})
    used = (_usage(measurement, healthy, one, Parts.of(measurement, one.region, healthy)) for one in wanted)
    return {one.region: replace(one, ladder=tuple(ladder)) for one in used}


def _usage(measurement: Measurement, healthy: frozenset[int], demand: Demand, parts: Parts) -> Usage:
    held = [second for second in measurement.region(demand.region, LOADED) if second.at in healthy]
    per_viewer = demand.wire_per_viewer.mid
    join = demand.wire_per_join.mid / per_viewer if per_viewer else 0.0
    watched = sum(second.viewers + join * second.joins for second in held)
    scale = demand.viewers.mid / demand.tested_viewers
    playlists = measurement.traffic.get(demand.region, {}).get("playlist")
    kept = playlists and kept_for(playlists.lifetimes)
    return Usage(
        region=demand.region,
        segments=sum(second.segments for second in held) / watched if watched else 0.0,
        media=parts.share("segment"),
        playlists=parts.share("playlist"),
        rungs=parts.mix,
        hits=dict(+parts.hits) if parts.told else {},
        misses=dict(+parts.misses) if parts.told else {},
        playlist_ttl=kept[1] if kept else None,
        seconds=len(held),
        curves=tuple(_curves(measurement.runs, demand.region, scale)),
    )


def _curves(runs: Iterable[RunSeries], code: str, scale: float) -> Iterator[Curve]:
    for run in runs:
        event = [second for second in run.regions.get(code, ()) if second.phase in EVENT]
        if event:
            viewers = tuple(second.offered * scale for second in event)
            yield Curve(viewers, tuple(second.joins * scale for second in event))
