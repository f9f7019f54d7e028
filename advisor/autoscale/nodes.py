"""Where pods run: nodes, what is spare on them, and how long new ones take.

    pending pods ► free slots ► else placeholders give way ► else new nodes: scan, launch, register
                                  (which are asked for again at once)

Sources: Cluster Autoscaler FAQ (scan interval 10 s), Karpenter options (batches of 1 to 10 s), EC2 throttling of
RunInstances (bucket of 1,000 nodes, 2 a second), EKS documentation of warm pools; docs/autoscaling.md.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

SCAN: Final = 10.0
"""Seconds between two looks of Cluster Autoscaler at pending pods; Karpenter waits as long at most for a batch."""
BUCKET: Final = 1000
REFILL: Final = 2.0
"""EC2's RunInstances: nodes that may be asked for at once, and per second afterwards."""


Count = TypeVar("Count", int, NDArray[np.int64])


def turns(asked: Count, index: int, among: int) -> Count:
    """How often it was the turn of number ``index`` among so many, when ``asked`` nodes were launched in turn."""
    return (asked - index + among - 1) // among


@dataclass(frozen=True, slots=True)
class Nodes:
    """A node group, or what Karpenter may launch for a workload."""

    pods_per_node: int
    ready: int
    """Nodes that are there at the beginning."""
    most: int = 10_000
    """By quota, subnet addresses or ``limits``; whichever is least."""
    lead: float = 70.0
    """Seconds from a launch until the node is registered (advisor.plans.lead: the published middle)."""
    leads: tuple[float, ...] = ()
    """The same for one node after the other, in turn; empty where all take ``lead``."""
    image: float = 10.0
    """Seconds that a pod waits for its image on a node that is new."""
    boot: float = 30.0
    """Seconds from a pod's start until it is ready."""
    burst: int = BUCKET
    """Nodes that may be asked for at once …"""
    refill: float = REFILL
    """… and per second afterwards."""
    scan: float = SCAN
    placeholders: int = 0
    """Pods of low priority that keep slots free: a placeholder Deployment, or a CapacityBuffer."""
    warm: int = 0
    """Stopped or hibernated nodes of a warm pool."""
    warm_lead: float = 15.0
    """Seconds until one of them is registered: about 13 s were measured for a stopped instance (Karpenter #3798)."""

    def __post_init__(self) -> None:
        """What makes no sense is refused."""
        if self.pods_per_node < 1 or self.ready < 0 or self.most < self.ready:
            found = f"{self.pods_per_node}, {self.ready}, {self.most}"
            raise ValueError(f"expected pods_per_node >= 1 and 0 <= ready <= most, found {found}")
        if self.burst < 1 or self.refill <= 0:
            raise ValueError(f"expected burst >= 1 and refill > 0, found {self.burst}, {self.refill}")

    def queued(self, count: int) -> float:
        """Seconds until the last of ``count`` nodes may be asked for."""
        return max(0.0, (count - self.burst) / self.refill)


@dataclass(slots=True)
class Fleet:
    """The pods of one workload and the nodes below it, tick by tick."""

    nodes: Nodes
    tick: float = 1.0
    running: int = 0
    """Ready pods."""
    pending: int = 0
    held: int = 0
    """Placeholders in place."""
    up: int = field(init=False)
    """Nodes that are registered."""
    fresh: int = 0
    """Slots of new nodes on which no pod ran yet: their image is not there."""
    warm: int = field(init=False)
    asked: int = 0
    """Nodes that were launched so far, without warm ones: whose turn it is in ``leads``."""
    tokens: float = field(init=False)
    launching: deque[tuple[float, int]] = field(default_factory=deque)
    coming: int = 0
    """Nodes under way."""
    starting: deque[tuple[float, int]] = field(default_factory=deque)
    begun: int = 0
    """Pods that are starting."""
    scanned: float = float("-inf")

    def __post_init__(self) -> None:
        """Nodes and placeholders are in place."""
        self.up, self.warm, self.tokens = self.nodes.ready, self.nodes.warm, float(self.nodes.burst)
        self.held = min(self.nodes.placeholders, max(0, self.slots - self.running))

    @property
    def slots(self) -> int:
        """Pods that registered nodes can hold."""
        return self.up * self.nodes.pods_per_node

    @property
    def replicas(self) -> int:
        """Pods that there are, whatever their state."""
        return self.running + self.begun + self.pending

    def scale(self, replicas: int) -> None:
        """More pods are pending first; fewer go in the order of a ReplicaSet: pending, starting, ready."""
        change = replicas - self.replicas
        self.pending += max(0, change)
        gone = -min(0, change)
        off = min(gone, self.pending)
        self.pending, gone = self.pending - off, gone - off
        while gone and self.starting:
            at, count = self.starting.pop()
            if count > gone:
                self.starting.append((at, count - gone))
            self.begun -= min(gone, count)
            gone = max(0, gone - count)
        self.running -= gone

    def advance(self, now: float) -> None:
        """One tick: nodes register, pods become ready, pending ones are placed, new nodes are asked for."""
        while self.launching and self.launching[0][0] <= now:
            _, count = self.launching.popleft()
            self.up += count
            self.coming -= count
            self.fresh += count * self.nodes.pods_per_node
        while self.starting and self.starting[0][0] <= now:
            _, count = self.starting.popleft()
            self.running += count
            self.begun -= count
        self._place(now)
        self.tokens = min(float(self.nodes.burst), self.tokens + self.nodes.refill * self.tick)
        if now - self.scanned >= self.nodes.scan:
            self.scanned = now
            self._launch(now)

    def _place(self, now: float) -> None:
        """On slots whose node has the image first, then on new ones; placeholders give way, and come back."""
        room = self.slots - self.running - self.begun
        fresh = min(self.fresh, room)
        placed = min(self.pending, room)
        known = min(placed, room - fresh)
        self.pending -= placed
        self.fresh = fresh - (placed - known)
        for wait, count in ((0.0, known), (self.nodes.image, placed - known)):
            if count:
                self._start(now + wait + self.nodes.boot, count)
        self.held = min(self.nodes.placeholders, room - placed)

    def _start(self, at: float, count: int) -> None:
        """Keep the line in order of time: a pod on a new node may be ready after one that is placed later."""
        self.begun += count
        line = [*self.starting, (at, count)]
        self.starting = deque(sorted(line, key=lambda one: one[0]))

    def _launch(self, now: float) -> None:
        """Nodes for what is pending and for placeholders that have no slot, within limits and tokens."""
        homeless = self.pending + self.nodes.placeholders - self.held
        wanted = math.ceil(homeless / self.nodes.pods_per_node) - self.coming
        count = max(0, min(wanted, self.nodes.most - self.up - self.coming, int(self.tokens)))
        quick = min(count, self.warm)
        self.tokens -= count
        self.warm -= quick
        self.coming += count
        for lead, part in ((self.nodes.warm_lead, quick), *self._in_turn(count - quick)):
            if part:
                self.launching.append((now + lead, part))
        if count:
            self.launching = deque(sorted(self.launching, key=lambda one: one[0]))

    def _in_turn(self, count: int) -> list[tuple[float, int]]:
        """So many nodes by the seconds that each takes."""
        leads, before = self.nodes.leads or (self.nodes.lead,), self.asked
        self.asked += count
        return [
            (lead, turns(self.asked, index, len(leads)) - turns(before, index, len(leads)))
            for index, lead in enumerate(leads)
        ]
