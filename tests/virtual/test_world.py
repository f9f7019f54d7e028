"""A whole simulation: deterministic, nothing lost, weights that tell the same story."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.results import Totals, Window
from loadtests.run import read_run
from loadtests.simulated import write_simulation
from loadtests.virtual.edge import Edge
from loadtests.virtual.origin import EVERYWHERE, OriginPlan
from tests.virtual.worlds import lived, world

TIGHT = OriginPlan(nodes={EVERYWHERE: 1}, egress=20e6, rps=120.0)
"""Less than the peak asks for: it refuses and stalls."""
PROGRAM = """
import sys
from pathlib import Path
from loadtests.simulated import write_simulation
from tests.virtual.worlds import world
write_simulation(world(150, 3), Path(sys.argv[1]))
"""


def test_the_same_world_gives_the_same_file_in_every_process(tmp_path: Path) -> None:
    digests = set()
    for seed in ("0", "1", "77"):
        folder = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", PROGRAM, str(folder)], check=True, env=environment)
        digests.add(hashlib.sha256((folder / "run.jsonl").read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("plan", [None, TIGHT], ids=["room", "tight"])
def test_every_request_comes_to_an_end(plan: OriginPlan | None) -> None:
    simulation, windows = lived(world(200, plan=plan))
    loop = simulation.loop
    counted = sum(Totals.of(windows).requests.values())
    assert loop.asked == loop.answered + loop.failed + simulation.cut == counted
    nodes = simulation.origin.nodes
    assert sum(node.taken + node.refused for node in nodes) >= loop.answered
    assert not loop.visits
    refused = sum(node.refused for node in nodes)
    assert (refused > 0) == (plan is TIGHT)


def test_viewers_who_come_also_go() -> None:
    _, windows = lived(world(200))
    players = [window.players for window in windows]
    assert sum(one.joins for one in players) == sum(one.leaves for one in players) > 200
    assert max(sum(w.players.viewers for w in windows if w.at == at) for at in range(55)) == pytest.approx(200, rel=0.2)


def ratio(windows: list[Window]) -> float:
    stalled = sum(window.players.stall_seconds for window in windows)
    return stalled / (stalled + sum(window.players.play_seconds for window in windows))


def test_weights_tell_the_same_story_within_their_errors() -> None:
    whole, windows = lived(world(3000, plan=OriginPlan(nodes={EVERYWHERE: 12}, egress=50e6)))
    part, weighted = lived(world(3000, 10, plan=OriginPlan(nodes={EVERYWHERE: 12}, egress=50e6)))
    for name in ("present", "requests", "bits"):
        known, found = whole.sums.total(name), part.sums.total(name)
        assert known.error == 0.0
        assert 0 < found.relative < 0.06
        assert abs(found.value - known.value) < 3 * found.error
    assert ratio(weighted) == pytest.approx(part.sums.stall_ratio().value, abs=1e-4)
    assert abs(ratio(weighted) - ratio(windows)) < 3 * part.sums.stall_ratio().error + 0.01


def test_weighted_counts_are_multiples() -> None:
    _, windows = lived(world(200, 7))
    assert all(one.count % 7 == one.total.count % 7 == 0 for window in windows for one in window.requests.values())


def test_the_file_is_a_whole_run_that_says_what_it_is(tmp_path: Path) -> None:
    told = write_simulation(world(150, 3), tmp_path)
    run = read_run(tmp_path)
    assert run.header.simulated is not None
    assert run.header.simulated.weight == 3
    assert run.header.scenario.target.nodes == 2
    assert run.footer is not None
    assert run.footer.complete
    assert told.sessions * 3 == run.footer.totals.joins


def test_an_edge_takes_the_load_off_the_nodes() -> None:
    bare, _ = lived(world(300))
    plan = OriginPlan(nodes={EVERYWHERE: 2}, egress=200e6, rps=2000.0, edge=Edge(ttl=1.0))
    cached, windows = lived(world(300, plan=plan))
    asked = [sum(node.taken for node in one.origin.nodes) for one in (bare, cached)]
    assert asked[1] < asked[0] / 5
    hits = sum(one.cache.get("hit", 0) for window in windows for one in window.requests.values())
    misses = sum(one.cache.get("miss", 0) for window in windows for one in window.requests.values())
    assert misses == asked[1]
    assert hits / (hits + misses) > 0.8


def test_an_edge_with_a_hit_share_keeps_to_it() -> None:
    plan = OriginPlan(nodes={EVERYWHERE: 2}, egress=200e6, edge=Edge(hit=0.75))
    simulation, _ = lived(world(300, plan=plan))
    taken = sum(node.taken for node in simulation.origin.nodes)
    assert taken / simulation.loop.asked == pytest.approx(0.25, abs=0.02)


def test_regions_have_nodes_of_their_own() -> None:
    plan = OriginPlan(nodes={"id": 1, "in": 4, "br": 4}, egress=12e6)
    simulation, windows = lived(world(200, plan=plan))
    stalled = {code: ratio([w for w in windows if w.region == code]) for code in ("id", "in", "br")}
    assert stalled["id"] > 0.02
    assert stalled["br"] < 0.005
    assert len(simulation.origin.pools["in"]) == 4
