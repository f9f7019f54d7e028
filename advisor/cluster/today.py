"""Today versus needed, for one region: nodes, pods, zones, settings in place, and what stands in the way."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from advisor import figures
from advisor.autoscale.hpa import Hpa
from advisor.cluster.fitting import Fit, eks_allocatable, fit, machine_of
from advisor.cluster.in_place import in_place
from advisor.cluster.parts import Part, parts_of
from advisor.cluster.snapshot import Cluster, NodePool, Quota, Workload
from advisor.cluster.starts import Waited, waits
from advisor.models import Excuse
from advisor.plan import Plan
from advisor.texts import Message, say
from loadtests.region import Frozen
from loadtests.scaling import Scaling


class Looked(Frozen):
    """One cluster that was read."""

    context: str
    server: str
    namespace: str
    version: str
    at: str
    counts: dict[str, int]
    excuses: tuple[Excuse, ...]


class Today(Frozen):
    """What serves a region now, beside what is advised."""

    contexts: tuple[str, ...]
    workload: str
    nodes: int
    """Ready and not cordoned."""
    needed_nodes: int | None
    """None where no nodes can be named."""
    kinds: dict[str, int]
    """Nodes of each instance type."""
    zones: tuple[str, ...]
    pods: int | None
    """Ready pods of the workload here; None where there is no such workload."""
    needed_pods: int | None
    fits: int | None
    """Pods that fit on the smallest of these nodes; None where pods ask for nothing."""
    fits_by: str
    """cpu, memory or pods: what runs out first."""
    settings: str
    """Of the HPA in place; empty where there is none."""
    findings: tuple[Message, ...]
    """What stands in the way of the plan."""
    waited: tuple[Waited, ...]
    excuses: tuple[Excuse, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What the clusters say of a region, before anything is planned."""

    parts: tuple[Part, ...]
    waited: tuple[Waited, ...]
    settings: Hpa | None
    excuses: tuple[Excuse, ...]


def look(clusters: Sequence[Cluster], code: str, places: Mapping[str, str], scaling: Scaling) -> Look | None:
    """Of one region; None where no cluster serves it."""
    parts = parts_of(clusters, code, places, scaling.workload)
    if not parts:
        return None
    found = [in_place(part, scaling) for part in parts]
    return Look(
        parts,
        waits(parts),
        next((one for one in found if isinstance(one, Hpa)), None),
        tuple(one for one in found if isinstance(one, Excuse)),
    )


def looked(cluster: Cluster) -> Looked:
    """For the report."""
    fields = ("nodes", "workloads", "autoscalers", "pods")
    return Looked(
        context=cluster.context,
        server=cluster.server,
        namespace=cluster.namespace,
        version=cluster.version,
        at=cluster.read_at.strftime("%Y-%m-%d %H:%M"),
        counts={name: len(getattr(cluster, name)) for name in fields},
        excuses=cluster.excuses,
    )


def today(seen: Look, plan: Plan | None, scaling: Scaling) -> Today:
    """Beside the plan."""
    nodes = [node for part in seen.parts for node in part.nodes if node.ready and not node.cordoned]
    workloads = [part.workload for part in seen.parts if part.workload is not None]
    fits = _fits(seen.parts)
    return Today(
        contexts=tuple(part.cluster.context for part in seen.parts),
        workload=scaling.workload,
        nodes=len(nodes),
        needed_nodes=None if plan is None else plan.nodes,
        kinds=dict(Counter(node.kind or "?" for node in nodes)),
        zones=tuple(sorted({node.zone for node in nodes if node.zone})),
        pods=sum(pod.ready is not None for part in seen.parts for pod in part.pods) if workloads else None,
        needed_pods=None if plan is None else plan.nodes * scaling.pods_per_node,
        fits=None if fits is None else fits.pods,
        fits_by="" if fits is None else fits.by,
        settings=_settings(seen.parts),
        findings=() if plan is None else tuple(_findings(seen, plan, scaling, fits)),
        waited=seen.waited,
        excuses=seen.excuses,
    )


def _fits(parts: Sequence[Part]) -> Fit | None:
    found = [
        answer
        for part in parts
        if part.workload is not None
        for node in part.nodes
        if (answer := fit(node.allocatable, part.workload.requests)) is not None
    ]
    return min(found, default=None)


def _settings(parts: Sequence[Part]) -> str:
    scalers = (part.autoscaler for part in parts)
    told = []
    for one in scalers:
        if one is not None:
            marks = {"Utilization": "%"}
            aims = (f"{aim.name} {figures.number(aim.value)}{marks.get(aim.kind, '')}" for aim in one.targets)
            told.append(f"{one.name}: {one.minimum:,}–{one.maximum:,}, {', '.join(aims)}")
    return "; ".join(told)


