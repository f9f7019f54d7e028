"""Virtual time: how many times faster than real time, how much memory, and how far from a real run.

``python -m benchmarks.simulate [--json OUT] [--only speed|error]``, about four minutes. Speed is CPU time of one
process with 10,000 viewers held for two minutes, weighted and one by one; the error is against a rehearsal of the
bundled scenario on this machine, with its stage.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from loadtests.scenario import BUNDLED, Scenario, read_scenario
from loadtests.simulated import write_simulation
from loadtests.staging.cluster import ADDRESSES
from surgecast.simulating import SimulateOptions, errors_of, spare_the_collector, world_of
from tests.real.processes import fresh_port

VIEWERS: Final = 10_000
SECONDS: Final = 120
NODES: Final = 24
"""Of the bundled stage's size: room for all of them."""


def steady(seconds: int) -> Scenario:
    """So many viewers from the first second on."""
    data = read_scenario(BUNDLED).model_dump(mode="json")
    data["surge"] = {"shape": "flash_crowd", "baseline": VIEWERS - 1, "peak": VIEWERS, "hold": f"{seconds}s"}
    data["surge"] |= dict.fromkeys(("warm_up", "quiet", "ramp", "fall"), "1s")
    data["gate"] = []
    return Scenario.model_validate(data)


def alone(weight: str, seconds: int, out: Path) -> dict[str, float]:
    """One simulation in this process, its file written: simulated over CPU seconds, requests, peak memory."""
    plan = steady(seconds)
    spare_the_collector()
    began = time.process_time()
    world = world_of(plan, SimulateOptions(nodes=str(NODES), weight=weight))
    told = write_simulation(world, out)
    busy = time.process_time() - began
    errors = errors_of(told)
    return {
        "weight": world.weight,
        "times_real_time": plan.surge.duration / busy,
        "requests_simulated_per_cpu_second": errors["requests"].value / world.weight / busy,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **{f"standard_error_{name}": one.relative for name, one in errors.items()},
    }


def speed(weight: str, seconds: int) -> dict[str, float]:
    """`alone` in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "benchmarks.simulate", "--alone", weight, str(seconds), name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def error() -> dict[str, Any]:
    """The model's error against a real rehearsal, which takes as long as the scenario does."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), fresh_port()
        text = json.dumps(moved(read_scenario(BUNDLED), port))
        (folder / "scenario.yaml").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "surgecast"]
        plan = str(folder / "scenario.yaml")
        real, simulated = str(folder / "real"), folder / "simulated"
        subprocess.run([*command, "rehearse", plan, "--out", real], check=True, stdout=subprocess.DEVNULL)
        against = [*command, "simulate", plan, "--against", real, "--out", str(simulated)]
        subprocess.run(against, check=False)
        found: dict[str, Any] = json.loads((simulated / "simulation.json").read_text(encoding="utf-8"))["against"]
    return found


def moved(plan: Scenario, port: int) -> dict[str, Any]:
    """The scenario with its stage on a free port."""
    data = plan.model_dump(mode="json")
    nodes = ",".join(f"127.0.0.{number}" for number in ADDRESSES[: plan.target.nodes])
    data["target"] |= {
        "url": f"http://stage.surgecast.test:{port}/live/master.m3u8",
        "resolve": [f"stage.surgecast.test:{port}:{nodes}"],
    }
    return data


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=("speed", "error"))
    parser.add_argument("--alone", nargs=3, metavar=("WEIGHT", "SECONDS", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        weight, seconds, out = options.alone
        print(json.dumps(alone(weight, int(seconds), Path(out) / "run")))
        return
    figures: dict[str, Any] = {}
    if options.only != "error":
        print(f"{VIEWERS:,} viewers, held: weight, times real time, requests per core-second, MB")
        for weight, seconds in (("auto", SECONDS), ("10", SECONDS), ("1", SECONDS // 4)):
            row = figures[f"weight {weight}"] = speed(weight, seconds)
            print(
                f"{row['weight']:>8,.0f}{row['times_real_time']:>12,.1f}"
                f"{row['requests_simulated_per_cpu_second']:>12,.0f}{row['megabytes']:>8,.0f}",
                flush=True,
            )
    if options.only != "speed":
        figures["error"] = error()
    if options.json:
        about = {
            "benchmark": "simulate",
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
            "python": platform.python_version(),
        }
        options.json.write_text(json.dumps(about | figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
