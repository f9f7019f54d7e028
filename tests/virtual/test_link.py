"""The shared link against closed forms: processor sharing, the stage's turns, what is left undone."""

from __future__ import annotations

import heapq
from random import Random
from typing import Any, cast

import pytest

from loadtests.staging.declared import CHUNK
from loadtests.virtual.link import Link


def ends(link: Link, jobs: list[tuple[float, int]]) -> list[float]:
    """When each job (time, bytes) is whole."""
    done: dict[int, float] = {}
    now = 0.0
    coming = [(at, 0, number, size) for number, (at, size) in enumerate(jobs)]
    heapq.heapify(coming)
    while coming or link.heap:
        due = link.due(now) if link.heap else float("inf")
        if coming and coming[0][0] <= due:
            now, _, number, size = heapq.heappop(coming)
            link.join(cast("Any", number), size, now)
        else:
            now = due
            for number in cast("list[int]", link.finished(now)):
                done[number] = now
    return [done[number] for number in range(len(jobs))]


def test_one_alone_has_the_whole_link() -> None:
    assert ends(Link(1000.0, 0), [(1.0, 500)]) == pytest.approx([1.5])


def test_two_that_come_together_share_it() -> None:
    """Both have half of it until the smaller is whole, then the larger has all: 2 · 300 / 1000, then 300 more."""
    assert ends(Link(1000.0, 0), [(0.0, 300), (0.0, 600)]) == pytest.approx([0.6, 0.9])


def test_one_that_comes_later_slows_the_other() -> None:
    """600 of 1,000 bytes are left at 0.4 s; the other's 300 take 0.6 s at half the rate."""
    assert ends(Link(1000.0, 0), [(0.0, 1000), (0.4, 300)]) == pytest.approx([1.3, 1.0])


def test_a_small_response_waits_for_one_round_of_turns() -> None:
    """Nine responses with full turns in front: 9 · 16 KiB, whatever its own size."""
    link = Link(1e6)
    for number in range(9):
        link.join(cast("Any", number), 20 * CHUNK, 0.0)
    first = link.join(cast("Any", 9), 600, 0.0)
    assert first == pytest.approx(9 * CHUNK / 1e6)
    assert link.due(0.0) == pytest.approx((9 * CHUNK + 600) / 1e6)


def test_the_link_is_never_idle_while_there_is_work() -> None:
    """Work conservation: whatever the order, a busy period ends when the sum of the bytes is sent."""
    dice = Random(3)
    jobs = [(dice.uniform(0, 0.5), dice.randrange(200, 200_000)) for _ in range(60)]
    assert max(ends(Link(1e6), jobs)) == pytest.approx(min(at for at, _ in jobs) + sum(size for _, size in jobs) / 1e6)


def test_the_mean_time_is_that_of_processor_sharing() -> None:
    """M/G/1 with processor sharing: E[T] = E[S] / (1 - load), whatever the distribution (Kleinrock 1967)."""
    dice, at, jobs = Random(5), 0.0, []
    for _ in range(60_000):
        at += dice.expovariate(6.0)
        jobs.append((at, dice.choice((20, 180))))
    times = [end - begin for end, (begin, _) in zip(ends(Link(1000.0, 0), jobs), jobs, strict=True)]
    assert sum(times) / len(times) == pytest.approx(0.1 / (1 - 0.6), rel=0.04)


def test_who_has_gone_is_sent_nothing_more() -> None:
    link = Link(1000.0, 0)
    link.join(cast("Any", 0), 1000, 0.0)
    link.join(cast("Any", 1), 1000, 0.0)
    link.drop({cast("Any", 0)}, 1.0)
    assert link.due(1.0) == pytest.approx(1.5)
    assert link.backlog(1.0) == pytest.approx(0.5)
