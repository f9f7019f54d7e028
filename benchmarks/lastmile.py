"""What a last mile costs and whether it is the one asked for: microseconds and bytes a viewer, mean, variation, memory.

Viewers are those of the bundled scenario, all three regions shaped with their own mix. Times are the fastest of the
rounds, on one core; bytes are Python's own count (``tracemalloc``). What comes of each network is over 20 visits
of 50,000 seconds.

``python -m benchmarks.lastmile [--json OUT] [--rounds 7]``
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.rig.machine import facts
from loadtests.arrivals import arrivals
from loadtests.lastmile import LastMile, LastMiles, deliver
from loadtests.scenario import BUNDLED, Scenario, read_scenario

SECONDS: Final = 50_000
VISITS: Final = 20


def shaped() -> Scenario:
    """The bundled scenario, every viewer with a last mile of its region."""
    data = read_scenario(BUNDLED).model_dump(mode="json")
    for region in data["regions"].values():
        region |= {"shaping": "full", "pop": "singapore"}
        for cohort in region["cohorts"].values():
            cohort["access"] = "mixed"
    return Scenario.model_validate(data)


def cost(rounds: int, times: int, work: Callable[[], object]) -> float:
    """Microseconds of one of ``times`` things that ``work`` does, in the fastest round."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best / times * 1e6


def drive(mile: LastMile) -> None:
    """Ask for every second."""
    delivery = deliver(mile)
    for second in range(SECONDS):
        delivery.rate(second)


def trips(mile: LastMile) -> None:
    """Ask for many round trips."""
    delivery = deliver(mile)
    for request in range(SECONDS):
        delivery.round_trip(request)


def delivered(mile: LastMile) -> dict[str, float]:
    """What comes of it: shares of what was asked for, and the memory of the throughput itself."""
    visits = [deliver(mile._replace(seed=seed)) for seed in range(VISITS)]
    rates = np.array([[visit.rate(second) for second in range(SECONDS)] for visit in visits]) / mile.rate
    dead = rates == 0
    whole = [visit[visit > 0] for visit in rates] if dead.any() else list(rates)
    return {
        "mean": float(np.mean(rates)),
        "variation": float(np.mean([visit.std() / visit.mean() for visit in whole])),
        "memory": float(np.mean([np.corrcoef(visit[:-1], visit[1:])[0, 1] for visit in whole])),
        "outages": float(np.mean(dead)),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="OUT")
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    scenario = shaped()
    miles, viewers = LastMiles(scenario), list(arrivals(scenario))
    drawn = [mile for mile in map(miles.of, viewers) if mile is not None]
    kinds = {mile.variation: mile for mile in drawn}
    worst = max(kinds.values(), key=lambda mile: mile.outages)
    costs = {
        "draw": cost(chosen.rounds, len(viewers), lambda: [miles.of(viewer) for viewer in viewers]),
        "deliver": cost(chosen.rounds, len(drawn), lambda: [deliver(mile) for mile in drawn]),
        "second": cost(chosen.rounds, SECONDS, lambda: drive(worst)),
        "second left out": cost(chosen.rounds, SECONDS, lambda: deliver(worst).rate(SECONDS)),
        "round trip": cost(chosen.rounds, SECONDS, lambda: trips(worst)),
    }
    tracemalloc.start()
    kept = [deliver(mile) for mile in map(miles.of, viewers) if mile is not None]
    size = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    found: dict[str, Any] = {}
    print("\n".join(f"{what:>16}: {each:6.2f} µs" for what, each in costs.items()), f"\n{size:.0f} bytes a viewer\n")
    print("network: asked for, then delivered over a million seconds (memory asked for is that of the logarithm)")
    for mile in kinds.values():
        seen = found[f"{mile.variation:g}"] = delivered(mile)
        asked = (1 - mile.outages, mile.variation, mile.memory, mile.outages)
        for (what, figure), wanted in zip(seen.items(), asked, strict=True):
            print(f"  {what:>10}: {wanted:6.3f} → {figure:6.3f}")
        print()
    if chosen.json:
        told = {"machine": facts(), "date": datetime.now(UTC).isoformat(), "rounds": chosen.rounds}
        told |= {"microseconds": costs, "bytes": size, "delivered": found}
        chosen.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
