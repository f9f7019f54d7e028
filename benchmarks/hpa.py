"""Autoscaling: how fast settings are tried, how exactly, and what the search costs for ten regions.

``python -m benchmarks.hpa [--json OUT] [--hours 24] [--candidates 500]``, about a minute. One day of 15-second
decisions for ten regions, so many settings each: all at once (`sweep`), beside one after the other (`live`), on one
core, CPU time. The ratio is of decisions per CPU second in one run on one machine. Both must come to the same numbers.

``--real [KUBECONFIG]`` instead drives the HPA controller of the kubeconfig's current context for eight minutes, with an
external metric that this process serves, and holds each of its decisions against the simulator (docs/autoscaling.md).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from advisor.autoscale.behavior import Behavior
from advisor.autoscale.choice import FAST, Case, choose
from advisor.autoscale.hpa import SYNC
from advisor.autoscale.keda import Cron, ScaledObject, Threshold
from advisor.autoscale.nodes import Nodes
from advisor.autoscale.scaling import drawn
from advisor.autoscale.sweep import Floats, Setting, sweep
from advisor.autoscale.world import Workload, live
from advisor.plans.lead import time_to_capacity
from benchmarks.rig.hpa_cluster import watched
from benchmarks.rig.machine import facts
from loadtests.errors import CannotMeasure, InputError
from loadtests.launch import Waits

REGIONS: Final = 10
UNNAMED: Final = Path()
"""``--real`` alone: the kubeconfig is the one that ``SURGECAST_TEST_KUBECONFIG`` names."""
ENOUGH: Final = 20
"""Decisions of a real controller, of the 32 that eight minutes have, below which nothing is said (assumed)."""
BY_ONE: Final = 6
"""Settings that are lived alone, for the ratio."""


def days(hours: float) -> Floats:
    """Calm, a surge of ten times in two minutes, an hour at the peak, calm again; each region at another hour."""
    at = np.arange(int(hours * 3600 / SYNC)) * SYNC
    rows = []
    for region in range(REGIONS):
        begin = at[-1] * (region + 1) / (REGIONS + 2)
        rise = 1.0 / (1.0 + np.exp(-np.clip((at - begin - 60) / 12, -50, 50)))
        rows.append(2_000 + 18_000 * rise * (at < begin + 3600))
    return np.stack(rows)


def settings(candidates: int, seconds: float) -> list[Setting]:
    """So many settings in every region."""
    found = []
    for region in range(REGIONS):
        for index in range(candidates):
            triggers: tuple[Threshold | Cron, ...] = (Threshold(50.0 + index % 40),)
            if index % 2:
                triggers += (Cron(seconds * (region + 1) / (REGIONS + 2) - 600, seconds, 50 + index % 150),)
            least = 20 + index % 30
            behavior = FAST if index % 3 else Behavior()
            spec = ScaledObject(triggers, least, 600, behavior=behavior)
            nodes = Nodes(4, 15 + index % 20, placeholders=index % 16)
            found.append(Setting(region, Workload(100.0), spec, nodes, least))
    return found


def tried(hours: float, candidates: int) -> dict[str, Any]:
    """All at once, and a few one by one."""
    demand = days(hours)
    lanes = settings(candidates, hours * 3600)
    wall, begun = time.perf_counter(), time.process_time()
    outcomes = sweep(demand, lanes)
    swept, wall = time.process_time() - begun, time.perf_counter() - wall
    picks = [index * len(lanes) // BY_ONE for index in range(BY_ONE)]
    begun = time.process_time()
    for index in picks:
        one = lanes[index]
        course = live(demand[one.region].tolist(), one.workload, one.spec, one.nodes, start=one.start, tick=SYNC)
        if abs(course.unmet_share - outcomes.unmet_share[index]) > 1e-9:
            raise AssertionError(
                f"setting {index}: {course.unmet_share} alone, {outcomes.unmet_share[index]} in the sweep"
            )
    alone = time.process_time() - begun
    decisions = demand.shape[1] * len(lanes)
    return {
        "decisions": decisions,
        "sweep_cpu_s": swept,
        "sweep_wall_s": wall,
        "decisions_per_cpu_s": decisions / swept,
        "alone_decisions_per_cpu_s": demand.shape[1] * len(picks) / alone,
        "ratio": (decisions / swept) / (demand.shape[1] * len(picks) / alone),
    }


def chosen() -> dict[str, Any]:
    """The whole search of ten regions: an hour with a surge, waits drawn, second by second at the end."""
    at = np.arange(3600.0)
    demand = 2_000 + 18_000 / (1.0 + np.exp(-np.clip((at - 1860) / 12, -50, 50)))
    draws = drawn(time_to_capacity(Waits()))
    cases = [
        Case(demand, Workload(100.0), Nodes(4, 5, lead=30.0 * (1 + region)), draws=draws) for region in range(REGIONS)
    ]
    begun = time.process_time()
    found = choose(cases)
    return {
        "search_cpu_s": time.process_time() - begun,
        "settings": sum(one.tried for one in found),
        "verdicts": [one.verdict for one in found],
        "held": [one.held.share if one.held else None for one in found],
    }


def real(options: argparse.Namespace) -> int:
    """0 where all decisions agree, 1 where one does not, 2 without a controller, 3 where it decided too rarely."""
    named = os.environ.get("SURGECAST_TEST_KUBECONFIG") if options.real == UNNAMED else options.real
    try:
        found = watched(Path(named) if named else None, options.seconds, options.advertise)
    except InputError as error:
        print(f"benchmarks.hpa: {error}", file=sys.stderr)
        return error.exit_code
    apart = found.differences()
    count, version = max(0, len(found.syncs) - 1), ".".join(map(str, found.version))
    print(f"{count} decisions of Kubernetes {version}, {len(apart)} differ")
    for one in apart:
        print(f"  {one}")
    if options.json:
        syncs = [asdict(one) for one in found.syncs]
        figures = {"date": datetime.now(UTC).isoformat(), "version": found.version, "syncs": syncs}
        options.json.write_text(json.dumps({**figures, "differences": [str(one) for one in apart]}, indent=1), "utf-8")
    return 1 if apart else 0 if count >= ENOUGH else CannotMeasure.exit_code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="OUT")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--candidates", type=int, default=500)
    parser.add_argument("--real", type=Path, metavar="KUBECONFIG", nargs="?", const=UNNAMED)
    parser.add_argument("--seconds", type=float, default=480.0, help="with --real: how long")
    parser.add_argument("--advertise", default="", help="with --real: this machine, as the API server sees it")
    options = parser.parse_args()
    if options.real is not None:
        sys.exit(real(options))
    speed, search = tried(options.hours, options.candidates), chosen()
    print(f"{speed['decisions']:,} decisions: {speed['sweep_cpu_s']:.1f} s of CPU ({speed['sweep_wall_s']:.1f} s)")
    print(
        f"per CPU second: {speed['decisions_per_cpu_s']:,.0f} at once, {speed['alone_decisions_per_cpu_s']:,.0f} alone"
    )
    print(f"ratio {speed['ratio']:,.0f}; the same numbers in {BY_ONE} of {BY_ONE} settings")
    print(f"search of {REGIONS} regions, {search['settings']} settings: {search['search_cpu_s']:.1f} s of CPU")
    if options.json:
        figures = {"machine": facts(), "date": datetime.now(UTC).isoformat(), "sweep": speed, "search": search}
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
