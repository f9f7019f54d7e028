"""From our own run to `Outcomes`: windows of all cohorts and workers added up per region."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from advisor.foreign import Count, Floats, Outcomes, Samples, Series, Timing, Timings
from advisor.gate.evidence import Pairs
from advisor.gate.tally import Tally
from loadtests.results import Generator
from loadtests.scenario import Scenario

TOOL: Final = "surgecast"
TRAITS: Final = ("target", "stream", "player", "surge", "regions", "stay", "staging")
"""Parts of a scenario that change what the target is asked for; names, seeds and budgets do not."""
_COUNTS: Final[Mapping[Count, tuple[str, str]]] = {
    "requests": ("request.rate", "parts"),
    "failed": ("failed", "parts"),
    "wire_bits": ("delivered", "parts"),
    "viewers": ("viewers", "parts"),
    "joins": ("joins", "parts"),
    "exits_before_start": ("exits_before_start", "parts"),
    "play_seconds": ("bitrate", "wholes"),
    "stall_seconds": ("stall_ratio", "parts"),
    "bits_played": ("bitrate", "parts"),
    "reconnects": ("reconnects", "parts"),
}
"""Where each sum stands: a tally's column, and its parts or its wholes."""
_TIMINGS: Final[Mapping[Timing, str]] = {
    "request_total": "request.total",
    "segment_ttfb": "segment.ttfb",
    "segment_total": "segment.total",
    "playlist_total": "playlist.total",
    "startup": "startup",
    "live_latency": "live_latency",
}
NEEDED: Final = frozenset({*(column for column, _ in _COUNTS.values()), *_TIMINGS.values()})
"""Columns that a tally must keep to be compared."""


def outcomes_of(tally: Tally) -> Outcomes:
    """Everything that can be compared; regions share the tally's sketches."""
    header, scenario, seconds = tally.header, tally.header.scenario, tally.seconds
    regions = {code: _region(tally, code) for code in scenario.regions}
    footer = tally.footers[0] if tally.footers else None
    return Outcomes(
        name=header.run_id,
        tool=TOOL,
        started_at=header.started_at,
        seconds=seconds,
        series={"": _whole(tuple(regions.values()), tally.generators, seconds), **regions},
        phases=header.phases,
        places={code: region.name for code, region in header.regions.items()},
        invalid=dict(tally.evidence().spoiled_in("")),
        unfinished="cut" if tally.damage or footer is None else "" if footer.complete else footer.ending,
        traits=_traits(scenario, header.workers),
        remarks=("ours_simulated",) if header.simulated else (),
    )


def _traits(scenario: Scenario, workers: int) -> dict[str, str]:
    data = scenario.model_dump(mode="json", include=set(TRAITS))
    texts = {name: json.dumps(value, sort_keys=True, ensure_ascii=False) for name, value in data.items()}
    return texts | {"workers": str(workers)}


def _region(tally: Tally, code: str) -> Series:
    cells = np.array([index for (region, _), index in tally.cells.items() if region == code], dtype=np.uint16)
    counts = {what: _summed(tally, column, field, cells) for what, (column, field) in _COUNTS.items()}
    return Series(counts, {what: _chosen(tally.columns[name], cells) for what, name in _TIMINGS.items()})


def _summed(tally: Tally, name: str, field: str, cells: NDArray[np.uint16]) -> Floats:
    column = tally.columns[name]
    assert isinstance(column, Pairs)
    inside = np.isin(np.frombuffer(column.cells, dtype=np.uint16), cells)
    at, values = np.frombuffer(column.at, dtype=np.int32), np.frombuffer(getattr(column, field), dtype=np.float64)
    return np.asarray(np.bincount(at[inside], weights=values[inside], minlength=tally.seconds), dtype=np.float64)


def _chosen(samples: Samples | Pairs, cells: NDArray[np.uint16]) -> Timings:
    assert isinstance(samples, Samples)
    return Timings(samples, np.flatnonzero(np.isin(np.frombuffer(samples.cells, dtype=np.uint16), cells)))


def _whole(regions: Sequence[Series], generators: Sequence[Generator], seconds: int) -> Series:
    """The regions together, and the generators that drove them all."""
    counts = {what: np.sum([part.counts[what] for part in regions], axis=0) for what in _COUNTS}
    timings = {what: _together([part.timings[what] for part in regions]) for what in _TIMINGS}
    if generators:
        counts["cpu"], counts["generators"] = np.zeros(seconds), np.zeros(seconds)
        lag = Samples()
        for one in generators:
            if one.at < seconds:
                counts["cpu"][one.at] += one.cpu
                counts["generators"][one.at] += 1
                lag.add(one.at, 0, one.lag.as_dict())
        timings["lag"] = Timings.of(lag)
    return Series(counts, timings)


def _together(parts: Sequence[Timings]) -> Timings:
    return Timings(parts[0].samples, np.sort(np.concatenate([part.entries for part in parts])))
