"""A node keeps to the capacity that it declares: arithmetic first, then over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from functools import partial
from operator import eq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.staging import Cluster
from loadtests.staging.capacity import Egress
from loadtests.staging.declared import BACKLOG_SECONDS, BURST_SECONDS, Slots
from tests.staging.client import Answer, connected, segment


@given(st.floats(1, 5000), st.lists(st.floats(0, 0.1), min_size=1, max_size=300))
def test_slots_never_exceed_the_rate_and_never_wait_too_long(rps: float, gaps: list[float]) -> None:
    slots, now, starts = Slots(rps), 100.0, []
    for gap in gaps:
        now += gap
        start = slots.take(now)
        if start is not None:
            assert now <= start <= now + BACKLOG_SECONDS + 1e-9
            starts.append(start)
    span = starts[-1] - starts[0]
    assert len(starts) <= (span + BURST_SECONDS) * rps + 1 + 1e-6


def test_slots_are_given_at_the_rate_when_everybody_comes_at_once() -> None:
    slots = Slots(100.0)
    given = [slots.take(50.0) for _ in range(500)]
    admitted = [start for start in given if start is not None]
    assert len(admitted) == int((BACKLOG_SECONDS + BURST_SECONDS) * 100) + 1
    assert admitted[-1] == pytest.approx(50.0 + BACKLOG_SECONDS)
    assert slots.take(51.0) is not None  # a second later there is room again


def test_turns_are_taken_in_order_and_on_time() -> None:
    async def run() -> tuple[list[int], float]:
        egress, order = Egress(8e6, asyncio.get_running_loop()), []  # a megabyte a second

        async def send(name: int) -> None:
            for left in (30_000, 20_000, 10_000):
                await egress.turn(10_000, rest=left, gone=lambda: False)
                order.append(name)

        began = time.perf_counter()
        egress.charge(10_000)  # the link is busy when they come
        await asyncio.gather(*(send(name) for name in range(5)))
        return order, time.perf_counter() - began

    order, seconds = asyncio.run(run())
    assert order == [0, 1, 2, 3, 4] * 3
    assert seconds == pytest.approx(0.15, abs=0.03)  # the charge and fourteen turns, before the last one starts


def test_the_backlog_is_what_the_line_will_take() -> None:
    async def run() -> list[float]:
        egress = Egress(8e6, asyncio.get_running_loop())
        egress.charge(100_000)
        seen = [egress.backlog()]
        waiting = asyncio.create_task(egress.turn(1000, rest=400_000, gone=lambda: False))
        await asyncio.sleep(0)
        seen.append(egress.backlog())
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return [*seen, egress.depth]

    one, two, depth = asyncio.run(run())
    assert one == pytest.approx(0.1, abs=BURST_SECONDS + 0.01)
    assert two == pytest.approx(one + 0.4, abs=0.02)
    assert depth == 1


def test_a_client_that_has_gone_uses_no_link_time() -> None:
    async def run() -> tuple[list[bool], float]:
        egress = Egress(8e6, asyncio.get_running_loop())
        began = time.perf_counter()
        turns = (egress.turn(50_000, rest=50_000, gone=partial(eq, name, 1)) for name in range(3))
        granted = await asyncio.gather(*turns)
        return granted, time.perf_counter() - began

    granted, seconds = asyncio.run(run())
    assert granted == [True, False, True]
    assert seconds == pytest.approx(0.05, abs=0.03)


async def download(cluster: Cluster, path: str, until: float, spent: Counter[float]) -> list[Answer]:
    """Fetch one path again and again; note in ``spent`` how many bytes came in each tenth of a second."""
    answers = []
    async with connected(cluster.nodes[0]) as client:
        while time.perf_counter() < until:
            await client.ask(path)
            head = await client.reader.readuntil(b"\r\n\r\n")
            answer = Answer(status=int(head[9:12]), head=head, body=b"", seconds=0.0)
            left, size = int(answer.headers["content-length"]), len(head)
            while left:
                data = await client.reader.read(min(left, 65536))
                left -= len(data)
                spent[round(time.perf_counter(), 1)] += len(data) + size
                size = 0
            answers.append(answer)
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("egress", [8e6, 120e6], ids=["8Mbps", "120Mbps"])
def test_a_saturated_node_delivers_what_it_declares_within_two_percent(port: int, egress: float) -> None:
    """Five seconds, eight clients that always want more; heads and bodies as received."""

    async def run(cluster: Cluster) -> tuple[Counter[float], float]:
        spent: Counter[float] = Counter()
        began = time.perf_counter()
        path = segment("high")
        await asyncio.gather(*(download(cluster, path, began + 6.5, spent) for _ in range(8)))
        return spent, began

    with Cluster(1, port=port, egress=egress) as cluster:
        spent, began = asyncio.run(run(cluster))
    first = round(began + 1, 1)
    received = sum(size for at, size in spent.items() if first <= at < first + 5 - 0.01)
    print(f"declared {egress:.0f} bit/s, received {received * 8 / 5:.0f}")
    assert received * 8 / 5 == pytest.approx(egress, rel=0.02)


def test_the_link_is_shared_fairly(port: int) -> None:
    """Ten clients with equal wishes get equal shares, however they began."""

    async def run(cluster: Cluster) -> tuple[list[int], int]:
        until, spent, path = time.perf_counter() + 4, Counter[float](), segment("high")
        shares = await asyncio.gather(*(download(cluster, path, until, spent) for _ in range(10)))
        return [len(answers) for answers in shares], spent.total()

    with Cluster(1, port=port, egress=40e6) as cluster:
        done, received = asyncio.run(run(cluster))
    assert max(done) - min(done) <= 2
    assert received * 8 == pytest.approx(40e6 * 4, rel=0.1)  # each ends the segment that it had begun


async def burst(cluster: Cluster, path: str, size: int) -> list[Answer]:
    async def one() -> Answer:
        async with connected(cluster.nodes[0]) as client:
            return await client.get(path)

    return await asyncio.gather(*(one() for _ in range(size)))


def test_overload_shows_as_longer_transfers_first_and_as_503_then(port: int) -> None:
    """Two seconds of an 8 Mbit/s link are two megabytes; forty large segments, three to four, are asked for at once."""
    with Cluster(1, port=port, egress=8e6) as cluster:
        answers = asyncio.run(burst(cluster, segment("high"), 40))
        (counts,) = cluster.metrics()
    served = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 503]
    assert len(served) + len(refused) == 40
    assert sum(answer.wire for answer in served) == pytest.approx(2_000_000, rel=0.2)
    assert max(answer.seconds for answer in served) > 1.5
    assert max(answer.seconds for answer in refused) < 1.0
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert {answer.headers["cache-control"] for answer in refused} == {"no-store"}
    assert counts.refused == counts.refused_for_egress == counts.of(status=503) == len(refused)
    assert counts.wire_bytes == sum(answer.wire for answer in answers)
    assert counts.waited_for_egress > 5


def test_requests_beyond_the_declared_rate_wait_and_then_are_refused(port: int) -> None:
    """At 50 requests/s there is room for a hundred in two seconds."""
    with Cluster(1, port=port, rps=50) as cluster:
        began = time.perf_counter()
        answers = asyncio.run(burst(cluster, "/live/low/index.m3u8", 150))
        seconds = time.perf_counter() - began
        (counts,) = cluster.metrics()
    served = sum(answer.status == 200 for answer in answers)
    assert served == pytest.approx(101, abs=15)
    assert counts.refused_for_rate == 150 - served > 0
    assert served / seconds == pytest.approx(50, rel=0.1)


def test_a_slow_reader_holds_nobody_up(port: int) -> None:
    """A client that reads nothing leaves the link to the others."""

    async def run(cluster: Cluster) -> list[Answer]:
        async with connected(cluster.nodes[0], receive_buffer=4096) as slow:
            await slow.ask(segment("high"))
            return [answer for _ in range(5) for answer in await burst(cluster, segment("low"), 4)]

    with Cluster(1, port=port, egress=20e6) as cluster:
        answers = asyncio.run(run(cluster))
    assert {answer.status for answer in answers} == {200}
    assert max(answer.seconds for answer in answers) < 0.5


def test_a_trickle_saves_up_no_credit_for_later() -> None:
    """Light traffic with gaps shorter than the burst leaves at most one burst of unused link time."""

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        egress = Egress(8e6, loop)  # a megabyte a second
        for _ in range(100):
            await egress.turn(10, rest=10, gone=lambda: False)
            await asyncio.sleep(0.005)
        since = loop.time()
        for _ in range(20):
            await egress.turn(10_000, rest=10_000, gone=lambda: False)
        return loop.time() - since

    took = asyncio.run(scenario())
    assert took >= 19 * 0.01 - BURST_SECONDS - 0.005
