"""`surgecast load --locally`: the parts that a cluster would run, as processes; what a lost one leaves in the footer.

And what a probe of `k8s/probes` does: one viewer, judged.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml

from loadtests.run import RUN_FILE, read_run
from loadtests.scenario import read_scenario
from loadtests.staging import Cluster
from surgecast.manifests.probes import probe_scenario
from surgecast.manifests.scenario_file import scenario_text
from tests.real.processes import Started, surgecast
from tests.real.scenarios import plan, surge, write

pytestmark = pytest.mark.slow

LONG = surge(30, 60, (1, 1, 1, 21, 1))


@contextmanager
def load(folder: Path, origin: Cluster, *words: object, **changes: object) -> Iterator[Started]:
    scenario = write(folder, plan(origin.url, target={"resolve": [*origin.resolve]}, **changes))
    command = surgecast("load", scenario, "--locally", "--out", folder / "run", *words)
    with Started(command, folder) as started:
        yield started


def worker_of(started: Started, region: str) -> psutil.Process:
    """The first worker of a region among the processes of the command."""
    found = [one for one in started.members() if one.cmdline()[-4:-2] == ["--region-label", region]]
    return min(found, key=lambda process: process.create_time())


def test_a_worker_killed_within_the_run_is_a_gap_in_the_footer(origin: Cluster, tmp_path: Path) -> None:
    with load(tmp_path, origin, "--workers", "id=2", surge=LONG) as started:
        run = tmp_path / "run"
        file = run / RUN_FILE
        started.until(lambda: file.exists() and file.stat().st_size > 0 and read_run(run).seconds >= 6, "six seconds")
        os.kill(worker_of(started, "id").pid, signal.SIGKILL)
        code = started.wait(60)
        assert code == 0, started.stderr
        assert started.stdout.strip() == str(run)
        assert "ended with -9" in started.stderr
        started.until_gone(10)
    footer = read_run(run).footer
    assert footer is not None
    assert footer.complete
    assert (footer.workers_expected, footer.workers_heard) == (3, 2)
    (gap,) = footer.gaps
    assert gap.regions == ("id",), "nobody else's viewers were missing"
    assert not gap.is_open
    assert sum(gap.viewers.values()) > 0
    assert f"{gap.worker} was lost: viewers of id were missing" in started.stderr


def test_the_only_worker_of_a_region_cannot_be_made_up_for(origin: Cluster, tmp_path: Path) -> None:
    with load(tmp_path, origin, surge=LONG) as started:
        run = tmp_path / "run"
        file = run / RUN_FILE
        started.until(lambda: file.exists() and file.stat().st_size > 0 and read_run(run).seconds >= 4, "four seconds")
        worker_of(started, "in").kill()
        assert started.wait(60) == 3, started.stderr
    footer = read_run(run).footer
    assert footer is not None
    assert (footer.complete, footer.ending) == (False, "worker_lost")
    assert [gap.is_open for gap in footer.gaps] == [True]


def test_workers_watch_the_target_of_their_region(origin: Cluster, tmp_path: Path) -> None:
    """With an address that only one region's workers are told, its viewers and no others ask there."""
    with Cluster(1, port=origin.nodes[0].port + 1) as other:
        data = plan(origin.url, target={"resolve": [*origin.resolve]})
        regions = yaml.safe_load(yaml.safe_dump(data["regions"]))
        regions["in"]["target"] = {"url": other.url, "resolve": [*other.resolve]}
        with load(tmp_path, origin, regions=regions) as started:
            assert started.wait(60) == 0, started.stderr
        joins = sum(window.players.joins for window in read_run(tmp_path / "run").windows if window.region == "in")
        masters = sum(row.requests for node in other.metrics() for row in node.served if row.kind == "master")
    assert joins > 0
    assert masters == joins + 1, "each of them, and the look before"


def test_a_probe_watches_and_is_judged(origin: Cluster, tmp_path: Path) -> None:
    scenario = write(tmp_path, plan(origin.url, target={"resolve": [*origin.resolve]}))
    probe = tmp_path / "probe.yaml"
    probe.write_text(scenario_text(probe_scenario(read_scenario(scenario), "id")), encoding="utf-8")
    with Started(surgecast("load", probe, "--out", tmp_path / "run"), tmp_path) as started:
        assert started.wait(90) == 0, started.stderr
    with Started(surgecast("gate", tmp_path / "run"), tmp_path, name="gate") as judged:
        assert judged.wait(30) == 0, judged.stdout
    footer = read_run(tmp_path / "run").footer
    assert footer is not None
    assert footer.totals.joins <= 3
