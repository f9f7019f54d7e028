"""The library side of ``surgecast stage``: run a cluster until Ctrl-C and say how to watch it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, TextIO

from loadtests.staging.cluster import Cluster, Node
from loadtests.units import show_bitrate

CHECK_SECONDS: Final = 0.5
"""How often to look whether a node has died."""


def serve(
    *,
    nodes: int = 2,
    port: int = 8800,
    egress: float | None = None,
    rps: float | None = None,
    latency: float = 0.0,
    out: TextIO | None = None,
    messages: TextIO | None = None,
) -> None:
    """Stage the origin until Ctrl-C: ``egress`` in bit/s and ``rps`` per node, ``latency`` in seconds.

    What a program would want goes to ``out`` (stdout), what only a person wants to ``messages`` (stderr).
    """
    out, messages = out or sys.stdout, messages or sys.stderr
    with Cluster(nodes, port=port, egress=egress, rps=rps, latency=latency) as cluster, suppress(KeyboardInterrupt):
        out.writelines(f"{line}\n" for line in description(cluster))
        out.flush()
        messages.write("Live now. Ctrl-C stops it.\n")
        messages.flush()
        _watch_over(cluster)
    messages.write("Stopped.\n")


def description(cluster: Cluster) -> Iterator[str]:
    """Say what the stage is, one fact a line."""
    first = cluster.nodes[0]
    direct = f"http://{first.address}:{first.port}"
    yield f"url      {cluster.url}"
    yield f"cmaf     {cluster.cmaf_url}"
    yield from (f"resolve  --resolve {override}" for override in cluster.resolve)
    yield from (f"node     {node.address}:{node.port}  {capacity(node)}" for node in cluster.nodes)
    yield f"watch    ffplay {direct}/live/master.m3u8"
    yield f"         or open {direct}/cmaf/master.m3u8 in Safari, VLC or any page with hls.js (CORS is open)"
    yield f"metrics  {direct}/metrics"


def capacity(node: Node) -> str:
    """Say what a node declares."""
    egress = "unlimited egress" if node.egress is None else f"egress {show_bitrate(node.egress)}"
    rate = "unlimited requests" if node.rps is None else f"{node.rps:g} requests/s"
    return f"{egress}, {rate}"


def _watch_over(cluster: Cluster) -> None:
    while True:
        cluster.check()
        time.sleep(CHECK_SECONDS)
