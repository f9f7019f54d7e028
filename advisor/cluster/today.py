"""Today versus needed, for one region: nodes, pods, zones, settings in place, and what stands in the way."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from advisor import figures
from advisor.autoscale.hpa import Hpa
from advisor.cluster.fitting import Fit, eks_allocatable, fit, machine_of
from advisor.cluster.in_place import all_in_place
from advisor.cluster.parts import Part, parts_of
from advisor.cluster.quotas import left
from advisor.cluster.room import Room, Used, closed, fits, peaks, rooms, usable, used
from advisor.cluster.snapshot import Amounts, Cluster, NodePool, Quota
from advisor.cluster.starts import Waited, waits
from advisor.models import Excuse
from advisor.plans.plan import Plan
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
    """Ready, not cordoned, and open to the workload."""
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
    rooms: tuple[Room, ...] = ()
    """What each cluster can hold, and its share of the demand."""
    used: Used | None = None
    """What pods use now; None where the metrics API says nothing of them."""
    peaks: Used | None = None
    """What each used at its busiest in the last days; None where no Prometheus says."""
    quotas: tuple[Quota, ...] | None = None
    """Of the namespaces, as they are used; None where they could not be read."""


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
    settings, excuses = all_in_place(parts, scaling)
    return Look(parts, waits(parts), settings, excuses)


def looked(cluster: Cluster, looks: Mapping[str, Look], codes: Sequence[str]) -> Looked:
    """For the report; ``looks`` and ``codes`` are of the regions that are advised on."""
    fields = ("nodes", "workloads", "autoscalers", "pods")
    return Looked(
        context=cluster.context,
        server=cluster.server,
        namespace=cluster.namespace,
        version=cluster.version,
        at=cluster.read_at.strftime("%Y-%m-%d %H:%M"),
        counts={name: len(getattr(cluster, name)) for name in fields},
        excuses=(*cluster.excuses, *_serves_none(cluster, looks, codes)),
    )


def _serves_none(cluster: Cluster, looks: Mapping[str, Look], codes: Sequence[str]) -> Iterator[Excuse]:
    """That a cluster was read in vain. Of one that is shut this is known already."""
    if not cluster.version or any(part.cluster is cluster for one in looks.values() for part in one.parts):
        return
    places = sorted({node.region for node in cluster.nodes if node.region})
    told = {"context": cluster.context, "regions": ", ".join(codes)}
    if "nodes" in cluster.missing:
        reason = say("cluster_serves_unread", **told)
    elif places:
        reason = say("cluster_serves_none", places=", ".join(places), **told)
    else:
        reason = say("cluster_serves_unlabelled", **told)
    yield Excuse(about=cluster.context, reason=reason, remedy=say("remedy_cluster_serves", context=cluster.context))


def today(seen: Look, plan: Plan | None, scaling: Scaling, nodes_advised: int | None = None) -> Today:
    """Beside the plan, and beside so many nodes of what is carried out; None: beside those planned."""
    if plan is not None and nodes_advised is not None:
        plan = plan.model_copy(update={"nodes": nodes_advised})
    nodes = [node for part in seen.parts for node in usable(part)]
    workloads = [part.workload for part in seen.parts if part.workload is not None]
    smallest = min((one for part in seen.parts if (one := fits(part)) is not None), default=None)
    return Today(
        contexts=tuple(part.cluster.context for part in seen.parts),
        workload=scaling.workload,
        nodes=len(nodes),
        needed_nodes=None if plan is None else plan.nodes,
        kinds=dict(Counter(node.kind or "?" for node in nodes)),
        zones=tuple(sorted({node.zone for node in nodes if node.zone})),
        pods=sum(pod.ready is not None for part in seen.parts for pod in part.pods) if workloads else None,
        needed_pods=None if plan is None else plan.nodes * scaling.pods_per_node,
        fits=None if smallest is None else smallest.pods,
        fits_by="" if smallest is None else smallest.by,
        settings=_settings(seen.parts),
        findings=() if plan is None else tuple(_findings(seen, plan, scaling, smallest)),
        waited=seen.waited,
        excuses=seen.excuses,
        rooms=rooms(seen.parts),
        used=used(seen.parts),
        peaks=peaks(seen.parts),
        quotas=_quotas(seen.parts),
    )


def _quotas(parts: Sequence[Part]) -> tuple[Quota, ...] | None:
    if any("quotas" in part.cluster.missing for part in parts):
        return None
    return tuple(quota for part in parts for quota in part.cluster.quotas)


def _settings(parts: Sequence[Part]) -> str:
    scalers = (part.autoscaler for part in parts)
    told = []
    for one in scalers:
        if one is not None:
            marks = {"Utilization": "%"}
            aims = (f"{aim.name} {figures.number(aim.value)}{marks.get(aim.kind, '')}" for aim in one.targets)
            told.append(f"{one.name}: {one.minimum:,}–{one.maximum:,}, {', '.join(aims)}")
    return "; ".join(told)


def _findings(seen: Look, plan: Plan, scaling: Scaling, smallest: Fit | None) -> Iterator[Message]:
    zones = {node.zone for part in seen.parts for node in usable(part) if node.zone}
    if zones and len(zones) < plan.zones:
        yield say("cluster_zones", have=str(len(zones)), wanted=str(plan.zones), names=", ".join(sorted(zones)))
    if smallest is not None and smallest.pods < scaling.pods_per_node:
        yield say("cluster_does_not_fit", fits=str(smallest.pods), by=smallest.by, said=str(scaling.pods_per_node))
    yield from _best(plan, seen.parts)
    for part, room in zip(seen.parts, rooms(seen.parts), strict=True):
        yield from _of_part(part, plan, scaling, room.share)


def _of_part(part: Part, plan: Plan, scaling: Scaling, share: float) -> Iterator[Message]:
    """Each cluster of a region carries its share."""
    pods = math.ceil(plan.nodes * scaling.pods_per_node * share)
    context = part.cluster.context
    if part.workload is None:
        if "workloads" not in part.cluster.missing:
            yield say("cluster_no_workload", context=context, name=scaling.workload, namespace=part.cluster.namespace)
        return
    scaler = part.autoscaler
    if scaler is not None and scaler.maximum < pods:
        yield say("cluster_maximum", name=scaler.name, most=f"{scaler.maximum:,}", pods=f"{pods:,}")
    for why, count in closed(part).items():
        yield say("cluster_closed", context=context, count=f"{count:,}", why=why, name=scaling.workload)
    more = max(0, pods - part.workload.replicas)
    for one in left(part):
        if more > one.pods:
            told = {"resource": one.resource, "more": f"{more:,}", "room": f"{one.pods:,}"}
            yield say("cluster_quota", quota=one.quota.name, **told)
    for pool in part.cluster.node_pools:
        yield from _limited(pool, part, math.ceil(plan.nodes * share))
    yield from _greedy(part)
    yield from _disruptions(part, scaling)


def _greedy(part: Part) -> Iterator[Message]:
    """Pods that use more than they ask for: fewer fit on a node than their requests say."""
    known, asked = [one for one in (used([part]), peaks([part])) if one is not None], fits(part)
    if not known or asked is None or part.workload is None:
        return
    requests = part.workload.requests
    cpu = max(requests.cpu or 0.0, *(one.most_cpu for one in known))
    memory = max(requests.memory or 0.0, *(one.most_memory for one in known))
    fewer = fits(part, Amounts(cpu=cpu, memory=memory))
    if fewer is not None and fewer.pods < asked.pods:
        told = {"by": fewer.by, "fits": str(fewer.pods), "asked": str(asked.pods)}
        yield say("cluster_greedy", context=part.cluster.context, name=part.workload.name, **told)


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
    best = plan.offers.chosen
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
