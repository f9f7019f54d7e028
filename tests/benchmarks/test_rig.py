"""What the benchmarks stand on: all clients get the same work, and *held* means one thing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import loadtests.protocols
import loadtests.shapes
from benchmarks.rig import ours, search
from benchmarks.rig.measured import Measured
from benchmarks.rig.report import ratio, spread
from benchmarks.rig.work import PER_VIEWER, Stairs, Work
from benchmarks.rig.wrk import paths
from loadtests import plugins
from loadtests.arrivals import arrivals
from loadtests.scenario import Scenario

PLAN = Stairs(levels=(300, 330, 660), rate=100.0, hold=3)
HELD = Measured(
    client="any",
    level=1000,
    viewers=1000,
    seconds=5.0,
    requests=1000 * PER_VIEWER,
    body_bytes=math.nan,
    cpu=0.5,
    kernel=0.2,
    kernel_share=math.nan,
    others=0.0,
    server_cpu=0.2,
    server_core=0.2,
    lag_p99=0.001,
    errors=0,
    reconnects=0,
    joins=math.nan,
    connections=0.0,
    answered=1000 * PER_VIEWER,
    private_bytes=math.nan,
    socket_buffer_bytes=0,
    slab_bytes=0,
)


@pytest.fixture(autouse=True)
def _plugins_of_the_benchmarks_stay_here() -> Iterator[None]:
    packages = (loadtests.protocols, loadtests.shapes)
    before = [list(package.__path__) for package in packages]
    yield
    for package, path in zip(packages, before, strict=True):
        package.__path__[:] = path
    plugins.names.cache_clear()


def work(tmp_path: Path) -> Work:
    origins = ("http://127.0.0.1:9200", "http://127.0.0.1:9210")
    return Work(client="surgecast", origins=origins, stairs=PLAN, out=str(tmp_path / "one"))


def test_when_a_step_is_measured_all_of_its_viewers_have_joined_and_no_other() -> None:
    joins = list(PLAN.joins())
    assert joins == sorted(joins)
    for step in PLAN.steps():
        assert sum(join < step.start for join in joins) == step.viewers
        assert not any(step.start <= join < step.end for join in joins)


def test_phases_are_even_after_the_first_ramp() -> None:
    first = [join for join in PLAN.joins() if join < PLAN.steps()[0].start]
    for quarter in range(4):
        assert sum(int(join) % 4 == quarter for join in first) == len(first) / 4


def test_our_arrivals_follow_the_same_plan(tmp_path: Path) -> None:
    viewers = list(arrivals(ours.scenario(work(tmp_path))))
    for step in PLAN.steps():
        present = sum(viewer.join_at < step.start for viewer in viewers)
        assert abs(present - step.viewers) < 4 * math.sqrt(step.viewers)
        assert not any(step.start <= viewer.join_at < step.end for viewer in viewers)


def test_workers_are_sent_a_scenario_that_they_can_read(tmp_path: Path) -> None:
    scenario = ours.scenario(work(tmp_path))
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario


def test_work_survives_the_way_to_the_client(tmp_path: Path) -> None:
    one = work(tmp_path)
    assert Work.model_validate_json(one.write().read_text(encoding="utf-8")) == one


@pytest.mark.parametrize(
    "change",
    [{"cpu": 0.91}, {"lag_p99": 0.021}, {"lag_p99": math.nan}, {"errors": 1}, {"requests": 1000 * PER_VIEWER * 0.97}],
)
def test_held_takes_all_four(change: dict[str, float]) -> None:
    assert HELD.held
    assert not replace(HELD, **change).held  # type: ignore[arg-type]


def test_what_was_not_measured_is_absent_from_the_figures() -> None:
    figures = HELD.figures()
    assert "joins" not in figures
    assert "private_bytes" not in figures
    assert figures["microseconds_per_request"] == pytest.approx(0.5 / 750 * 1e6)
    assert spread([math.nan]) is None
    assert ratio(spread([2.0, 4.0]), spread([math.nan])) is None


@pytest.mark.parametrize("limit", [40, 700, 1390, 5000, 30_000])
def test_the_search_finds_what_is_held_within_five_per_cent(limit: int) -> None:
    def climb(levels: tuple[int, ...]) -> list[Measured]:
        assert levels
        return [replace(HELD, viewers=level, requests=level * PER_VIEWER, cpu=0.89 * level / limit) for level in levels]

    wide = search.best(search.coarse(climb, 1400, 80_000))
    assert wide is not None
    narrow = search.best(search.fine(climb, wide.viewers, 80_000, 20))
    assert narrow is not None
    assert limit / 1.06 <= narrow.viewers <= limit * 1.02


def test_a_client_that_holds_nothing_ends_the_search() -> None:
    assert search.best(search.coarse(lambda levels: [replace(HELD, viewers=levels[0], cpu=1.0)], 1400, 80_000)) is None


def test_wrk_asks_for_the_same_mix() -> None:
    assert paths("s20.ts 2") == ["p.m3u8", "p.m3u8", "s20.ts"]
    assert paths("s250.ts 0") == ["s250.ts"]
    assert paths("- 1") == ["p.m3u8"]
