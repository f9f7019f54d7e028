"""Where each microsecond per request goes: kernel, engine, player, recorder, Locust.

The same paced load (8,000 viewers, 20 KB segments, one process on one core) is driven by the engine's loop alone,
then with the player's arithmetic, then with the recorder, then inside Locust with seats, journal and statistics. A
layer costs what it adds to the CPU per request in user space; medians over alternating rounds. The kernel's part is
that of the whole: from ``perf`` (CPU clock, 997 samples a second, by where the sample fell) where there is perf,
otherwise the system's own split of user and system time, which counts by ticks. Requests are counted by nginx.

``python -m benchmarks.cost [--json OUT] [--rounds 3] [--seconds 8] [--viewers 8000]``
"""

from __future__ import annotations

import math
import sys
import time
from functools import partial
from typing import Any, Final

from benchmarks.rig import ours
from benchmarks.rig.bench import RATES, US, Bench, benching
from benchmarks.rig.layers import LAYERS
from benchmarks.rig.machine import on_core
from benchmarks.rig.measured import Climbed, Measured, Told, follow, put_together
from benchmarks.rig.report import HEAD, noise, options, spread, write
from benchmarks.rig.running import core_of, started
from benchmarks.rig.servers import Servers
from benchmarks.rig.work import Work

LEAD: Final = 5.0
"""Seconds to start Python and read the scenario."""
WHOLE: Final = "Locust"
"""The last layer: everything, as the product runs."""


def climb_layer(layer: str, work: Work, servers: Servers) -> list[Measured]:
    """The loop without Locust."""
    told = work.model_copy(update={"epoch": time.time() + LEAD})
    command = on_core(core_of(work), sys.executable, "-m", "benchmarks.rig.layers", layer)
    with started(command, told) as process:
        climbed = follow(told, told.epoch, servers, process)
    return [put_together(told, _told(told, one), one) for one in climbed]


def _told(work: Work, climbed: Climbed) -> Told:
    """What nginx answered: there may be no recorder to ask."""
    before, after = climbed.before, climbed.after
    rate = (after.requests - before.requests) / (after.at - before.at)
    return Told(work.stairs.levels[-1], rate, math.nan, 0, after.connections - before.connections, math.nan)


def measure(bench: Bench, layer: str, viewers: int) -> Measured:
    """One layer and all below it."""
    work = bench.work(f"{US}: {layer}", (viewers,), rate=RATES[US], sampled=True)
    climb = ours.climb if layer == WHOLE else partial(climb_layer, layer)
    return bench.once(work, climb, verdict="")


def attribute(found: dict[str, list[Measured]]) -> dict[str, float]:
    """Microseconds per request of each part, which add up to the whole."""
    user, whole, kernel = {}, {}, {}
    for layer, rounds in found.items():
        seen = [spread(one.microseconds for one in rounds), spread(one.microseconds_in_kernel for one in rounds)]
        whole[layer], kernel[layer] = (one.median if one else math.nan for one in seen)
        user[layer] = whole[layer] - kernel[layer]
    parts = {"kernel": kernel[WHOLE], "engine": user["engine"]}
    parts |= {layer: user[layer] - user[below] for below, layer in zip(found, list(found)[1:], strict=False)}
    return {**parts, "whole": whole[WHOLE]}


def main() -> None:
    """Measure, print, write."""
    parser = options(__doc__, rounds=3, seconds=8)
    parser.add_argument("--viewers", type=int, default=8000)
    chosen = parser.parse_args()
    layers = [*LAYERS, WHOLE]
    found: dict[str, list[Measured]] = {layer: [] for layer in layers}
    with benching("cost", chosen.seconds) as bench:
        for number in range(chosen.rounds):
            print(f"round {number + 1}\n{HEAD}")
            for layer in layers[:: 1 if number % 2 == 0 else -1]:
                found[layer].append(measure(bench, layer, chosen.viewers))
    parts = attribute(found)
    sampled = not math.isnan(bench.all[0].kernel_share)
    print(f"\nus of CPU per request at {chosen.viewers:,} viewers, kernel by {'perf' if sampled else 'ticks'}:")
    for part, each in parts.items():
        print(f"  {part:<10}{each:>6.1f}")
    print(noise(bench.all))
    spreads = {layer: spread(one.microseconds for one in rounds) for layer, rounds in found.items()}
    figures: dict[str, Any] = {
        "viewers": chosen.viewers,
        "kernel_by": "perf" if sampled else "ticks",
        "microseconds_per_request": parts,
        "microseconds_per_request_up_to": spreads,
    }
    write(chosen.json, "cost", figures, bench.all)


if __name__ == "__main__":
    main()
