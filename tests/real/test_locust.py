"""Plain Locust stays plain Locust: its options and its web UI mean what they always mean."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from loadtests.results import Footer
from loadtests.run import Run, read_run
from loadtests.scenario import Scenario
from loadtests.shapes.flash_crowd import FlashCrowd
from loadtests.staging import Cluster
from tests.real.processes import Started, fresh_port, locust, surgecast
from tests.real.scenarios import QUICK, plan, surge, write

pytestmark = pytest.mark.slow


def scenario_file(folder: Path, origin: Cluster, shape: dict[str, object] = QUICK) -> Path:
    return write(folder, plan(origin.url, surge=shape, target={"resolve": [*origin.resolve]}))


@pytest.fixture(scope="module")
def runs(origin: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Two runs of plain Locust at the same time, written where they go when nobody says: ``runs/TIME-NAME``."""
    file = scenario_file(tmp_path_factory.mktemp("path"), origin, surge(20, 40, (1, 1, 1, 30, 1)))
    target = ["--target", origin.url, "--resolve", origin.resolve[0], "--i-own-this-target"]
    words: dict[str, list[object]] = {
        "path": ["--scenario", file, "--run-time", "4s", "--users", "60"],
        "name": ["--scenario", "viral-goal", *target, "--run-time", "2"],
    }
    found = {}
    with ExitStack() as stack:
        folders = {way: tmp_path_factory.mktemp(way) for way in words}
        commands = {way: locust("--headless", "--only-summary", *given) for way, given in words.items()}
        loads = {way: stack.enter_context(Started(commands[way], folders[way])) for way in words}
        for way, load in loads.items():
            assert load.wait(40) == 0, load.stderr
            (place,) = (load.folder / "runs").iterdir()
            found[way] = read_run(place)
            assert place.name == found[way].header.run_id
    return found


def footer_of(run: Run) -> Footer:
    assert run.footer is not None
    return run.footer


def peak_of(scenario: Scenario) -> int:
    assert isinstance(scenario.surge, FlashCrowd)
    return scenario.surge.peak


def test_run_time_ends_the_run_early_and_users_is_the_peak(runs: dict[str, Run]) -> None:
    run = runs["path"]
    footer = footer_of(run)
    assert (footer.complete, footer.ending) == (True, "run_time")
    assert 4 <= footer.at < 6
    assert peak_of(run.header.scenario) == 60
    viewers = sum(window.players.viewers for window in run.windows if window.at == 3)
    assert 45 <= viewers <= 75


def test_a_bundled_scenario_is_known_by_its_name(runs: dict[str, Run]) -> None:
    """With its own target replaced, and so its owner: the claim is made anew."""
    run = runs["name"]
    assert run.header.scenario.name == "viral-goal"
    assert run.header.scenario.target.owner == "claimed on the command line"
    totals = footer_of(run).totals
    assert totals.requests["master"] == totals.joins > 0


def test_our_options_have_a_help_text(tmp_path: Path) -> None:
    """Locust's own ``--help`` speaks before it reads any locustfile, so ours is that of `surgecast load`."""
    with Started(surgecast("load", "--help"), tmp_path) as command:
        assert command.wait(20) == 0
    options = ("--target", "--target-nodes", "--resolve", "--ca-file", "--out", "--processes", "--run-time", "--web")
    assert all(option in command.stdout for option in (*options, "--i-own-this-target", "Example:"))


class WebUi:
    """Locust's web UI, driven as a browser drives it."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> dict[str, object]:
        with urlopen(self.base + path, timeout=5) as answer:
            found = json.load(answer)
        assert isinstance(found, dict)
        return found

    def post(self, path: str, **form: object) -> None:
        with urlopen(self.base + path, urlencode(form).encode(), timeout=15) as answer:
            assert json.load(answer)["success"]

    def up(self) -> bool:
        try:
            self.get("/stats/requests")
        except OSError:
            return False
        return True

    def watch(self, seconds: float) -> list[tuple[float, int]]:
        """Locust's user count over time, twice a second."""
        seen = []
        end = time.time() + seconds
        while time.time() < end:
            users = self.get("/stats/requests")["user_count"]
            assert isinstance(users, int)
            seen.append((time.time(), users))
            time.sleep(0.5)
        return seen

    def state(self) -> object:
        return self.get("/stats/requests")["state"]


def test_the_web_ui_starts_shows_stops_and_starts_again(origin: Cluster, tmp_path: Path) -> None:
    """Locust's users are our viewers, within what joins and leaves in a second; each start writes a run of its own."""
    port = fresh_port()
    words = ["--web-host", "127.0.0.1", "--web-port", str(port), "--out", tmp_path / "run"]
    with Started(locust(*words, "--scenario", scenario_file(tmp_path, origin)), tmp_path) as command:
        ui = WebUi(port)
        command.until(ui.up, "the web UI")
        ui.post("/swarm")
        seen = ui.watch(6.0)
        ui.post("/stop")
        first = read_run(tmp_path / "run")
        assert_users_are_viewers(first, seen)
        ui.post("/swarm")
        command.until(lambda: ui.state() == "stopped", "the planned end")
        second = read_run(tmp_path / "run-2")
        command.process.send_signal(signal.SIGTERM)
        assert command.wait(10) == 0
    assert (footer_of(first).complete, footer_of(first).ending) == (False, "stopped")
    assert (footer_of(second).complete, footer_of(second).ending) == (True, "finished")


def assert_users_are_viewers(run: Run, seen: list[tuple[float, int]]) -> None:
    """A user count lies among the viewers of its second and its neighbours."""
    viewers = [
        sum(window.players.viewers for window in run.windows if window.at == second) for second in range(run.seconds)
    ]
    zero = run.header.started_at.timestamp()
    print(f"viewers at the end of each second {viewers}; users {[(round(at - zero, 1), users) for at, users in seen]}")
    judged = [(int(at - zero), users) for at, users in seen if 1 <= at - zero < run.seconds]
    assert len(judged) >= 5
    for second, users in judged:
        near = viewers[max(second - 2, 0) : second + 2]
        assert min(near) <= users <= max(near), f"{users} users in second {second}"
