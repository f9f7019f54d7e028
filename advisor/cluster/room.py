"""Where the workload may run: nodes that take it, how much of it fits on them, and what each cluster's share is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from advisor.cluster.fitting import Fit, fit
from advisor.cluster.parts import Part
from advisor.cluster.snapshot import Amounts, Cluster, Node, Taint, Toleration, Usage, Workload
from loadtests.region import Frozen

REPEL: Final = ("NoSchedule", "NoExecute")
"""Effects that keep pods away; ``PreferNoSchedule`` is a wish."""


class Room(Frozen):
    """What one cluster can hold of a region's workload."""

    context: str
    nodes: int
    """Ready, not cordoned, and open to the workload."""
    pods: int | None
    """That fit on them by allocatable over requests; None where pods ask for nothing."""
    share: float
    """Of the region's demand: by pods, else by nodes, else evenly."""


def usable(part: Part) -> tuple[Node, ...]:
    """Nodes that take new pods of the workload; of a workload that is not known all that take any."""
    return tuple(node for node in _up(part) if part.workload is None or _takes(node, part.workload))


def closed(part: Part) -> Mapping[str, int]:
    """Nodes that would take pods, but not of this workload: how many, by taint or missing label."""
    work = part.workload
    if work is None:
        return {}
    return Counter(_why(node, work) for node in _up(part) if not _takes(node, work))


def tolerates(one: Toleration, taint: Taint) -> bool:
    """As Kubernetes matches them: an empty key with ``Exists`` is every taint, an empty effect every effect."""
    if one.effect not in ("", taint.effect) or ((one.key or one.operator != "Exists") and one.key != taint.key):
        return False
    return one.operator == "Exists" or one.value == taint.value


def fits(part: Part, requests: Amounts | None = None) -> Fit | None:
    """Pods on the smallest node that is open to them, by what they ask for or by ``requests``."""
    if part.workload is None:
        return None
    asked = requests or part.workload.requests
    return min((one for node in usable(part) if (one := fit(node.allocatable, asked)) is not None), default=None)


def rooms(parts: Sequence[Part]) -> tuple[Room, ...]:
    """One for each part; shares add up to one."""
    pods, nodes = [_pods(part) for part in parts], [len(usable(part)) for part in parts]
    known = [count for count in pods if count is not None]
    sizes = known if len(known) == len(parts) and any(known) else nodes
    sizes = sizes if any(sizes) else [1] * len(parts)
    return tuple(
        Room(context=part.cluster.context, nodes=count, pods=fit_here, share=size / sum(sizes))
        for part, count, fit_here, size in zip(parts, nodes, pods, sizes, strict=True)
    )


def _pods(part: Part) -> int | None:
    if part.workload is None:
        return None
    found = [fit(node.allocatable, part.workload.requests) for node in usable(part)]
    known = [one.pods for one in found if one is not None]
    return sum(known) if len(known) == len(found) else None


def _up(part: Part) -> Iterator[Node]:
    return (node for node in part.nodes if node.ready and not node.cordoned)


def _takes(node: Node, work: Workload) -> bool:
    return not any(_refusals(node, work))


def _why(node: Node, work: Workload) -> str:
    return next(_refusals(node, work))


def _refusals(node: Node, work: Workload) -> Iterator[str]:
    """Taints that nothing tolerates, then labels that its ``nodeSelector`` asks for in vain."""
    for taint in node.taints:
        if taint.effect in REPEL and not any(tolerates(one, taint) for one in work.tolerations):
            yield f"{taint.key}{'=' if taint.value else ''}{taint.value}:{taint.effect}"
    for key, value in work.node_selector.items():
        if node.labels.get(key) != value:
            yield f"nodeSelector {key}={value}"


class Used(Frozen):
    """What the pods of a region use, now or each at its busiest. CPU in cores, memory in bytes."""

    pods: int
    """Of which it is known."""
    cpu: float
    """Mean of a pod."""
    most_cpu: float
    memory: float
    """Mean of a pod."""
    most_memory: float
    cpu_share: float | None
    """Mean over request; None where pods ask for nothing."""
    memory_share: float | None


def used(parts: Sequence[Part]) -> Used | None:
    """Now, by the metrics API; None where it says nothing of them."""
    return _used(parts, lambda cluster: cluster.usage)


def peaks(parts: Sequence[Part]) -> Used | None:
    """Each at its busiest, by Prometheus; None where it says nothing of them."""
    return _used(parts, lambda cluster: cluster.peaks)


def _used(parts: Sequence[Part], told: Callable[[Cluster], Sequence[Usage]]) -> Used | None:
    mine = [(part, {pod.name for pod in part.pods}) for part in parts]
    found = [(part, one) for part, names in mine for one in told(part.cluster) if one.pod in names]
    if not found:
        return None
    asked = [part.workload.requests for part, _ in found if part.workload is not None]
    cpus, memories = [one.cpu for _, one in found], [one.memory for _, one in found]
    return Used(
        pods=len(found),
        cpu=math.fsum(cpus) / len(found),
        most_cpu=max(cpus),
        memory=math.fsum(memories) / len(found),
        most_memory=max(memories),
        cpu_share=_share(cpus, [one.cpu for one in asked]),
        memory_share=_share(memories, [one.memory for one in asked]),
    )


def _share(values: Sequence[float], asked: Sequence[float | None]) -> float | None:
    known = [one for one in asked if one]
    return math.fsum(values) / math.fsum(known) if len(known) == len(values) else None
