"""A node's counts are exactly what its clients saw."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import pytest

from loadtests.staging import Cluster, NodeCounts
from loadtests.staging.counts import parse
from tests.staging.client import Answer, connected, segment


async def visit(cluster: Cluster) -> list[Answer]:
    async with connected(cluster.nodes[0]) as client:
        paths = ["/live/master.m3u8", "/live/low/index.m3u8", segment("high", back=1), "/cmaf/low/init.mp4", "/nothing"]
        answers = [await client.get(path) for path in paths * 4]
        answers.append(await client.get(segment("high", back=1), method="HEAD"))
        answers.append(await client.get(segment("high", back=1), method="OPTIONS"))
        answers.append(await client.get("/live/low/index.m3u8", headers="Connection: close\r\n"))
        return answers


async def crowd(cluster: Cluster, size: int) -> list[Answer]:
    return [answer for answers in await asyncio.gather(*(visit(cluster) for _ in range(size))) for answer in answers]


def until(cluster: Cluster, done: Callable[[NodeCounts], bool]) -> NodeCounts:
    """Wait for the node to have noticed something, at most three seconds."""
    deadline = time.monotonic() + 3
    while not done(counts := cluster.metrics()[0]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return counts


@pytest.mark.parametrize(("egress", "rps"), [(None, None), (200e6, 2000.0)], ids=["unlimited", "limited"])
def test_requests_and_bytes_are_exact(port: int, egress: float | None, rps: float | None) -> None:
    with Cluster(1, port=port, egress=egress, rps=rps) as cluster:
        answers = asyncio.run(crowd(cluster, 20))
        (counts,) = cluster.metrics()
    assert counts.requests == len(answers) == 20 * 23
    assert counts.body_bytes == sum(len(answer.body) for answer in answers)
    assert counts.wire_bytes == sum(answer.wire for answer in answers)
    assert counts.of(status=404) == 20 * 4
    assert counts.of(kind="playlist", status=200) == 20 * 5
    assert counts.of(kind="segment") == 20 * 6
    assert counts.in_flight == 0
    assert counts.refused == 0


def test_asking_for_the_counts_does_not_change_them(port: int) -> None:
    with Cluster(1, port=port) as cluster:
        before, after = cluster.metrics(), cluster.metrics()
    assert [c.requests for c in before + after] == [0, 0]
    assert after[0].wire_bytes == 0


def test_a_client_that_leaves_is_counted_as_499_with_the_bytes_handed_over(port: int) -> None:
    """At 400 kbit/s the segment takes two seconds; the client leaves after its head and first chunk."""

    async def leave(cluster: Cluster) -> None:
        async with connected(cluster.nodes[0]) as client:
            await client.ask(segment("high", back=1))
            await client.reader.readuntil(b"\r\n\r\n")
            await client.reader.readexactly(1000)

    with Cluster(1, port=port, egress=400e3) as cluster:
        asyncio.run(leave(cluster))
        counts = until(cluster, lambda counts: counts.requests == 1)
    assert [(row.kind, row.status, row.requests) for row in counts.served] == [("segment", 499, 1)]
    assert 16 * 1024 <= counts.body_bytes < 70_000
    assert counts.in_flight == 0


def test_the_declared_capacity_is_shown_and_what_is_unlimited_is_absent(port: int) -> None:
    async def metrics(cluster: Cluster) -> str:
        async with connected(cluster.nodes[0]) as client:
            return (await client.get("/metrics")).body.decode()

    with Cluster(1, port=port, egress=40e6) as cluster:
        text = asyncio.run(metrics(cluster))
    assert "\nsurgecast_stage_declared_egress_bits_per_second 4e+07\n" in text
    assert "declared_requests_per_second" not in text
    assert re.search(r"^process_cpu_seconds_total \d", text, flags=re.MULTILINE)


def test_counts_are_read_back_from_text() -> None:
    text = """
surgecast_stage_requests_total{kind="segment",status="200"} 7.0
surgecast_stage_requests_total{kind="segment",status="503"} 2.0
surgecast_stage_requests_total{kind="playlist",status="200"} 3.0
surgecast_stage_body_bytes_total{kind="segment"} 900.0
surgecast_stage_wire_bytes_total{kind="segment"} 1000.0
surgecast_stage_refusals_total{reason="egress"} 2.0
surgecast_stage_requests_in_flight 1.0
surgecast_stage_queue_wait_seconds_sum{queue="egress"} 0.5
process_cpu_seconds_total 1.5
process_resident_memory_bytes 4e+07
"""
    counts = parse("127.0.0.1", text)
    assert (counts.requests, counts.body_bytes, counts.wire_bytes) == (12, 900, 1000)
    assert (counts.refused, counts.refused_for_egress, counts.refused_for_rate, counts.in_flight) == (2, 2, 0, 1)
    assert (counts.waited_for_egress, counts.cpu_seconds, counts.rss_bytes) == (0.5, 1.5, 40_000_000)
    assert (counts.of(kind="segment"), counts.of(status=200), counts.of(), counts.of(kind="init")) == (9, 10, 12, 0)
