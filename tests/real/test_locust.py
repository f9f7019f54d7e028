"""Plain Locust stays plain Locust: its options and its web UI mean what they always mean."""

from __future__ import annotations

import json
import signal
import time
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


def finished(folder: Path, *words: object) -> tuple[Run, Footer]:
    """The run that plain Locust wrote where it does when nobody says: ``runs/TIME-NAME``."""
    with Started(locust("--headless", "--only-summary", *words), folder) as load:
        assert load.wait(40) == 0, load.stderr
    (place,) = (folder / "runs").iterdir()
    run = read_run(place)
    assert place.name == run.header.run_id
    assert run.footer is not None
    return run, run.footer


def peak_of(scenario: Scenario) -> int:
    assert isinstance(scenario.surge, FlashCrowd)
    return scenario.surge.peak


def test_run_time_ends_the_run_early_and_users_is_the_peak(origin: Cluster, tmp_path: Path) -> None:
    shape = surge(20, 40, (1, 1, 1, 30, 1))
    scenario = scenario_file(tmp_path, origin, shape)
    run, footer = finished(tmp_path, "--scenario", scenario, "--run-time", "5s", "--users", "60")
    assert footer.ending == "run_time"
    assert 5 <= footer.at < 7
    assert peak_of(run.header.scenario) == 60
    viewers = sum(window.players.viewers for window in run.windows if window.at == 4)
    assert 45 <= viewers <= 75


def test_a_bundled_scenario_is_known_by_its_name(origin: Cluster, tmp_path: Path) -> None:
    """With its own target replaced, and so its owner: the claim is made anew."""
    words = ["--scenario", "viral-goal", "--target", origin.url, "--resolve", origin.resolve[0]]
    run, footer = finished(tmp_path, *words, "--i-own-this-target", "--run-time", "2")
    assert run.header.scenario.name == "viral-goal"
    assert run.header.scenario.target.owner == "claimed on the command line"
    assert footer.totals.requests["master"] == footer.totals.joins > 0


def test_our_options_have_a_help_text(tmp_path: Path) -> None:
    """Locust's own ``--help`` speaks before it reads any locustfile, so ours is that of `surgecast load`."""
    with Started(surgecast("load", "--help"), tmp_path) as command:
        assert command.wait(20) == 0
    options = ("--target", "--target-nodes", "--resolve", "--ca-file", "--out", "--processes", "--run-time", "--web")
    assert all(option in command.stdout for option in (*options, "--i-own-this-target", "Example: surgecast load "))


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
        assert users_equal_viewers(first, seen)
        ui.post("/swarm")
        command.until(lambda: ui.state() == "stopped", "the planned end")
        second = read_run(tmp_path / "run-2")
        command.process.send_signal(signal.SIGTERM)
        assert command.wait(10) == 0
    assert first.footer is not None
    assert (first.footer.complete, first.footer.ending) == (False, "stopped")
    assert second.footer is not None
    assert (second.footer.complete, second.footer.ending) == (True, "finished")


def users_equal_viewers(run: Run, seen: list[tuple[float, int]]) -> bool:
    viewers = [sum(window.players.viewers for window in run.windows if window.at == second) for second in range(7)]
    zero = run.header.started_at.timestamp()
    print(f"viewers per second {viewers}; users seen {[(round(at - zero, 1), users) for at, users in seen]}")
    for at, users in seen:
        second = int(at - zero)
        if 2 <= second < run.seconds - 2:
            near = viewers[second - 2 : second + 3]
            assert min(near) - 2 <= users <= max(near) + 2
    return True
