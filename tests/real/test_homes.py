"""Who runs where, with processes: labels are kept, each region has its own target, and no viewer is lost with a worker.

A worker is killed, frozen, told to stop, or has no colleague: either its viewers are back on others and the run says
how long that took, or the run is INVALID. Never silently fewer.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from loadtests.arrivals import arrivals
from loadtests.results import GAP_LIMIT, Footer, Gap
from loadtests.run import RUN_FILE, Run, read_run
from loadtests.scenario import read_scenario
from loadtests.staging import Cluster
from tests.real.processes import Started, fresh_port, locust, surgecast, until
from tests.real.scenarios import REGIONS, plan, surge, write

pytestmark = pytest.mark.slow

INVALID: Final = 3
BAD_INPUT: Final = 2
SECONDS: Final = 30
SHAPE: Final = surge(30, 60, (1, 1, 1, SECONDS - 4, 1))


class Team:
    """A master and its workers on this machine, each in a process of its own."""

    def __init__(self, folder: Path, scenario: Path, labels: Mapping[str, str], stack: ExitStack) -> None:
        self.out = folder / "run"
        self.port = fresh_port()
        words = ["--scenario", scenario, "--headless", "--only-summary", "--out", self.out]
        master = locust(*words, "--master", "--expect-workers", len(labels))
        self.master = stack.enter_context(Started(master, folder, name="master", master_port=self.port))
        self.workers: dict[str, Started] = {}
        for name, label in labels.items():
            command = locust("--worker", *(["--region-label", label] if label else []))
            started = Started(command, folder, name=name, master_port=self.port)
            self.workers[name] = stack.enter_context(started)

    def recorded(self, seconds: int) -> Callable[[], bool]:
        file = self.out / RUN_FILE
        return lambda: file.exists() and file.stat().st_size > 0 and read_run(self.out).seconds >= seconds

    def until(self, seconds: int) -> None:
        """Wait until so many seconds of the run are on disk."""
        self.master.until(self.recorded(seconds), f"{seconds} seconds of the run")

    def run(self) -> Run:
        return read_run(self.out)

    def footer(self) -> Footer:
        footer = self.run().footer
        assert footer is not None
        return footer


@contextmanager
def team(folder: Path, origin: Cluster, labels: Mapping[str, str], **changes: Any) -> Iterator[Team]:
    changes = {"surge": SHAPE, "target": {"resolve": [*origin.resolve]}, **changes}
    with ExitStack() as stack:
        yield Team(folder, write(folder, plan(origin.url, **changes)), labels, stack)


def carried(run: Run) -> dict[str, set[int]]:
    """The viewers that each worker reported, second by second."""
    found: dict[str, set[int]] = {}
    for line in run.generators:
        found.setdefault(line.worker, set()).add(line.viewers)
    return found


def present(run: Run) -> dict[int, Counter[str]]:
    """Viewers by second and region."""
    seconds: dict[int, Counter[str]] = {}
    for window in run.windows:
        seconds.setdefault(window.at, Counter())[window.region] += window.players.viewers
    return seconds


def planned(folder: Path, run: Run, at: int) -> Counter[str]:
    """Viewers by region that the plan has present at the end of a second."""
    everyone = arrivals(read_scenario(folder / "scenario.yaml"))
    return Counter(viewer.region for viewer in everyone if viewer.join_at <= at + 1 < viewer.leave_at)


def assert_all_are_there(folder: Path, run: Run, since: int, until: int) -> None:
    """As many viewers of each region as planned in every second, give or take who comes or goes at its border."""
    seen = present(run)
    for at in range(since, until):
        wanted = planned(folder, run, at)
        for region in wanted:
            assert abs(seen[at][region] - wanted[region]) <= 3, f"second {at}: {seen[at]}, planned {wanted}"


def the_gap(run: Run) -> Gap:
    assert run.footer is not None
    (gap,) = run.footer.gaps
    (note,) = [note for note in run.notes if note.kind == "rehomed"]
    assert Gap.model_validate(note.data) == gap
    return gap


def test_labelled_workers_carry_their_region_and_nobody_elses(origin: Cluster, tmp_path: Path) -> None:
    """60 % of the viewers are in id, 40 % in in: two workers share the first, the unlabelled one has the others."""
    shape = surge(40, 100, (1, 1, 1, 4, 1))
    with team(tmp_path, origin, {"a": "id", "b": "", "c": "id,br"}, surge=shape) as run_by:
        assert run_by.master.wait(60) == 0, run_by.master.stderr
        run = run_by.run()
        assert run_by.footer().complete
        assert run_by.footer().gaps == ()
        by_worker = Counter[str]()
        at_5 = {line.worker: line.viewers for line in run.generators if line.at == 5}
        windows = present(run)[5]
        by_worker.update(at_5)
    assert sorted(by_worker.values())[-1] == pytest.approx(windows["in"], abs=4) or windows["in"] in by_worker.values()
    wanted = Counter[tuple[str, int]]()
    for viewer in arrivals(read_scenario(tmp_path / "scenario.yaml")):
        if viewer.join_at <= 6 < viewer.leave_at:
            wanted[viewer.region, viewer.number % 2 if viewer.region == "id" else 0] += 1
    found, due = sorted(by_worker.values()), sorted(wanted.values())
    assert len(found) == len(due) == 3
    assert all(abs(one - other) <= 3 for one, other in zip(found, due, strict=True)), (found, due)


def test_a_region_without_a_worker_is_refused_before_any_load(origin: Cluster, tmp_path: Path) -> None:
    before = sum(row.requests for node in origin.metrics() for row in node.served)
    with team(tmp_path, origin, {"a": "id", "b": "br"}) as run_by:
        assert run_by.master.wait(40) == BAD_INPUT, run_by.master.stderr
    assert "no worker may carry in: every worker there has other labels" in run_by.master.stderr
    assert "→ start a worker with --region-label in, or one without a label" in run_by.master.stderr
    assert not (run_by.out / RUN_FILE).exists()
    assert sum(row.requests for node in origin.metrics() for row in node.served) - before == 3, "the look alone"


def test_an_unknown_label_is_refused_where_the_worker_starts(tmp_path: Path, origin: Cluster) -> None:
    with team(tmp_path, origin, {"a": "atlantis"}) as run_by:
        assert run_by.workers["a"].wait(40) == BAD_INPUT
        assert "--region-label: no such region: 'atlantis'" in run_by.workers["a"].stderr


def test_a_killed_workers_viewers_are_back_on_the_others(origin: Cluster, tmp_path: Path) -> None:
    """kill -9: five seconds until its silence is noticed, four over which they come back; the run stays whole."""
    with team(tmp_path, origin, {"a": "", "b": "", "c": ""}) as run_by:
        run_by.until(4)
        run_by.workers["a"].process.send_signal(signal.SIGKILL)
        assert run_by.master.wait(70) == 0, run_by.master.stderr
    run, footer = run_by.run(), run_by.footer()
    gap = the_gap(run)
    print(gap, footer)
    assert gap.regions == ("id", "in")
    assert 8 <= gap.until - gap.since <= GAP_LIMIT
    assert (footer.complete, footer.ending) == (True, "finished")
    assert (footer.workers_expected, footer.workers_heard) == (3, 2)
    assert sum(gap.viewers.values()) >= 15
    assert [note.kind for note in run.notes] == ["worker_lost", "rehomed"]
    assert_all_are_there(tmp_path, run, gap.until + 1, SECONDS - 2)
    lost = present(run)[gap.since + 3].total()
    assert lost < 0.8 * planned(tmp_path, run, gap.since + 3).total(), "they were missing meanwhile, and it shows"


def test_where_nobody_may_carry_them_the_run_ends_invalid(origin: Cluster, tmp_path: Path) -> None:
    budgets = ["startup p50 < 5s"]
    with team(tmp_path, origin, {"a": "id", "b": "in"}, gate=budgets) as run_by:
        run_by.until(3)
        run_by.workers["a"].process.send_signal(signal.SIGKILL)
        run_by.master.wait(40)
    run, footer = run_by.run(), run_by.footer()
    assert (footer.complete, footer.ending) == (False, "worker_lost")
    assert footer.at < SECONDS - 5, "it does not go on with fewer"
    (gap,) = footer.gaps
    assert gap.is_open
    assert gap.regions in (("id",), ("in",))
    assert f"nobody is left to carry {gap.regions[0]}" in run_by.master.stderr
    assert [note.kind for note in run.notes] == ["worker_lost"]
    with Started(surgecast("gate", run_by.out), tmp_path / "gate") as gate:
        assert gate.wait(30) == INVALID, gate.stderr


def test_a_frozen_worker_finds_its_viewers_gone_and_drops_them(origin: Cluster, tmp_path: Path) -> None:
    """SIGSTOP for 8 s: when it wakes, others carry them; nobody is driven twice."""
    with team(tmp_path, origin, {"a": "", "b": ""}) as run_by:
        run_by.until(4)
        victim = run_by.workers["a"].process
        victim.send_signal(signal.SIGSTOP)
        stopped = run_by.run().seconds
        until(run_by.recorded(stopped + 7), "seven seconds without it", 40)
        victim.send_signal(signal.SIGCONT)
        assert run_by.master.wait(70) == 0, run_by.master.stderr
    run, footer = run_by.run(), run_by.footer()
    gap = the_gap(run)
    assert footer.complete
    assert [note.kind for note in run.notes][:2] == ["worker_lost", "rehomed"] or "worker_back" in {
        note.kind for note in run.notes
    }
    assert_all_are_there(tmp_path, run, gap.until + 1, SECONDS - 2)
    after = {line.viewers for line in run.generators if line.worker == gap.worker and line.at > gap.until}
    assert after <= {0}, "it drives nobody any more"


def test_a_worker_that_is_told_to_stop_leaves_cleanly_and_its_viewers_move_at_once(
    origin: Cluster, tmp_path: Path
) -> None:
    """SIGTERM, as an evicted pod gets it: its last report comes, and the gap is shorter than after a silence."""
    with team(tmp_path, origin, {"a": "", "b": ""}) as run_by:
        run_by.until(4)
        run_by.workers["a"].process.send_signal(signal.SIGTERM)
        assert run_by.workers["a"].wait(20) == 0, run_by.workers["a"].stderr
        assert run_by.master.wait(70) == 0, run_by.master.stderr
    run, footer = run_by.run(), run_by.footer()
    gap = the_gap(run)
    assert (footer.complete, footer.workers_heard) == (True, 2)
    assert gap.until - gap.since <= 7
    assert [note.kind for note in run.notes] == ["worker_left", "rehomed"]
    assert_all_are_there(tmp_path, run, gap.until + 1, SECONDS - 2)


def test_when_the_master_dies_the_workers_stop_the_load(origin: Cluster, tmp_path: Path) -> None:
    """Nobody records what they do: they give up within seconds, where Locust alone would go on for a minute."""
    with team(tmp_path, origin, {"a": "", "b": ""}) as run_by:
        run_by.until(3)
        run_by.master.process.kill()
        until(lambda: quiet(origin), "the origin left alone", 30)


def quiet(origin: Cluster) -> bool:
    before = sum(row.requests for node in origin.metrics() for row in node.served)
    time.sleep(3.0)
    return sum(row.requests for node in origin.metrics() for row in node.served) == before


def test_each_region_watches_its_own_target_seen_from_its_own_worker(tmp_path: Path) -> None:
    """The master cannot reach in's target: the name resolves only where a worker of that region is told how."""
    with ExitStack() as stack:
        here = stack.enter_context(Cluster(1, port=fresh_port()))
        there = stack.enter_context(Cluster(1, port=fresh_port()))
        regions = {
            "id": REGIONS["id"],
            "in": {**REGIONS["in"], "target": {"url": there.url, "resolve": [*there.resolve]}},
        }
        shape = surge(20, 40, (1, 1, 1, 3, 1))
        changes = {"regions": regions, "surge": shape}
        run_by = stack.enter_context(team(tmp_path, here, {"a": "in", "b": "id"}, **changes))
        assert run_by.master.wait(60) == 0, run_by.master.stderr
        run = run_by.run()
        served = {
            name: Counter({row.kind: row.requests for node in cluster.metrics() for row in node.served})
            for name, cluster in (("id", here), ("in", there))
        }
    for region, cluster in served.items():
        asked = sum(
            one.requests["master"].count for one in run.windows if one.region == region and one.requests.get("master")
        )
        assert asked > 0
        assert cluster["master"] == asked + 1, f"{region}: its viewers and one look"
