"""What comes over the wire from a real node without limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from loadtests.staging import Cluster, Node
from loadtests.staging.clock import newest
from tests.staging.client import Answer, Client, connected, segment

T = TypeVar("T")


def talk(node: Node, conversation: Callable[[Client], Awaitable[T]]) -> T:
    async def run() -> T:
        async with connected(node) as client:
            return await asyncio.wait_for(conversation(client), timeout=10)

    return asyncio.run(run())


def get(node: Node, path: str, *, method: str = "GET", headers: str = "") -> Answer:
    return talk(node, lambda client: client.get(path, method=method, headers=headers))


def test_a_response_has_the_headers_that_players_and_caches_need(node: Node) -> None:
    answer = get(node, segment("low", back=1))
    assert answer.status == 200
    assert answer.headers.pop("date").endswith(" GMT")
    assert {name: value for name, value in answer.headers.items() if name != "date"} == {
        "content-type": "video/mp2t",
        "content-length": str(len(answer.body)),
        "cache-control": "public, max-age=31536000, immutable",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "content-length, date, retry-after",
    }


def test_head_has_the_headers_of_get_and_no_body(node: Node) -> None:
    async def both(client: Client) -> tuple[Answer, Answer, Answer]:
        path = segment("mid", back=1)
        return await client.get(path), await client.get(path, method="HEAD"), await client.get(path)

    whole, head, again = talk(node, both)
    assert head.status == 200
    assert head.headers["content-length"] == str(len(whole.body))
    assert head.body == b""
    assert again.body == whole.body  # the connection stayed in step


def test_options_answers_a_browsers_preflight(node: Node) -> None:
    asked = "Origin: http://example.test\r\nAccess-Control-Request-Method: GET\r\n"
    answer = get(node, segment("low"), method="OPTIONS", headers=asked)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "GET" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize("path", ["/", "/live/none/index.m3u8", "/live/low/0.ts", "/%2e%2e/etc/passwd", "/live/low/"])
def test_other_paths_are_404(node: Node, path: str) -> None:
    assert get(node, path).status == 404


def test_a_segment_from_the_future_is_404_until_it_is_there(node: Node) -> None:
    async def wait(client: Client) -> list[int]:
        path = f"/live/low/{newest(time.time()) + 1}.ts"
        seen = [(await client.get(path)).status]
        while seen[-1] != 200:
            await asyncio.sleep(0.05)
            seen.append((await client.get(path)).status)
        return seen

    seen = talk(node, wait)
    assert seen[0] == 404
    assert len(seen) < 2.2 / 0.05


def test_a_range_is_answered_with_the_whole(node: Node) -> None:
    """RFC 9110 §14.2: a server may ignore Range."""
    assert get(node, segment("low", back=1), headers="Range: bytes=0-99\r\n").status == 200


def test_a_query_does_not_matter(node: Node) -> None:
    assert get(node, segment("low", back=1) + "?token=x").status == 200


def test_many_requests_share_a_connection(node: Node) -> None:
    async def many(client: Client) -> list[int]:
        return [(await client.get(segment("low", back=1))).status for _ in range(50)]

    assert talk(node, many) == [200] * 50


def test_healthz_says_ok(node: Node) -> None:
    answer = get(node, "/healthz")
    assert (answer.status, answer.body) == (200, b"ok\n")


def test_latency_is_added_to_every_response_but_not_to_healthz(port: int) -> None:
    with Cluster(1, port=port, latency=0.3) as cluster:
        (node,) = cluster.nodes
        assert get(node, "/healthz").seconds < 0.25
        for path in (segment("low", back=1), "/live/master.m3u8", "/nothing"):
            assert 0.3 <= get(node, path).seconds < 0.6
