"""The gate's false alarms, power, speed and memory.

Runs are drawn from a declared process: a minute at 500 requests/s (Poisson), each request lognormal (sigma 0.5)
around a level of 150 ms. The level's logarithm is an AR(1) process of seconds, plus one draw per run:

    noise     AR(1) coefficient   its standard deviation   between runs
    calm                    0.5                     0.03          0.01
    usual                   0.7                     0.05          0.02
    rough                   0.7                     0.10          0.03

*False alarms* are pairs of runs of one process that ``segment.total p95 < baseline + 10%`` fails; *power* is how many
runs whose every request is 20 % slower it fails. *Coverage* is how often an interval holds the truth. The rough noise
is past what the method is made for: with it two runs of one process differ by 6 % (one standard deviation), and no
test can meet 1 % and 95 % both. Speed and memory are of one verdict in a process of its own, on a
run of 30 minutes in ten regions.

``python -m benchmarks.gate [--json OUT] [--pairs 200]``
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from advisor.gate import Tally, judge
from advisor.gate.estimate import Floats
from loadtests.budgets import read_page
from loadtests.region import load_region
from loadtests.results import Footer, Generator, Header, Players, Requests, Totals, Window, add, text_of
from loadtests.scenario import Scenario, read_scenario
from loadtests.sketch import Sketch

BUDGET: Final = "- segment.total p95 < baseline + 10% during peak"
EVERYTHING: Final = """
- startup p95 < 4s per region
- segment.ttfb p99 < 800ms
- segment.total p95 < 1s per region
- segment.total p95 < 1s over 30s
- stall_ratio < 1% per region
- error_rate < 0.5% for 10s
- live_latency p95 < 30s
- bitrate mean > 0.3Mbps
"""
QUIET, MINUTE, RATE, MEDIAN, SIGMA = 1, 60, 500, 0.150, 0.5
REGRESSION: Final = 1.20
PROBE: Final = """
import atexit, re, sys
from pathlib import Path
def peak():
    sys.stderr.write(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
atexit.register(peak)
from surgecast.cli import main
main()
"""
"""The command as it is, then its peak memory in KiB. The usual counters would tell that of its parent as well."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How much the level of latency wanders."""

    name: str
    correlation: float
    within: float
    between: float


NOISES: Final = (Noise("calm", 0.5, 0.03, 0.01), Noise("usual", 0.7, 0.05, 0.02), Noise("rough", 0.7, 0.10, 0.03))


def scenario(seconds: int, regions: Sequence[str] = ("id",), viewers: int = 1000) -> Scenario:
    """A minute's (or longer) peak."""
    data = read_scenario("viral-goal").model_dump(mode="json")
    data["surge"] = {"shape": "flash_crowd", "baseline": 1, "peak": viewers, "hold": f"{seconds}s"}
    data["surge"] |= dict.fromkeys(("warm_up", "quiet", "ramp", "fall"), f"{QUIET}s")
    data["regions"] = {code: data["regions"][code] | {"share": f"{100 / len(regions):.6f}%"} for code in regions}
    data["launch"]["audience"] = {}
    return Scenario.model_validate(data)


def levels(noise: Noise, seconds: int, dice: np.random.Generator) -> Floats:
    """The median latency of each second of a run."""
    wander = np.empty(seconds)
    state = dice.normal(0, noise.within)
    for at in range(seconds):
        wander[at] = state
        state = noise.correlation * state + dice.normal(0, noise.within * (1 - noise.correlation**2) ** 0.5)
    return np.asarray(MEDIAN * np.exp(wander + dice.normal(0, noise.between)))


def drawn(noise: Noise, dice: np.random.Generator, needed: frozenset[str], slower: float = 1.0) -> Tally:
    """A run of the process."""
    tally = Tally(needed)
    tally.open("simulated")
    start = 3 * QUIET
    windows = [
        _window(at + start, "id", 1000, slower * level * np.exp(dice.normal(0, SIGMA, dice.poisson(RATE))))
        for at, level in enumerate(levels(noise, MINUTE, dice))
    ]
    for line in _lines(scenario(MINUTE), windows):
        tally.add(line)
    tally.close()
    return tally


def _window(at: int, region: str, viewers: int, latencies: Floats) -> Window:
    total = Sketch()
    for latency in latencies:
        total.add(float(latency))
    segments = Requests(count=total.count, bytes=total.count * 100_000, total=total, ttfb=total)
    players = Players(viewers=viewers, play_seconds=viewers, bitrate_seconds=viewers * 6e5, joins=5, starts=5)
    players = players.model_copy(update={"live_latency": total, "startup": total})
    return Window(at=at, region=region, cohort="mobile", requests={"segment": segments}, players=players)


def _lines(plan: Scenario, windows: Sequence[Window]) -> Iterator[str]:
    """A whole run file."""
    seconds = int(plan.surge.duration)
    places = {code: load_region(code) for code in plan.regions}
    begun = datetime(2026, 12, 1, tzinfo=UTC)
    phases = plan.surge.phases()
    first = Header(run_id="drawn", started_at=begun, scenario=plan, regions=places, phases=phases, workers=1)
    yield text_of(first) + "\n"
    for window in windows:
        yield text_of(window) + "\n"
    for at in range(seconds):
        yield text_of(Generator(at=at, worker="w", cpu=0.3)) + "\n"
    totals = Totals()
    for window in windows:
        totals = add(totals, Totals.of([window]))
    footer = Footer(complete=True, ending="finished", at=seconds, workers_expected=1, workers_heard=1, totals=totals)
    yield text_of(footer) + "\n"


def counted(noise: Noise, pairs: int, baselines: int, slower: float, seed: int) -> dict[str, float]:
    """Shares of the verdicts over many pairs."""
    budgets = read_page("budgets", BUDGET)
    needed = frozenset(one.budget.metric for one in budgets)
    dice = np.random.default_rng(seed)
    states = []
    for _ in range(pairs):
        earlier = [drawn(noise, dice, needed) for _ in range(baselines)]
        states.append(judge(drawn(noise, dice, needed, slower), budgets, earlier).state)
    return {state: states.count(state) / pairs for state in ("PASS", "FAIL", "INVALID")}


def covered(noise: Noise, runs: int, seed: int) -> float:
    """How often the 90 % interval of a p95 holds the process's own."""
    budgets = read_page("budgets", "- segment.total p95 < 1s during peak")
    dice, alone = np.random.default_rng(seed), replace(noise, between=0.0)
    truth = MEDIAN * math.exp(NormalDist().inv_cdf(0.95) * math.hypot(SIGMA, noise.within))
    held = 0
    for _ in range(runs):
        (one,) = judge(drawn(alone, dice, frozenset({"segment.total"})), budgets).judged
        held += one.low is not None and one.high is not None and one.low <= truth <= one.high
    return held / runs


def large_run(path: Path, codes: int = 10, seconds: int = 1800) -> None:
    """Half an hour in ten regions: every region that ships, and cohorts of them beyond those."""
    plan, dice = scenario(seconds, ("id", "in", "br"), viewers=20_000), np.random.default_rng(1)
    names = [("id", "in", "br")[i % 3] for i in range(codes)]
    latencies = MEDIAN * np.exp(dice.normal(0, SIGMA, (40, 300)))
    windows = []
    for at in range(3, seconds + 3):
        for i, region in enumerate(names):
            window = _window(at, region, 2000, latencies[(at * 7 + i) % 40])
            windows.append(window.model_copy(update={"cohort": f"c{i}"}))
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_lines(plan, windows))


