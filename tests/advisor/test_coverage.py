"""The 90 % interval of a limit holds the declared truth in at least 90 % of many towns, whatever binds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from advisor.capacities.capacity import capacities
from advisor.measured.measure import measure
from tests.advisor.conftest import Maker
from tests.advisor.runs import Town

TOWNS = 60


def towns(memory: float) -> Iterator[tuple[str, float, Town]]:
    """Towns by a fixed seed, with the model that binds and the limit of a node."""
    rng = np.random.default_rng(5)
    for number in range(TOWNS):
        nodes, over, peak = int(rng.integers(1, 4)), float(rng.uniform(1.15, 3.5)), int(rng.integers(150, 500))
        hold, jitter = int(rng.integers(20, 60)), (0.0, 0.05, 0.1)[number % 3]
        town = Town(
            seed=1000 + number, nodes=nodes, baseline=peak // 10, peak=peak, hold=hold, jitter=jitter, egress=1e12
        )
        town = replace(town, memory=memory)
        if number % 2:
            rps = 1.05 * peak / over / nodes
            yield "request_rate", rps, replace(town, rps=rps)
        else:
            egress = 700e3 * peak / over / nodes
            yield "bandwidth", egress, replace(town, egress=egress)


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0.5, 0.9])
def test_intervals_hold_the_declared_limit(make: Maker, memory: float) -> None:
    """Also where limits wander so slowly that a run sees only a few ups and downs of them."""
    held, errors, missed = 0, [], []
    for model, truth, town in towns(memory):
        found = capacities(measure([make(town)]))
        limit = found.of(model)
        assert limit is not None
        if not (limit.saturated and limit.per_node.low <= truth <= limit.per_node.high):
            missed.append((town.seed, model, limit.per_node.low / truth, limit.per_node.high / truth))
        else:
            held += 1
        errors.append(limit.per_node.mid / truth - 1.0)
    assert held >= 0.9 * TOWNS, missed
    assert abs(float(np.mean(errors))) < 0.01, "no bias"
    assert float(np.quantile(np.abs(errors), 0.9)) < 0.06
