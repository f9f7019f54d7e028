"""Lines of runs: made at random for laws, and one small whole run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, get_args

from hypothesis import strategies as st

from loadtests.cached import CacheState
from loadtests.journal import header
from loadtests.results import Footer, Generator, Header, Line, Note, Players, Requests, Target, Totals, Window
from loadtests.scenario import BUNDLED, read_scenario
from loadtests.session import ErrorKind, RequestKind
from loadtests.sketch import Sketch, merged

counts = st.integers(0, 1000)
dyadic = st.integers(0, 2**20).map(lambda number: number / 1024)
"""Floats whose sums are exact, so that laws of addition can be asked for without tolerance."""


def sketch_of(values: Iterable[float]) -> Sketch:
    """A sketch of some values."""
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


sketches = st.lists(dyadic, max_size=8).map(sketch_of)
requests = st.builds(
    Requests,
    count=counts,
    errors=st.dictionaries(st.sampled_from(get_args(ErrorKind)), counts, max_size=3),
    cancelled=counts,
    bytes=counts,
    head_bytes=counts,
    refused_bytes=counts,
    ttfb=sketches,
    total=sketches,
    cache=st.dictionaries(st.sampled_from(["hit", "miss"]), counts),
    cache_states=st.dictionaries(st.sampled_from(get_args(CacheState)), counts, max_size=3),
    cache_vendors=st.dictionaries(st.sampled_from(["nginx", "cloudfront"]), counts),
    cache_age=sketches,
    lifetimes=st.dictionaries(st.sampled_from(["max-age=1", "s-maxage=2", "no-store", "other"]), counts, max_size=3),
)
players = st.builds(
    Players,
    viewers=counts,
    joins=counts,
    starts=counts,
    startup=sketches,
    exits_before_start=counts,
    failures=st.dictionaries(st.sampled_from(["playlist_failed", "segment_failed"]), counts),
    abandonments=st.dictionaries(st.sampled_from(["slow_start", "stalls"]), counts),
    leaves=counts,
    play_seconds=dyadic,
    stall_seconds=dyadic,
    stalls=counts,
    bitrate_seconds=dyadic,
    rungs=st.dictionaries(st.sampled_from([300_000, 1_500_000]), dyadic),
    switches=counts,
    skipped_segments=counts,
    live_latency=sketches,
    reconnects=counts,
)


SECOND: Final = st.just(7)


def windows(at: st.SearchStrategy[int] = SECOND) -> st.SearchStrategy[Window]:
    """Windows of one cohort."""
    return st.builds(
        Window,
        at=at,
        region=st.just("id"),
        cohort=st.just("mobile"),
        requests=st.dictionaries(st.sampled_from(get_args(RequestKind)), requests, max_size=3),
        players=players,
    )


STARTED = datetime(2026, 12, 5, 12, 30, tzinfo=UTC)


def a_header(workers: int = 2) -> Header:
    """The header of a run of the bundled scenario."""
    return header(read_scenario(BUNDLED), STARTED, workers)


def a_window(at: int, count: int = 3, cohort: str = "mobile") -> Window:
    """One second of one cohort."""
    took = merged([sketch_of([0.01, 0.2]), sketch_of([0.4])])
    sums = Requests(
        count=count, errors={"timeout": 1}, bytes=1000 * count, head_bytes=100 * count, ttfb=took, total=took
    )
    return Window(
        at=at, region="id", cohort=cohort, requests={"segment": sums}, players=Players(viewers=at, joins=1, starts=1)
    )


def a_run(seconds: int = 3) -> list[Line]:
    """A small whole run."""
    seen = [a_window(at, cohort=cohort) for at in range(seconds) for cohort in ("fixed", "mobile")]
    return [
        a_header(),
        *seen,
        *(Generator(at=at, worker="worker-0", cpu=0.5, lag=sketch_of([0.001])) for at in range(seconds)),
        Target(at=1.25, node="edge-1", source="stage", seconds=1.0, cpu=0.5, sent=8e6, delay=0.002),
        Note(at=1.5, kind="worker_lost", text="worker-1 has been silent", data={"worker": "worker-1"}),
        Footer(
            complete=True,
            ending="finished",
            at=seconds,
            workers_expected=2,
            workers_heard=2,
            totals=Totals.of(seen),
        ),
    ]
