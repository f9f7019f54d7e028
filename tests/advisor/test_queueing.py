"""Queueing formulas are exact against closed forms and tables, stable for many servers, and monotone."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.capacities.queueing import (
    Queue,
    allen_cunneen,
    erlang_b,
    erlang_c,
    halfin_whitt,
    kingman,
    most_arrivals,
    sakasegawa,
    servers_for,
    sharing_slowdown,
)

LOADS = st.floats(0.01, 0.99)
SERVERS = st.integers(1, 300)


@pytest.mark.parametrize("rho", [0.01, 0.3, 0.7, 0.95, 0.999])
def test_one_server_is_m_m_1(rho: float) -> None:
    queue = Queue(arrivals=rho / 0.02, service=0.02)
    assert queue.waits == pytest.approx(rho, rel=1e-9)
    assert queue.wait == pytest.approx(rho * 0.02 / (1 - rho), rel=1e-9)
    assert queue.response == pytest.approx(0.02 / (1 - rho), rel=1e-9)
    assert queue.waiting == pytest.approx(rho**2 / (1 - rho), rel=1e-9)
    assert queue.late(0.1) == pytest.approx(rho * math.exp(-(50 - rho * 50) * 0.1), rel=1e-9)


@pytest.mark.parametrize("rho", [0.01, 0.3, 0.7, 0.95, 0.999])
def test_two_servers_are_m_m_2(rho: float) -> None:
    queue = Queue(arrivals=2 * rho, service=1.0, servers=2)
    assert queue.waits == pytest.approx(2 * rho**2 / (1 + rho), rel=1e-9)
    assert queue.wait == pytest.approx(rho**2 / (1 - rho**2), rel=1e-9)


@pytest.mark.parametrize(("servers", "offered"), [(1, 1), (5, 2), (10, 7), (40, 33), (120, 100)])
def test_erlang_equals_the_sums_in_exact_fractions(servers: int, offered: int) -> None:
    terms = [Fraction(1)]
    for k in range(1, servers + 1):
        terms.append(terms[-1] * offered / k)
    assert erlang_b(servers, offered) == pytest.approx(float(terms[-1] / sum(terms)), rel=1e-12)
    if offered < servers:
        last = terms[-1] * servers / (servers - offered)
        assert erlang_c(servers, offered) == pytest.approx(float(last / (sum(terms[:-1]) + last)), rel=1e-12)


@pytest.mark.parametrize(
    ("servers", "offered", "blocked"),
    [(1, 0.0101, 0.01), (5, 1.361, 0.01), (10, 4.461, 0.01), (20, 12.03, 0.01), (100, 84.06, 0.01), (10, 6.216, 0.05)],
)
def test_erlang_b_is_that_of_the_tables(servers: int, offered: float, blocked: float) -> None:
    """Tables of traffic theory (Siemens 1970; Iversen, "Teletraffic Engineering"): loads to four figures."""
    assert erlang_b(servers, offered) == pytest.approx(blocked, rel=2e-3)


def test_the_published_example_of_halfin_and_whitt() -> None:
    """advisors: beta 2.375, 1.761, 1.16 and 1.0 promise .0100, .0476, .1667 and .2234."""
    found = [halfin_whitt(beta) for beta in (2.375, 1.761, 1.16, 1.0)]
    assert found == pytest.approx([0.0100, 0.0476, 0.1667, 0.2234], abs=5e-5)
    many = 1_000_000
    beta = (many - 999_000) / math.sqrt(999_000)
    assert erlang_c(many, 999_000.0) == pytest.approx(halfin_whitt(beta), rel=2e-3)


def test_ten_thousand_servers_are_stable() -> None:
    assert 0 < erlang_c(10_000, 9_900.0) < 1
    assert erlang_c(10_000, 9_999.9) == pytest.approx(1.0, abs=0.01)
    assert erlang_c(10_000, 100.0) == 0.0 or erlang_c(10_000, 100.0) < 1e-300
    needed = servers_for(9_800.0, 1.0, 0.0, 0.05)
    assert erlang_c(needed, 9_800.0) <= 0.05 < erlang_c(needed - 1, 9_800.0)


def test_pollaczek_khinchine_is_inside_allen_cunneen() -> None:
    queue = Queue(arrivals=0.8, service=1.0)
    for cv2 in (0.0, 1.0, 4.0):
        exact = 0.8 * (1 + cv2) / (2 * (1 - 0.8))
        assert allen_cunneen(queue, 1.0, cv2) == pytest.approx(exact, rel=1e-9)
        assert kingman(queue, 1.0, cv2) == pytest.approx(exact, rel=1e-9)


def test_sakasegawa_is_near_the_exact_queue_and_equals_it_for_one_server() -> None:
    """In heavy traffic: at 0.9 within 6 %; at 0.7 and fifty servers, where hardly anybody waits, it is far off."""
    for servers in (1, 2, 8, 50):
        for rho in (0.9, 0.95, 0.98):
            queue = Queue(arrivals=rho * servers, service=1.0, servers=servers)
            assert sakasegawa(queue, 1.0, 1.0) == pytest.approx(queue.wait, rel=1e-9 if servers == 1 else 0.06)


def test_sharing_is_the_response_of_m_m_1() -> None:
    for rho in (0.0, 0.4, 0.9):
        assert sharing_slowdown(rho) == pytest.approx(Queue(rho, 1.0).response, rel=1e-12)
    assert sharing_slowdown(1.0) == math.inf


def test_a_simulated_queue_agrees() -> None:
    """Lindley's recursion for four servers: an event simulation with its own arithmetic."""
    rng = np.random.default_rng(4)
    gaps, services = rng.exponential(1 / 3.2, 200_000), rng.exponential(1.0, 200_000)
    free, now, late, total = [0.0] * 4, 0.0, 0, 0.0
    for gap, service in zip(gaps, services, strict=True):
        now += gap
        first = min(range(4), key=free.__getitem__)
        begins = max(now, free[first])
        free[first] = begins + service
        total += begins - now
        late += begins - now > 1.0
    queue = Queue(arrivals=3.2, service=1.0, servers=4)
    assert total / len(gaps) == pytest.approx(queue.wait, rel=0.05)
    assert late / len(gaps) == pytest.approx(queue.late(1.0), rel=0.05)


