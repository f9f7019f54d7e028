"""The main job from end to end: what the advisor finds is held against the capacity that the origin declared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadtests.run import read_run
from loadtests.scenario import Scenario, read_scenario

ALLOWED = 0.15
LONGEST = 180.0
"""Seconds that `make rehearse` may take once everything is installed."""


def smaller(folder: Path) -> Path:
    """The bundled scenario with a quarter of the viewers and the capacity, and shorter phases."""
    data = read_scenario("viral-goal").model_dump(mode="json", exclude_none=True)
    data["surge"] |= {"baseline": 60, "peak": 450, "warm_up": "5s", "quiet": "12s", "ramp": "10s", "hold": "25s"}
    data["surge"] |= {"fall": "4s"}
    data["target"] |= {"url": data["target"]["url"].replace(":8800", ":8870")}
    data["target"]["resolve"] = [text.replace(":8800:", ":8870:") for text in data["target"]["resolve"]]
    data["staging"]["egress"] = "32Mbps"
    path = folder / "smaller.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


def rehearse(scenario: str, out: Path) -> subprocess.CompletedProcess[str]:
    """The command that `make rehearse` runs."""
    command = [sys.executable, "-m", "surgecast", "rehearse", scenario, "--out", str(out), "--lang", "zh"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def found_capacity(folder: Path) -> tuple[str, dict[str, Any]]:
    """The binding resource and its capacity per node."""
    capacities = json.loads((folder / "advice.json").read_text(encoding="utf-8"))["capacities"]
    model = capacities["binding"]["model"]
    return model, next(one for one in capacities["found"] if one["model"] == model)


def check(scenario: Scenario, folder: Path) -> None:
    """The run is whole, its reports are there, and the capacity found is the one declared."""
    run = read_run(folder)
    assert run.footer is not None
    assert run.footer.complete
    assert (folder / "report.html").stat().st_size > 10_000
    assert 'lang="zh' in (folder / "report.html").read_text(encoding="utf-8")
    assert scenario.staging is not None
    model, capacity = found_capacity(folder)
    assert model == "bandwidth"
    assert capacity["saturated"]
    assert capacity["per_node"]["mid"] == pytest.approx(scenario.staging.egress, rel=ALLOWED)


@pytest.mark.slow
def test_the_capacity_found_is_the_capacity_declared(tmp_path: Path) -> None:
    """A smaller copy of the bundled scenario, so that it fits a laptop's patience."""
    place = smaller(tmp_path)
    done = rehearse(str(place), tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "run" / "report.html") in done.stdout
    check(read_scenario(place), tmp_path / "run")


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("CI"), reason="takes over two minutes: run in CI, or with CI=1")
def test_the_bundled_rehearsal_finds_the_capacity_it_declared(tmp_path: Path) -> None:
    """`make rehearse` itself: at most three minutes, at least 1,500 viewers at once."""
    begun = time.monotonic()
    done = rehearse("viral-goal", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun < LONGEST
    check(read_scenario("viral-goal"), tmp_path / "run")
    present: dict[int, int] = {}
    for window in read_run(tmp_path / "run").windows:
        present[window.at] = present.get(window.at, 0) + window.players.viewers
    assert max(present.values()) >= 1500