def _findings(seen: Look, plan: Plan, scaling: Scaling, fits: Fit | None) -> Iterator[Message]:
    zones = {node.zone for part in seen.parts for node in part.nodes if node.zone and node.ready}
    if zones and len(zones) < plan.zones:
        yield say("cluster_zones", have=str(len(zones)), wanted=str(plan.zones), names=", ".join(sorted(zones)))
    if fits is not None and fits.pods < scaling.pods_per_node:
        yield say("cluster_does_not_fit", fits=str(fits.pods), by=fits.by, said=str(scaling.pods_per_node))
    yield from _best(plan, seen.parts)
    for part in seen.parts:
        yield from _of_part(part, plan, scaling, len(seen.parts))


def _of_part(part: Part, plan: Plan, scaling: Scaling, parts: int) -> Iterator[Message]:
    """Each cluster of a region carries its share."""
    pods = math.ceil(plan.nodes * scaling.pods_per_node / parts)
    context = part.cluster.context
    if part.workload is None:
        if "workloads" not in part.cluster.missing:
            yield say("cluster_no_workload", context=context, name=scaling.workload, namespace=part.cluster.namespace)
        return
    scaler = part.autoscaler
    if scaler is not None and scaler.maximum < pods:
        yield say("cluster_maximum", name=scaler.name, most=f"{scaler.maximum:,}", pods=f"{pods:,}")
    for quota in part.cluster.quotas:
        yield from _short(quota, part.workload, pods)
    for pool in part.cluster.node_pools:
        yield from _limited(pool, part, math.ceil(plan.nodes / parts))
    yield from _disruptions(part, scaling)


def _short(quota: Quota, workload: Workload, pods: int) -> Iterator[Message]:
    """What more pods would ask for beyond what is left."""
    more = max(0, pods - workload.replicas)
    asks = {
        "pods": 1.0,
        "count/pods": 1.0,
        "cpu": workload.requests.cpu,
        "requests.cpu": workload.requests.cpu,
        "memory": workload.requests.memory,
        "requests.memory": workload.requests.memory,
        "limits.cpu": workload.limits.cpu,
        "limits.memory": workload.limits.memory,
    }
    for name, each in asks.items():
        if each and name in quota.hard:
            left = quota.hard[name] - quota.used.get(name, 0.0)
            if more * each > left:
                room = f"{max(0, math.floor(left / each)):,}"
                yield say("cluster_quota", quota=quota.name, resource=name, more=f"{more:,}", room=room)


def _limited(pool: NodePool, part: Part, nodes: int) -> Iterator[Message]:
    """Whether a NodePool may launch what is missing, in nodes like the largest that are there."""
    each = max((node.capacity.cpu for node in part.nodes if node.capacity.cpu), default=None)
    more = max(0, nodes - len(part.nodes))
    if pool.limits.cpu is not None and each:
        room = math.floor(max(0.0, pool.limits.cpu - (pool.used.cpu or 0.0)) / each)
        if room < more:
            yield say("cluster_pool", pool=pool.name, limit=f"{pool.limits.cpu:g}", room=f"{room:,}", more=f"{more:,}")


def _disruptions(part: Part, scaling: Scaling) -> Iterator[Message]:
    assert part.workload is not None
    ours = [one for one in part.cluster.disruptions if one.selector.matches(part.workload.pod_labels)]
    for one in ours:
        if one.allowed == 0 and part.workload.ready >= part.workload.replicas:
            yield say("cluster_stuck", name=one.name, rule=one.rule)
    others = [one.name for one in ours if one.name != scaling.workload]
    if others:
        yield say("cluster_two_budgets", names=", ".join(others), ours=scaling.workload)


def _best(plan: Plan, parts: Sequence[Part]) -> Iterator[Message]:
    """Pods on a node of the type advised, by EKS' own formula, where the cluster has none of them."""
    best = plan.offers.best
    machine = None if best is None else machine_of(best.offer)
    if best is None or machine is None:
        return
    name = best.offer.name
    workload = next((part.workload for part in parts if part.workload is not None), None)
    if workload is None or any(node.kind == name for part in parts for node in part.nodes):
        return
    found = fit(eks_allocatable(machine), workload.requests)
    if found is not None:
        yield say("cluster_new_kind", kind=name, fits=str(found.pods), by=found.by)
