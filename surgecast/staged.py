"""The embedded origin for as long as a command needs it, where the scenario asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click

from loadtests.scenario import Scenario
from loadtests.staging.cluster import Cluster
from loadtests.staging.control import control
from loadtests.staging.live import Live


@contextmanager
def staged(plan: Scenario) -> Iterator[Path | None]:
    """The stage that a scenario asks for, while the context lasts: where it takes orders. None without ``staging``."""
    if plan.staging is None:
        yield None
        return
    nodes, port = plan.target.nodes, urlsplit(plan.target.url).port or 80
    declared = plan.staging
    click.echo(f"Staging {nodes} nodes on port {port} ...", err=True)
    stage = Cluster(
        nodes,
        port=port,
        egress=declared.egress,
        rps=declared.requests_per_second,
        latency=declared.latency,
        host=urlsplit(plan.target.url).hostname or "",
        live=Live(tokens=declared.tokens, keys=declared.keys),
    )
    with stage, control(stage) as door:
        yield door
