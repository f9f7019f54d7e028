"""``surgecast stage``: the embedded live origin, until Ctrl-C."""

from __future__ import annotations

import click

from loadtests.staging.stage import serve
from surgecast.quantities import BITRATE, DURATION

EXAMPLE = "\b\nExample:\n  surgecast stage --nodes 2 --egress 40Mbps --rps 400"


@click.command(epilog=EXAMPLE)
@click.option("--nodes", default=2, show_default=True, type=click.IntRange(1, 64), help="How many nodes.")
@click.option("--port", default=8800, show_default=True, type=click.IntRange(1024, 9999), help="Port of every node.")
@click.option("--egress", type=BITRATE, help="Egress per node, such as 40Mbps; no limit when absent.")
@click.option("--rps", type=click.FloatRange(min=0, min_open=True), help="Requests per second per node.")
@click.option("--latency", type=DURATION, default="0s", show_default=True, help="Delay added to every response.")
def stage(nodes: int, port: int, egress: float | None, rps: float | None, latency: float) -> None:
    """Serve an endless live HLS stream on this machine.

    Each node has the capacity you declare, and behaves like a saturated server beyond it.
    """
    serve(nodes=nodes, port=port, egress=egress, rps=rps, latency=latency)
