"""Stage, load, gate, as a user does: a healthy origin passes, a slow one fails, a throttled generator is INVALID."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from loadtests.run import RUN_FILE, read_run
from loadtests.staging import Cluster
from loadtests.wiring import stopping
from surgecast import aborting
from tests.real.processes import Started, fresh_port, surgecast
from tests.real.scenarios import plan, surge, write

pytestmark = pytest.mark.slow

BUDGETS = """budgets:
- segment.ttfb p95 < 200ms during peak
- error_rate < 1% during peak
- {metric: stall_ratio, below: 2%, phase: peak, for: 5s}
"""
SURGE = surge(60, 120, (1, 1, 2, 11, 1))
Tending = Callable[[Started], None]


@pytest.fixture(scope="module")
def healthy() -> Iterator[Cluster]:
    with Cluster(1, port=fresh_port()) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def slow() -> Iterator[Cluster]:
    with Cluster(1, port=fresh_port(), latency=0.3) as cluster:
        yield cluster


def scenario(folder: Path, origin: Cluster, **changes: object) -> Path:
    return write(folder, plan(origin.url, surge=SURGE, target={"resolve": [*origin.resolve]}, **changes))


def loaded(folder: Path, origin: Cluster, *words: str, tend: Tending = lambda _: None) -> tuple[int, Started]:
    """A load run into ``folder/run``; its exit code."""
    (folder / "budgets.yaml").write_text(BUDGETS, encoding="utf-8")
    command = surgecast("load", scenario(folder, origin), "--out", folder / "run", *words)
    with Started(command, folder, name="load") as load:
        tend(load)
        return load.wait(45), load


def gated(folder: Path, *words: str) -> tuple[int, Started]:
    """The gate's exit code over that run."""
    command = surgecast("gate", folder / "run", "--budgets", folder / "budgets.yaml", *words)
    with Started(command, folder, name="gate") as gate:
        return gate.wait(30), gate


def states(folder: Path) -> dict[str, str]:
    verdict = json.loads((folder / "run" / "verdict.json").read_text(encoding="utf-8"))
    return {one["budget"]: one["state"] for one in verdict["judged"]}


def test_a_healthy_origin_keeps_its_budgets(healthy: Cluster, tmp_path: Path) -> None:
    assert loaded(tmp_path, healthy)[0] == 0
    code, gate = gated(tmp_path)
    assert code == 0, gate.stdout + gate.stderr
    assert set(states(tmp_path).values()) == {"PASS"}


def test_the_same_load_on_two_processes_has_the_same_verdict(healthy: Cluster, tmp_path: Path) -> None:
    assert loaded(tmp_path, healthy, "--processes", "2")[0] == 0
    code, gate = gated(tmp_path)
    assert code == 0, gate.stdout + gate.stderr


def test_three_hundred_milliseconds_more_break_a_budget(slow: Cluster, tmp_path: Path) -> None:
    assert loaded(tmp_path, slow)[0] == 0
    code, gate = gated(tmp_path)
    assert code == 99, gate.stdout + gate.stderr
    assert states(tmp_path)["segment.ttfb p95 < 200ms during peak"] == "FAIL"


def throttled(load: Started) -> None:
    """Let the load process run in short bursts only, as on a machine that somebody else uses.

    The bursts keep no time: players poll on the second, and bursts on the second would not be noticed.
    """
    load.until((load.folder / "run" / RUN_FILE).exists, "the run's file")
    children = psutil.Process(load.process.pid).children()
    deadline = time.monotonic() + 40
    while load.process.poll() is None and time.monotonic() < deadline:
        for signal_number, seconds in ((signal.SIGSTOP, 0.47), (signal.SIGCONT, 0.14)):
            for child in children:
                if child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
                    os.kill(child.pid, signal_number)
            time.sleep(seconds)


def test_a_throttled_generator_is_invalid(healthy: Cluster, tmp_path: Path) -> None:
    loaded(tmp_path, healthy, tend=throttled)
    code, gate = gated(tmp_path)
    assert code == 3, gate.stdout + gate.stderr
    assert "the load generator was the limit" in gate.stdout


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=["single", "processes"])
def test_a_broken_budget_ends_the_run_early_and_whole(
    slow: Cluster, tmp_path: Path, processes: tuple[str, ...]
) -> None:
    stop = tmp_path / "stop.yaml"
    stop.write_text("- segment.ttfb p95 < 200ms during peak abort after 2s\n", encoding="utf-8")
    code, load = loaded(tmp_path, slow, "--budgets", str(stop), "--abort", *processes)
    assert code == 99, load.stderr
    run = read_run(tmp_path / "run")
    assert run.footer is not None
    assert (run.footer.ending, run.footer.complete) == ("aborted", False)
    assert run.footer.workers_heard == run.footer.workers_expected
    assert run.footer.at < 15
    (note,) = (one for one in run.notes if one.kind == "aborted")
    assert "segment.ttfb p95 < 200ms" in note.text
    assert not (tmp_path / "run" / stopping.ABORT_FILE).exists()
    (tmp_path / "budgets.yaml").write_text(stop.read_text(encoding="utf-8") + "- error_rate < 1%\n", encoding="utf-8")
    code, gate = gated(tmp_path)
    assert code == 99, gate.stdout
    assert states(tmp_path)["error_rate < 1%"] == "INVALID"


def test_bad_budgets_are_told_before_any_load(healthy: Cluster, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("budgets:\n- stall_ratio < 1%\n- startup p95 < 2s in xx\n", encoding="utf-8")
    code, load = loaded(tmp_path, healthy, "--budgets", str(bad), "--abort")
    assert code == 2
    assert f"{bad}:3: in: no region 'xx'" in load.stderr
    assert not (tmp_path / "run").exists()


def test_both_sides_know_the_same_file() -> None:
    assert aborting.ABORT_FILE == stopping.ABORT_FILE
