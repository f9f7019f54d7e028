"""A run against real ffmpeg and nginx, told twice: by us, and by nginx's own access log."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from loadtests.run import Run, read_run
from loadtests.sketch import Sketch
from tests.real.encoder import TARGET_DURATION
from tests.real.nginx import Entry, Nginx
from tests.real.processes import Started, locust
from tests.real.scenarios import plan, surge, write

pytestmark = pytest.mark.slow


class Told:
    """One run: ``run`` is our account, ``log`` nginx's; ``preflight`` is what came before run second zero."""

    def __init__(self, run: Run, entries: list[Entry]) -> None:
        zero = run.header.started_at.timestamp()
        self.run = run
        self.preflight = [entry for entry in entries if entry.started < zero]
        self.log = [entry for entry in entries if entry.started >= zero]
        self.by_viewer: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.log:
            self.by_viewer[entry.viewer].append(entry)

    def latency(self, region: str) -> Sketch:
        """Our seconds from asking for a segment to its last byte."""
        windows = (window for window in self.run.windows if window.region == region)
        sketch = Sketch()
        for window in windows:
            if "segment" in window.requests:
                sketch = sketch.merge(window.requests["segment"].total)
        return sketch


SHAPES: Final = {"live": surge(100, 200, (2, 1, 2, 19, 1)), "cmaf": surge(50, 100, (1, 1, 2, 6, 1))}
"""200 viewers of MPEG-TS for 19 seconds at the plateau, each sent to a path of its own; 100 of fMP4 for 6 seconds."""


@pytest.fixture(scope="module")
def runs(nginx: Nginx, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    """Both at the same time: they share a server that is nowhere near its limits."""
    began, found = time.time(), {}
    with ExitStack() as stack:
        loads = {}
        for stream, shape in SHAPES.items():
            folder = tmp_path_factory.mktemp(stream)
            scenario = write(folder, plan(nginx.url(f"{stream}/master.m3u8"), surge=shape))
            words = ("--headless", "--only-summary", "--scenario", scenario, "--out", folder / "run")
            loads[stream] = stack.enter_context(Started(locust(*words), folder))
        for stream, load in loads.items():
            assert load.wait(60) == 0, load.stderr
            found[stream] = Told(read_run(load.folder / "run"), nginx.entries(began, stream))
    return found


@pytest.fixture
def ts(runs: dict[str, Told]) -> Told:
    return runs["live"]


@pytest.fixture
def fmp4(runs: dict[str, Told]) -> Told:
    return runs["cmaf"]


@pytest.fixture(params=list(SHAPES))
def told(request: pytest.FixtureRequest, runs: dict[str, Told]) -> Told:
    return runs[request.param]


def kinds(entries: Iterable[Entry]) -> Counter[str]:
    return Counter(entry.kind for entry in entries)


def test_the_preflight_is_one_viewers_first_requests_on_one_connection(ts: Told, fmp4: Told) -> None:
    assert [entry.kind for entry in ts.preflight] == ["master", "master", "playlist", "segment"]
    assert [entry.status for entry in ts.preflight] == [302, 200, 200, 200]
    assert [entry.kind for entry in fmp4.preflight] == ["master", "playlist", "segment"]
    assert len({entry.connection for entry in ts.preflight}) == 1


def test_every_request_and_every_byte_is_counted_alike_by_both_sides(told: Told) -> None:
    """Bodies and heads; a redirect is a request for the master playlist."""
    footer = told.run.footer
    assert footer is not None
    assert footer.complete
    print(f"requests by us {footer.totals.requests}, by nginx {dict(kinds(told.log))}")
    print(f"body bytes by us {footer.totals.bytes}, by nginx {sum(entry.body for entry in told.log)}")
    assert footer.totals.errors == 0
    assert footer.totals.requests == kinds(told.log)
    assert footer.totals.bytes == sum(entry.body for entry in told.log)
    assert footer.totals.head_bytes == sum(entry.sent - entry.body for entry in told.log)
    assert {entry.status for entry in told.log} <= {200, 302}


def test_as_many_viewers_join_as_nginx_redirected(ts: Told) -> None:
    """And the plateau is held, give or take what independent arrivals scatter."""
    assert ts.run.footer is not None
    assert sum(entry.status == 302 for entry in ts.log) == ts.run.footer.totals.joins
    plateau = [window for window in ts.run.windows if 5 <= window.at < 24]
    seconds = Counter[int]()
    for window in plateau:
        seconds[window.at] += window.players.viewers
    assert all(170 <= viewers <= 230 for viewers in seconds.values()), seconds


def test_nobody_fetches_a_segment_twice_or_leaves_one_out(ts: Told) -> None:
    for entries in ts.by_viewer.values():
        numbers = [int(Path(entry.uri).stem) for entry in entries if entry.kind == "segment"]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True


def test_nobody_needs_more_than_two_connections(ts: Told) -> None:
    """One for playlists and one for segments, kept alive; a browser would open as many."""
    connections = {viewer: {entry.connection for entry in entries} for viewer, entries in ts.by_viewer.items()}
    assert max(len(used) for viewer, used in connections.items() if viewer) <= 2


def test_every_viewer_reloads_the_playlist_at_the_rate_of_the_rfc(ts: Told) -> None:
    """RFC 8216 §6.3.4: a target duration after a change, half of one without; within 5 % for each viewer."""
    judged = 0
    for entries in ts.by_viewer.values():
        loads = [entry for entry in entries if entry.kind == "playlist"]
        if len(loads) < 4:
            continue
        judged += 1
        wanted = reload_intervals(loads)
        waited = [after.started - before.started for before, after in pairwise(loads)]
        assert sum(waited) == pytest.approx(sum(wanted), rel=0.05)
        assert all(one > rule - 0.1 for one, rule in zip(waited, wanted, strict=True)), "came too early"
    assert judged > 150


def reload_intervals(loads: list[Entry]) -> list[float]:
    """What the RFC wants after each load but the last; the first playlist a viewer sees is a new one."""
    versions = ["", *(entry.version for entry in loads[:-1])]
    return [TARGET_DURATION if old != new else TARGET_DURATION / 2 for old, new in pairwise(versions)]


@pytest.mark.parametrize(("region", "renditions"), [("id", {"low", "mid"}), ("in", {"high"})])
def test_latency_is_what_nginx_measured(ts: Told, region: str, renditions: set[str]) -> None:
    """nginx throttles the highest rendition, so there is something to measure; 25 ms are for two busy cores."""
    ours = ts.latency(region)
    theirs = sorted(
        entry.seconds for entry in ts.log if entry.kind == "segment" and Path(entry.uri).parent.name in renditions
    )
    assert ours.count == len(theirs)
    for quantile in (0.5, 0.9):
        expected = theirs[int(quantile * (len(theirs) - 1))]
        print(f"{region} p{quantile * 100:g}: {ours.quantile(quantile):.4f} s by us, {expected:.3f} s by nginx")
        assert ours.quantile(quantile) == pytest.approx(expected, rel=0.05, abs=0.025)


def test_every_viewer_of_fragmented_mp4_fetches_the_init_segment_once(fmp4: Told) -> None:
    assert fmp4.run.footer is not None
    totals = fmp4.run.footer.totals
    watching = {entry.connection for entry in fmp4.log if entry.kind == "init"}
    assert totals.requests["init"] == len(watching)
    assert totals.starts <= totals.requests["init"] <= totals.joins
