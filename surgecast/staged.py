"""The embedded origin for as long as a command needs it, where the scenario asks for one."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urlsplit

import click

from loadtests.scenario import Scenario
from loadtests.staging.cluster import Cluster


def staged(plan: Scenario) -> AbstractContextManager[object]:
    """A context manager around it; of nothing, where the scenario has no ``staging``."""
    if plan.staging is None:
        return nullcontext()
    nodes, port = plan.target.nodes, urlsplit(plan.target.url).port or 80
    declared = plan.staging
    click.echo(f"Staging {nodes} nodes on port {port} ...", err=True)
    return Cluster(
        nodes,
        port=port,
        egress=declared.egress,
        rps=declared.requests_per_second,
        latency=declared.latency,
        host=urlsplit(plan.target.url).hostname or "",
    )
