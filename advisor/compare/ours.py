"""From our own run to `Outcomes`: windows of all cohorts and workers added up per region."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from advisor.foreign import Cells, Count, Floats, Outcomes, Series, Timing, Timings
from loadtests.results import Players, Requests, Window
from loadtests.run import Run
from loadtests.scenario import Scenario
from loadtests.sketch import Sketch

TOOL: Final = "surgecast"
TRAITS: Final = ("target", "stream", "player", "surge", "regions", "stay", "staging")
"""Parts of a scenario that change what the target is asked for; names, seeds and budgets do not."""
_REQUESTS: Final[tuple[Count, ...]] = ("requests", "failed", "wire_bits")
_PLAYERS: Final[Mapping[Count, str]] = {
    "viewers": "viewers",
    "joins": "joins",
    "exits_before_start": "exits_before_start",
    "play_seconds": "play_seconds",
    "stall_seconds": "stall_seconds",
    "bits_played": "bitrate_seconds",
    "reconnects": "reconnects",
}


def outcomes_of(run: Run) -> Outcomes:
    """Everything that can be compared; the windows themselves are not kept."""
    seconds = run.seconds
    series = {code: _Part(seconds) for code in run.header.scenario.regions}
    for window in run.windows:
        if window.region in series:
            series[window.region].add(window)
    regions = {code: part.series() for code, part in series.items()}
    footer = run.footer
    return Outcomes(
        name=run.header.run_id,
        tool=TOOL,
        started_at=run.header.started_at,
        seconds=seconds,
        series={"": _whole(regions.values(), run), **regions},
        phases=run.header.phases,
        places={code: region.name for code, region in run.header.regions.items()},
        invalid={one.at: reason for one in run.generators if (reason := one.bottleneck())},
        unfinished="cut" if run.cut or footer is None else "" if footer.complete else footer.ending,
        traits=_traits(run.header.scenario, run.header.workers),
    )


def _traits(scenario: Scenario, workers: int) -> dict[str, str]:
    data = scenario.model_dump(mode="json", include=set(TRAITS))
    texts = {name: json.dumps(value, sort_keys=True, ensure_ascii=False) for name, value in data.items()}
    return texts | {"workers": str(workers)}


class _Part:
    """Grows the series of one region."""

    def __init__(self, seconds: int) -> None:
        self.counts: dict[Count, Floats] = {what: np.zeros(seconds) for what in (*_REQUESTS, *_PLAYERS)}
        self.cells: defaultdict[Timing, Cells] = defaultdict(Cells)

    def add(self, window: Window) -> None:
        """One second of one cohort."""
        for kind, requests in window.requests.items():
            self._requests(window.at, requests)
            self._time("request_total", window.at, requests.total)
            if kind == "segment":
                self._time("segment_ttfb", window.at, requests.ttfb)
                self._time("segment_total", window.at, requests.total)
            elif kind == "playlist":
                self._time("playlist_total", window.at, requests.total)
        self._players(window.at, window.players)

    def _requests(self, at: int, requests: Requests) -> None:
        self.counts["requests"][at] += requests.count - requests.cancelled
        self.counts["failed"][at] += requests.failed
        received = requests.bytes + requests.head_bytes - requests.refused_bytes
        self.counts["wire_bits"][at] += 8.0 * max(0, received)

    def _players(self, at: int, players: Players) -> None:
        for what, name in _PLAYERS.items():
            self.counts[what][at] += getattr(players, name)
        self._time("startup", at, players.startup)
        self._time("live_latency", at, players.live_latency)

    def _time(self, what: Timing, at: int, sketch: Sketch) -> None:
        self.cells[what].add(at, sketch.bins)

    def series(self) -> Series:
        """What was added."""
        return Series(self.counts, {what: cells.timings() for what, cells in self.cells.items()})


def _whole(regions: Iterable[Series], run: Run) -> Series:
    """The regions together, and the generators that drove them all."""
    parts = tuple(regions)
    counts = {what: np.sum([part.counts[what] for part in parts], axis=0) for what in (*_REQUESTS, *_PLAYERS)}
    names: set[Timing] = {what for part in parts for what in part.timings}
    timings = {what: _joined([part.timings[what] for part in parts if what in part.timings]) for what in names}
    if run.generators:
        seconds = run.seconds
        counts["cpu"], counts["generators"] = np.zeros(seconds), np.zeros(seconds)
        lag = Cells()
        for one in run.generators:
            if one.at < seconds:
                counts["cpu"][one.at] += one.cpu
                counts["generators"][one.at] += 1
                lag.add(one.at, one.lag.bins)
        timings["lag"] = lag.timings()
    return Series(counts, timings)


def _joined(parts: Iterable[Timings]) -> Timings:
    every = tuple(parts)
    return Timings(
        np.concatenate([one.at for one in every]),
        np.concatenate([one.bin for one in every]),
        np.concatenate([one.count for one in every]),
    )
