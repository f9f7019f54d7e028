"""The outlook beyond a run that found no limit: against queues simulated arrival by arrival."""

from __future__ import annotations

import heapq
from functools import cache

import numpy as np
import pytest

from advisor.capacities.queue_fit import wait_p95, waiting
from advisor.interval import Interval
from advisor.measured.seconds import Percentiles, Second
from advisor.models import Capacity
from advisor.models.request_rate import RequestRate
from tests.advisor.made import NODES, at, measured

BUDGET = 0.5
"""Seconds that p95 of a segment may take."""
REST = 0.02
"""Seconds after the first byte, the same for all."""


def test_erlang_c_is_exact() -> None:
    """One server waits with its use; two and ten by tables (Erlang C: 2 servers, 1 erlang, 1/3)."""
    assert waiting(1, np.array([0.7]))[0] == pytest.approx(0.7, abs=1e-12)
    assert waiting(2, np.array([1.0]))[0] == pytest.approx(1 / 3, abs=1e-12)
    assert waiting(10, np.array([8.0]))[0] == pytest.approx(0.40918, abs=1e-5)


def test_the_p95_of_one_servers_wait_is_that_of_a_closed_form() -> None:
    """M/M/1: P(W > t) = rho exp(-(1 - rho) t / S)."""
    found = wait_p95(1, np.array([10.0]), np.array([8.0]))[0]
    assert 0.8 * np.exp(-(10.0 - 8.0) * found) == pytest.approx(0.05, abs=1e-9)


@cache
def times_of(servers: int, capacity: float, rate: float, seed: int, count: int = 4000) -> np.ndarray:
    """Waits plus services of arrivals at a queue in the order that they come, after a warm-up."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, count))
    services = rng.exponential(servers / capacity, count)
    free = [0.0] * servers
    found = []
    for came, takes in zip(arrivals, services, strict=True):
        start = max(came, heapq.heappop(free))
        heapq.heappush(free, start + takes)
        found.append(start + takes - came)
    return np.array(found[count // 10 :])


def a_run(servers: int, capacity: float, top: float) -> list[Second]:
    """Eight load steps of fifteen seconds up to ``top`` of what a node can do, budgets never broken."""
    seconds = []
    for step, use in enumerate(np.linspace(0.25, top, 8)):
        rate = use * capacity
        for time in range(15):
            first = times_of(servers, capacity, rate, 100 * step + time)[:400]
            p50, p95, p99 = (float(value) for value in np.quantile(first, [0.5, 0.95, 0.99]))
            second = at(15 * step + time, rate * NODES, served=round(rate * NODES), wire_bits=1e4 * rate)
            ttfb = Percentiles(p50=p50, p95=p95, p99=p99)
            total = Percentiles(p50=p50 + REST, p95=p95 + REST, p99=p99 + REST)
            seconds.append(second.model_copy(update={"ttfb": ttfb, "total": total}))
    return seconds


def breaking(servers: int, capacity: float) -> float:
    """The rate of a node at which a long simulation reaches the budget."""
    for use in np.arange(0.5, 0.995, 0.01):
        times = times_of(servers, capacity, use * capacity, 7, 60_000)
        if float(np.quantile(times, 0.95)) + REST > BUDGET:
            return float(use * capacity)
    return capacity


def outlook(seconds: list[Second]) -> Interval | None:
    found = RequestRate().fit(measured(seconds, segment_p95=BUDGET))
    assert isinstance(found, Capacity)
    assert not found.saturated, "at least stays the answer"
    return found.beyond


@pytest.mark.slow
@pytest.mark.parametrize(
    ("servers", "capacity", "top"), [(1, 40.0, 0.7), (1, 60.0, 0.75), (2, 60.0, 0.8), (4, 60.0, 0.88)]
)
def test_an_outlook_holds_the_load_at_which_a_queue_breaks_the_budget(
    servers: int, capacity: float, top: float
) -> None:
    found = outlook(a_run(servers, capacity, top))
    assert found is not None
    assert found.low <= breaking(servers, capacity) <= found.high
    assert found.high <= 2 * top * capacity
    assert found.spread > 0.05, "wide on purpose"


def test_where_a_queue_hardly_shows_nothing_is_foretold() -> None:
    assert outlook(a_run(8, 80.0, 0.7)) is None


def test_without_a_queue_there_is_no_outlook() -> None:
    flat = [at(time, 20 + 2 * time, times=(0.02, 0.04), served=20 + 2 * time) for time in range(80)]
    assert outlook(flat) is None


def test_an_outlook_is_the_same_every_time() -> None:
    seconds = a_run(1, 40.0, 0.7)
    assert outlook(seconds) == outlook(seconds)
