"""Clusters on the command line: what was named is told before anything is read, and what could not be read after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from advisor.cluster.prometheus import prometheus_of
from advisor.cluster.reading import read
from advisor.cluster.server import connect
from advisor.cluster.snapshot import Cluster
from advisor.texts import told
from loadtests.errors import InputError
from loadtests.scaling import Scaling
from loadtests.scenario import Scenario

UNSAID: Final = Scaling().namespace
"""What a run says where its scenario says nothing: then the context's own namespace is read."""


def read_clusters(
    named: Sequence[str], kubeconfig: Path | None, scenario: Scenario, lang: str, prometheus: str = ""
) -> tuple[Cluster, ...]:
    """A snapshot of each ``CONTEXT[=REGION]``; InputError before anything is read when one of them is wrong."""
    asked = prometheus_of(prometheus) if prometheus else None
    servers = [(connect(context, kubeconfig), region) for context, region in (_parsed(one, scenario) for one in named)]
    scaling = scenario.launch.scaling
    found = []
    for server, region in servers:
        namespace = server.namespace if scaling.namespace == UNSAID else scaling.namespace
        serves = f", for region {region}" if region else ""
        click.echo(f"Reading context {server.context} ({server.address}), namespace {namespace}{serves}.", err=True)
        cluster = read(server, namespace, region, prometheus=asked)
        for excuse in cluster.excuses:
            click.echo(f"! {told(excuse.reason, lang, {})} {told(excuse.remedy, lang, {})}", err=True)
        found.append(cluster)
    return tuple(found)


def _parsed(text: str, scenario: Scenario) -> tuple[str, str | None]:
    """Names of contexts may hold an equals sign; a region never does."""
    context, equals, region = text.rpartition("=")
    if not equals:
        return text, None
    if region not in scenario.regions:
        known = ", ".join(scenario.regions)
        raise InputError(f"--cluster {text}: there is no region {region!r} in the run", hint=f"one of: {known}")
    return context, region
