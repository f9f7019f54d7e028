"""The whole answer as one frozen value: all that any report shows, and nothing that it does not."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from advisor.autoscale.scaling import ScalingAdvice
from advisor.capacities.capacity import Capacities
from advisor.capacities.nodes import Observed
from advisor.carrying.fleet import Fleet
from advisor.cdns.plan import CdnPlan
from advisor.changes.whatif import WhatIf
from advisor.clouds.today import AccountLooked, AccountToday
from advisor.cluster.today import Looked, Today
from advisor.demands.cdn import Cdn
from advisor.demands.demand import Demand
from advisor.egress.cost import EgressCost
from advisor.interval import Interval
from advisor.measured.measure import RunSeries
from advisor.models import Excuse
from advisor.offers.residency import Residence
from advisor.own import Own as Own  # one door for those who advise
from advisor.plans.plan import Plan
from advisor.texts import Message
from advisor.verdict import Verdict
from loadtests.launch import Launch
from loadtests.region import Frozen, Names
from loadtests.scenario import Budgets

SCHEMA_VERSION: Final = 1


class RegionAdvice(Frozen):
    """One region: what it will ask, the nodes or why there is no number, and the CDN."""

    code: str
    name: Names
    timezone: str
    audience: int
    demand: Demand
    nodes: Plan | Excuse
    cdn: Cdn
    scaling: ScalingAdvice | None = None
    """Whether an autoscaler can follow, with pods on nodes of the kind rehearsed; None where no nodes can be named."""
    fleet: Fleet | None = None
    """The nodes and pods that are carried out, as exports write them; None where ``scaling`` is."""
    cluster: Today | None = None
    """What serves the region today; None where no cluster was read that does."""
    account: AccountToday | None = None
    """What the cloud account runs and may run there; None where none was read that has the region."""
    residence: Residence | None = None
    """Where nodes may stand, also where none can be named; None where the scenario has no rule for the region."""
    egress: EgressCost | None = None
    """What the event costs if the nodes serve it alone, without a CDN; None where nobody says who sells the nodes, or
    ``residence`` leaves the seller no region."""


class Totals(Frozen):
    """Over all regions that are planned for. ``nodes`` is None when any region of the audience has an excuse."""

    nodes: int | None
    viewers: int
    wire: Interval
    """bit/s."""
    requests: Interval
    joins: Interval
    event_usd: Interval
    hour_usd: Interval


class Advice(Frozen):
    """What to have ready, what it stands on, and what would change it. Units: bit/s, requests/s, seconds, USD."""

    schema_version: int = SCHEMA_VERSION
    scenario: str
    summary: Names
    target: str
    names: dict[str, Names]
    """What people call each rehearsed region."""
    nodes_tested: int
    tested_viewers: float
    factor: float
    """The launch's audience over the viewers that were tested."""
    sureness: Literal["measured", "assumed", "rough", "bound", "none"]
    """``measured``: limit reached and known to 10 %; ``assumed``: the same, but only one node count was rehearsed, and
    a region is planned more than twice that; ``rough``: reached, less well known; ``bound``: not reached."""
    launch: Launch
    budgets: Budgets
    warnings: tuple[Message, ...]
    verdict: Verdict
    capacities: Capacities
    regions: tuple[RegionAdvice, ...]
    left_out: tuple[Excuse, ...] = ()
    """Regions of the audience that had too few viewers to say anything of."""
    totals: Totals
    whatif: WhatIf
    """What would change the answer, and what today's nodes carry."""
    assumptions: tuple[Message, ...]
    runs: tuple[RunSeries, ...]
    servers: Observed = Observed()
    """What the servers said of themselves, and what follows."""
    clusters: tuple[Looked, ...] = ()
    """What was read of clusters, and what could not be."""
    cdns: CdnPlan | None = None
    """Which CDNs carry the event, what they cost, and whom to tell by when; None in advice from before it was there."""
    account: AccountLooked | None = None
    """The cloud account that was read, and what its CDN counted in the runs' time; None where none was."""


def schema() -> dict[str, Any]:
    """The JSON Schema of an advice, as committed in ``advice.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Advice.model_json_schema(mode="serialization"),
        "title": f"surgecast advice, schema version {SCHEMA_VERSION}",
    }


def schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
