"""What a run asks of each of its workers at the peak: how many viewers, and where they connect to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from loadtests.arrivals import arrivals
from loadtests.engine.request import Origin
from loadtests.homes import Homes
from loadtests.limits import Need
from loadtests.preflight import Look
from loadtests.scenario import Scenario

Series = npt.NDArray[np.float64]


def needs_of(scenario: Scenario, homes: Homes, seen: Mapping[str, Look]) -> dict[str, Need]:
    """By worker, where ``seen`` is what each region's target looks like; regions may peak at different times."""
    seconds = math.ceil(scenario.surge.duration) + 1
    changes = {region: np.zeros(seconds + 1) for region in scenario.regions}
    for viewer in arrivals(scenario):
        changes[viewer.region][math.ceil(viewer.join_at)] += 1
        changes[viewer.region][math.ceil(viewer.leave_at)] -= 1
    present = {region: np.cumsum(each)[:seconds] / len(homes.regions[region]) for region, each in changes.items()}
    workers = dict.fromkeys(worker for each in homes.regions.values() for worker in each)
    return {worker: _need({region: present[region] for region in homes.carried(worker)}, seen) for worker in workers}


def _need(present: Mapping[str, Series], seen: Mapping[str, Look]) -> Need:
    together = sum(present.values(), np.zeros(1))
    peak = int(np.argmax(together))
    most = float(together[peak])
    there: Counter[Origin] = Counter()
    for region, each in present.items():
        for origin in seen[region].origins:
            there[origin] += float(each[peak])  # type: ignore[assignment]
    parts = tuple(min(viewers / most, 1.0) if most else 1.0 for viewers in there.values())
    return Need(math.ceil(round(most, 6)), tuple(there), parts)
