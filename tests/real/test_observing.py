"""Servers observed in real runs: the stage by itself, one of its nodes killed meanwhile, and nginx by its own page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadtests.results import Target
from loadtests.run import Run, read_run
from tests.real.nginx import Nginx
from tests.real.processes import Started, fresh_port, surgecast
from tests.real.scenarios import plan, surge, write

pytestmark = pytest.mark.slow

SHAPE = surge(30, 60, (3, 6, 8, 8, 1))
KILLED = {"fault": "node_kill", "at": "14s", "for": "4s", "node": 1, "recover_within": "3s"}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rehearsal of two nodes, one of which is killed for a while."""
    folder = tmp_path_factory.mktemp("observed")
    port = fresh_port()
    target = {"nodes": 2, "resolve": [f"stage.surgecast.test:{port}:127.0.0.1,127.0.0.2"]}
    rest = {"staging": {"egress": "200Mbps"}, "faults": [KILLED], "launch": {"audience": {"id": 400, "in": 200}}}
    url = f"http://stage.surgecast.test:{port}/live/master.m3u8"
    file = write(folder, plan(url, target=target, surge=SHAPE, **rest))
    with Started(surgecast("rehearse", file, "--out", folder / "run"), folder) as rehearsal:
        assert rehearsal.wait(120) == 0, rehearsal.stderr
    return folder / "run"


def told(run: Run, node: str) -> list[Target]:
    return [line for line in run.targets if line.node == node]


def test_a_rehearsal_observes_its_stage_by_itself(staged: Path) -> None:
    run = read_run(staged)
    assert run.footer is not None
    assert run.footer.complete
    assert {line.source for line in run.targets} == {"stage"}
    whole = told(run, "node-0")
    assert len(whole) >= 0.9 * run.seconds
    assert all(line.cpu is not None and line.memory for line in whole[1:])
    assert max(line.delay for line in whole) < 1.0


def test_what_the_servers_count_is_what_viewers_got(staged: Path) -> None:
    """Before the node is killed: requests, and bits on the wire."""
    run = read_run(staged)
    until = 12
    ours = [kind for window in run.windows if window.at < until for kind in window.requests.values()]
    theirs = [line for line in run.targets if line.at < until]
    requests = sum((line.requests or 0.0) * line.seconds for line in theirs)
    bits = sum((line.sent or 0.0) * line.seconds for line in theirs)
    assert requests == pytest.approx(sum(kind.count for kind in ours), rel=0.15)
    assert bits == pytest.approx(8 * sum(kind.bytes + kind.head_bytes for kind in ours), rel=0.15)


def test_a_node_that_is_killed_leaves_a_gap_and_comes_back(staged: Path) -> None:
    run = read_run(staged)
    kinds = [note.kind for note in run.notes if note.kind.startswith("observer_")]
    assert kinds == ["observer_silent", "observer_back"]
    killed = told(run, "node-1")
    assert not [line for line in killed if 15 < line.at < 17.5]
    back = [line for line in killed if line.at > 17.5]
    assert back
    assert back[0].requests is None, "its counters began anew"


def test_the_report_shows_the_nodes(staged: Path) -> None:
    advice = json.loads((staged / "advice.json").read_text(encoding="utf-8"))
    assert [node["node"] for node in advice["servers"]["nodes"]] == ["node-0", "node-1"]
    assert "node-1" in (staged / "report.md").read_text(encoding="utf-8")


def test_nginx_is_observed_by_its_status_page(nginx: Nginx, tmp_path: Path) -> None:
    observe = [{"observer": "nginx_status", "nodes": {"origin": nginx.url("stub_status")}, "every": "1s"}]
    file = write(tmp_path, plan(nginx.url("cmaf/master.m3u8"), target={"observe": observe}, surge=SHAPE))
    with Started(surgecast("load", file, "--out", tmp_path / "run"), tmp_path) as load:
        assert load.wait(60) == 0, load.stderr
    run = read_run(tmp_path / "run")
    assert not [note for note in run.notes if note.kind == "observer_silent"]
    assert {(line.node, line.source) for line in run.targets} == {("origin", "nginx_status")}
    looks = len(run.targets)
    counted = sum((line.requests or 0.0) * line.seconds for line in run.targets) - looks
    asked = sum(kind.count for window in run.windows for kind in window.requests.values())
    assert counted == pytest.approx(asked, rel=0.1)
    assert max(line.connections or 0.0 for line in run.targets) >= 60
