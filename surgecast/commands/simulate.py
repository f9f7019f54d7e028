"""``surgecast simulate``: the same viewers against a modelled origin, in virtual time."""

from __future__ import annotations

import sys
from typing import Any

import click

from advisor.gate.verdict import EXIT_CODES
from loadtests.scenario import read_scenario
from loadtests.units import read_share
from loadtests.virtual.edge import Edge
from surgecast.quantities import BITRATE, DURATION
from surgecast.simulating import SimulateOptions, run_simulation
from surgecast.store.places import NEW_RUN, RUN, SCENARIO, Storing

EXAMPLE = "\b\nExample:\n  surgecast simulate viral-goal --viewers 1000000 --nodes 1400 --egress 120Mbps"


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("scenario", type=SCENARIO)
@click.option("--viewers", default=0, type=click.IntRange(0), help="Peak viewers; the surge keeps its form.")
@click.option("--audience", default="", metavar="REGION=VIEWERS,...", help="Peak viewers of each region.")
@click.option("--nodes", default="", metavar="NODES|REGION=NODES,...", help="Modelled nodes; default: target.nodes.")
@click.option("--egress", type=BITRATE, help="Egress per node; default: staging.egress.")
@click.option("--rps", type=click.FloatRange(0, min_open=True), help="Requests per second per node.")
@click.option("--latency", type=DURATION, help="Delay added to every response by a node.")
@click.option("--bitrates", default="", metavar="BITRATE,...", help="Ladder of the stream; default: the stage's own.")
@click.option("--edge-ttl", type=DURATION, help="Put a cache before the nodes that keeps playlists so long.")
@click.option("--edge-hit", default="", metavar="SHARE", help="The cache hits this share of requests, such as 95%.")
@click.option("--weight", default="auto", show_default=True, help="Viewers that each simulated one stands for.")
@click.option("--out", type=NEW_RUN, help="Folder for the run, or s3://…")
@click.option("--against", default="", type=RUN, metavar="RUN", help="Real run of the scenario: print the error.")
def simulate(scenario: str, edge_ttl: float | None, edge_hit: str, **options: Any) -> None:
    """Answer what-if at launch scale: no load, no sockets.

    The scenario's viewers run in virtual time against a modelled origin; the run is one like any other, marked as
    simulated. With --against the exit code is 99 when the model is too far off.
    """
    told = SimulateOptions(edge=_edge(edge_ttl, edge_hit), **options)
    if not run_simulation(read_scenario(scenario), told):
        sys.exit(EXIT_CODES["FAIL"])


def _edge(ttl: float | None, hit: str) -> Edge | None:
    try:
        share = read_share(hit) if hit else None
    except ValueError as error:
        raise click.UsageError(f"--edge-hit: {error}") from error
    if ttl is None and share is None:
        return None
    return Edge(ttl=1.0 if ttl is None else ttl, hit=share)