def measured(folder: Path) -> dict[str, float]:
    """One verdict in a process of its own: seconds and megabytes."""
    large_run(folder / "run.jsonl")
    (folder / "budgets.yaml").write_text(EVERYTHING, encoding="utf-8")
    command = [sys.executable, "-c", PROBE, "gate", str(folder), "--budgets", str(folder / "budgets.yaml")]
    begun, before = time.monotonic(), os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - begun, os.times()
    if done.returncode not in (0, 3, 99):
        sys.exit(done.stderr)
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    size = (folder / "run.jsonl").stat().st_size / 1e6
    return {"seconds": seconds, "cpu_seconds": busy, "megabytes": int(done.stderr) / 1024, "file_megabytes": size}


def main() -> None:
    """Draw, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pairs", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        speed = measured(Path(name))
    print(
        f"verdict on 30 min x 10 regions ({speed['file_megabytes']:.0f} MB): {speed['seconds']:.2f} s, "
        f"{speed['cpu_seconds']:.2f} s of CPU, {speed['megabytes']:.0f} MB"
    )
    held = covered(NOISES[1], options.pairs, seed=13)
    print(f"the 90 % interval of a p95 holds the truth in {held:.1%} of minutes of usual noise")
    print(f"{'noise':<8}{'baselines':>10}{'false alarms':>14}{'INVALID':>9}{'power':>8}{'INVALID':>9}")
    rows: list[dict[str, Any]] = []
    for noise in NOISES:
        for baselines in (1, 3):
            same = counted(noise, options.pairs, baselines, 1.0, seed=11)
            slower = counted(noise, options.pairs, baselines, REGRESSION, seed=12)
            rows.append({**asdict(noise), "baselines": baselines, "same": same, "slower": slower})
            print(
                f"{noise.name:<8}{baselines:>10}{same['FAIL']:>14.1%}{same['INVALID']:>9.1%}"
                f"{slower['FAIL']:>8.1%}{slower['INVALID']:>9.1%}",
                flush=True,
            )
    if options.json:
        figures = {
            "benchmark": "gate",
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
            "python": platform.python_version(),
            "pairs": options.pairs,
            "speed": speed,
            "covered": held,
            "rounds": rows,
        }
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
