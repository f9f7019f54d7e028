"""Which part of which cluster serves a region: by the region labels of nodes, or because the user says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.cluster.snapshot import Autoscaler, Cluster, Node, Pod, Scaled, Workload


@dataclass(frozen=True, slots=True)
class Part:
    """The nodes of one cluster that serve a region, and the workload's pods on them."""

    cluster: Cluster
    nodes: tuple[Node, ...]
    workload: Workload | None
    pods: tuple[Pod, ...]

    @property
    def reference(self) -> str:
        """The workload, as autoscalers refer to it."""
        return "" if self.workload is None else f"{self.workload.kind}/{self.workload.name}"

    @property
    def autoscaler(self) -> Autoscaler | None:
        """The HPA on the workload."""
        return next((one for one in self.cluster.autoscalers if one.target == self.reference), None)

    @property
    def scaled(self) -> Scaled | None:
        """The ScaledObject on the workload."""
        return next((one for one in self.cluster.scaled if one.target == self.reference), None)


def parts_of(clusters: Sequence[Cluster], code: str, places: Mapping[str, str], workload: str) -> tuple[Part, ...]:
    """The parts that serve a region; ``places`` is what providers call it."""
    found = (_part(cluster, code, places, workload) for cluster in clusters)
    return tuple(part for part in found if part is not None)


def _part(cluster: Cluster, code: str, places: Mapping[str, str], name: str) -> Part | None:
    if cluster.region not in (None, code):
        return None
    here = tuple(node for node in cluster.nodes if cluster.region == code or node.region in places.values())
    if not here and (cluster.region is None or "nodes" not in cluster.missing):
        return None
    workload = next((one for one in cluster.workloads if one.name == name), None)
    known = {node.name for node in here}
    pods = tuple(
        pod
        for pod in cluster.pods
        if workload is not None
        and workload.selector.matches(pod.labels)
        and (pod.node in known or cluster.region == code)
    )
    return Part(cluster, here, workload, pods)