def test_percentiles_and_tails_are_inverse() -> None:
    queue = Queue(arrivals=90.0, service=0.1, servers=10)
    for share in (0.5, 0.9, 0.99, 0.9999):
        seconds = queue.wait_at(share)
        assert queue.late(seconds) == pytest.approx(1 - share, rel=1e-9)
    assert Queue(arrivals=1.0, service=0.1, servers=10).wait_at(0.5) == 0.0


def test_what_is_unstable_is_infinite_and_never_nan() -> None:
    full = Queue(arrivals=10.0, service=1.0, servers=10)
    assert (full.waits, full.wait, full.late(5.0), full.wait_at(0.9)) == (1.0, math.inf, 1.0, math.inf)
    assert allen_cunneen(full, 1.0, 1.0) == sakasegawa(full, 1.0, 1.0) == math.inf
    idle = Queue(arrivals=0.0, service=1.0)
    assert (idle.waits, idle.wait, idle.late(0.0), idle.wait_at(0.99), idle.waiting) == (0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "broken",
    [
        lambda: erlang_b(0, 1.0),
        lambda: erlang_c(2, -1.0),
        lambda: erlang_b(2, math.nan),
        lambda: Queue(1.0, 0.0),
        lambda: kingman(Queue(1.0, 1.0, 2), 1.0, 1.0),
        lambda: sakasegawa(Queue(0.5, 1.0), -1.0, 1.0),
        lambda: Queue(0.5, 1.0).wait_at(1.0),
        lambda: sharing_slowdown(-0.1),
        lambda: most_arrivals(2, 1.0, -1.0, 0.1),
        lambda: servers_for(2.0, 1.0, 0.0, 0.0),
    ],
)
def test_what_is_no_queue_is_refused(broken: object) -> None:
    assert callable(broken)
    with pytest.raises(ValueError, match=r"expected|one server"):
        broken()


@given(SERVERS, LOADS, st.floats(0.001, 10.0))
def test_more_load_never_waits_less_and_more_servers_never_more(servers: int, rho: float, service: float) -> None:
    queue = Queue(rho * servers / service, service, servers)
    busier = Queue(queue.arrivals * 1.005, service, servers)
    larger = Queue(queue.arrivals, service, servers + 1)
    for at in (0.0, service, 5 * service):
        assert larger.late(at) <= queue.late(at) + 1e-12
        assert queue.late(at) <= busier.late(at) + 1e-12
    assert larger.wait <= queue.wait <= busier.wait or busier.wait == math.inf
    tails = [queue.late(at * service) for at in range(5)]
    assert all(later <= sooner for sooner, later in pairwise(tails))


@given(st.integers(1, 60), st.floats(0.01, 2.0), st.floats(0.0, 3.0), st.floats(0.001, 0.9))
def test_inverse_questions_meet_the_promise_and_only_just(
    servers: int, service: float, waits: float, share: float
) -> None:
    seconds = waits * service
    most = most_arrivals(servers, service, seconds, share)
    assert Queue(most, service, servers).late(seconds) <= share * (1 + 1e-9)
    assert Queue(most * 1.001 + 1e-12, service, servers).late(seconds) > share * (1 - 1e-9)
    needed = servers_for(most * service * 0.999, service, seconds, share)
    assert needed <= servers
    assert needed == 1 or Queue(most * 0.999, service, needed - 1).late(seconds) > share
