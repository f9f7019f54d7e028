"""The model beside a real run of the same scenario: a stage that is too small for its viewers, on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from loadtests.scenario import Scenario
from tests.real.processes import fresh_port
from tests.virtual.worlds import scenario


def small(port: int) -> Scenario:
    """Two hundred viewers for some 50 seconds, on two nodes that are full at the peak."""
    data = scenario(240).model_dump(mode="json")
    data["surge"]["baseline"] = 60
    data["target"] |= {
        "url": f"http://stage.surgecast.test:{port}/live/master.m3u8",
        "resolve": [f"stage.surgecast.test:{port}:127.0.0.1,127.0.0.2"],
    }
    data["staging"] = {"egress": "17Mbps", "requests_per_second": 400.0}
    data["gate"] = []
    return Scenario.model_validate(data)


@pytest.mark.slow
def test_the_model_is_as_near_to_a_real_run_as_it_says(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(yaml.safe_dump(small(fresh_port()).model_dump(mode="json")), encoding="utf-8")
    command = [sys.executable, "-m", "surgecast"]
    subprocess.run([*command, "rehearse", str(plan), "--out", str(tmp_path / "real")], check=True, capture_output=True)
    folders = ["--against", str(tmp_path / "real"), "--out", str(tmp_path / "simulated")]
    against = [*command, "simulate", str(plan), *folders]
    done = subprocess.run(against, check=False, capture_output=True, text=True)
    told = json.loads((tmp_path / "simulated" / "simulation.json").read_text(encoding="utf-8"))["against"]
    assert [figure["name"] for figure in told["figures"]] == ["viewers", "requests", "egress", "stall_ratio"]
    assert done.returncode == 0, done.stdout
    assert told["figures"][-1]["real"] > 0.02, "nothing stalled: the test compares nothing"
