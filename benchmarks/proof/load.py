"""One run under load: the surge as a curve, the scenario around it, and Locust driving it as any user would."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.proof.drawn import Drawn
from benchmarks.proof.nodes import Stage, bit_rates
from loadtests.arrivals import arrivals
from loadtests.errors import SurgecastError
from loadtests.run import Run, read_run
from loadtests.scenario import Scenario

START: Final = {2: 3, 4: 2}
"""Target durations behind live at which players begin, all of which a joiner fetches at once; by segment length."""
BASELINE: Final = 0.45
"""Of the peak: what is there before the surge, and shows what a healthy viewer costs."""
OVER: Final = 1.03
"""The surge's curve is cut off at the peak, which it would pass by this much, so that it gets there."""
QUIET: Final = 18
"""Seconds at the baseline."""
HOLD: Final = 30
"""Seconds at the peak: what one tenth of a node too little takes to become a second of waiting, three times over."""
COUNTED: Final = 0.004
"""How far those who really come, and the bit rate they ask for, may be from what is planned. Arrivals are a Poisson
process, which strays by 3 % with a thousand viewers; the seed of the full load is one with which it does not."""
SEEDS: Final = 2000


@dataclass(frozen=True, slots=True)
class Curve:
    """Concurrent viewers: a warm-up, a quiet time, a surge that slows down as it nears the peak, a hold.

    A joiner costs what ``tau`` seconds of watching cost. With N(t) = top - (top - N0) · e^(-t / tau) watching and
    joining together ask for N + tau · N' = top at every moment: the ramp asks for no more than the hold does.
    """

    peak: float
    tau: float
    quiet: int = QUIET
    hold: int = HOLD
    """Seconds, both."""

    @property
    def warm_up(self) -> float:
        """Seconds until the baseline is there, its joins spread so that they cost no more than 0.7 of the peak."""
        return math.ceil(-self.tau * math.log(1 - BASELINE / 0.7))

    @property
    def ramp(self) -> float:
        """Seconds from baseline to peak."""
        return math.ceil(self.tau * math.log((OVER - BASELINE) / (OVER - 1)))

    def viewers(self, at: float) -> float:
        """At ``at`` seconds."""
        if at < self.warm_up:
            return self.peak * min(BASELINE, 0.7 * (1 - math.exp(-at / self.tau)))
        since = max(0.0, at - self.warm_up - self.quiet)
        return self.peak * min(1.0, OVER - (OVER - BASELINE) * math.exp(-since / self.tau))

    def surge(self) -> dict[str, Any]:
        """As a scenario says it: a replay of points, a second apart."""
        end = int(self.warm_up + self.quiet + self.ramp + self.hold)
        points = []
        for at in range(end + 1):
            raised = min(1.0, at / self.warm_up)  # the replay raises its curve from nobody by this factor itself
            first = self.peak * 0.7 * self.warm_up / self.tau
            points.append((at, round(self.viewers(at) / raised if at else first, 2)))
        return {"shape": "replay", "warm_up": f"{self.warm_up:g}s", "quiet": f"{self.quiet}s", "points": points}


def joining(drawn: Drawn) -> float:
    """Seconds of watching that a joiner costs."""
    return float(START[drawn.segment] * drawn.segment)


def scenario(drawn: Drawn, stage: Stage, nodes: int, curve: Curve, seed: int) -> Scenario:
    """What is rehearsed and run: nobody leaves, so as many watch as are wanted."""
    renditions = {step: f"{share:.0%}" for step, share in drawn.mix.items()}
    cohort = {"share": "100%", "access": drawn.access, "renditions": renditions}
    data = {
        "name": f"proof-{drawn.seed}-{drawn.number}",
        "summary": "A random cluster of the proof by experiment.",
        "target": {
            "url": stage.url,
            "owner": "benchmarks.proof on this machine",
            "nodes": nodes,
            "resolve": [stage.resolve],
            "ca_file": stage.ca_file,
        },
        "stream": {"protocol": "hls"},
        "player": {"player": drawn.player, "live_edge": START[drawn.segment]},
        "surge": curve.surge(),
        "regions": {
            drawn.region: {
                "share": "100%",
                "cohorts": {"all": cohort},
                **({"shaping": "full", "pop": drawn.pop} if drawn.shaped else {}),
            }
        },
        "stay": {"zappers": "0%", "median": "1000h", "spread": 0.1, "home": "0%"},
        "launch": {"target_utilisation": "100%", "zones": 1, "spare_nodes": 0, "underprovision_weight": 1},
        "seed": seed,
    }
    return Scenario.model_validate(data)


def counted_on(plan: Scenario, audience: int) -> Scenario:
    """The plan with the next seed by which the audience comes, and asks for what its mix of renditions does."""
    rates = bit_rates()
    cohorts = [cohort for part in plan.regions.values() for cohort in part.cohorts.values()]
    asked = audience * sum(share * rates[step] for one in cohorts for step, share in one.renditions.items())
    for seed in range(plan.seed, plan.seed + SEEDS):
        found = plan.model_copy(update={"seed": seed})
        come = [rates[viewer.rendition] for viewer in arrivals(found)]
        if abs(len(come) - audience) <= COUNTED * audience and abs(sum(come) - asked) <= COUNTED * asked:
            return found
    raise SurgecastError(f"none of {SEEDS} seeds brings {audience} viewers")


def drive(plan: Scenario, folder: Path, before: Sequence[str]) -> Run:
    """Run the load into ``folder``, which is there, with the words ``before`` in front. The run, whole or not."""
    place = folder / "scenario.yaml"
    place.write_text(json.dumps(plan.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    words = [*before, sys.executable, "-m", "surgecast", "load", str(place), "--out", str(folder / "run")]
    with (folder / "load.log").open("wb") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            process.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if not (folder / "run" / "run.jsonl").exists():
        raise SurgecastError(f"no run: {(folder / 'load.log').read_text(encoding='utf-8')[-500:]}")
    return read_run(folder / "run")
