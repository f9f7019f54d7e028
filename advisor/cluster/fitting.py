"""How many pods fit on a node, and what a node of EKS leaves for pods."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from advisor.cluster.snapshot import Amounts
from advisor.offers.offer import Offer

MIB: Final = 2**20
MIB_PER_GIB: Final = 1024
FEW_PODS: Final = 110
"""Pods on a node where the addresses of its network cards are not known (kubelet's default)."""
VM_OVERHEAD: Final = 0.075
"""Share of memory that Karpenter takes a virtual machine to cost until it has measured one."""
GRAVITON_MIB: Final = 64
"""What firmware keeps on Graviton."""
EVICTION_MIB: Final = 100


class Fit(NamedTuple):
    """Pods of one size on one node, and what runs out first."""

    pods: int
    by: Literal["cpu", "memory", "pods"]


def fit(allocatable: Amounts, requests: Amounts) -> Fit | None:
    """By allocatable alone: what else runs on the node is not taken off. None where pods ask for nothing."""
    rows: list[tuple[float, Literal["cpu", "memory", "pods"]]] = []
    if allocatable.cpu is not None and requests.cpu:
        rows.append((allocatable.cpu / requests.cpu, "cpu"))
    if allocatable.memory is not None and requests.memory:
        rows.append((allocatable.memory / requests.memory, "memory"))
    if not rows:
        return None
    if allocatable.pods is not None:
        rows.append((allocatable.pods, "pods"))
    most, by = min(rows)
    return Fit(math.floor(most + 1e-9), by)


@dataclass(frozen=True, slots=True)
class Machine:
    """An EC2 type. Memory in MiB, as EC2 states it."""

    vcpus: int
    memory: float
    graviton: bool = False
    network_cards: int | None = None
    """Interfaces, and addresses of each; None when not known."""
    addresses: int | None = None


def machine_of(offer: Offer) -> Machine | None:
    """An EC2 type as EKS' formula takes it; None where vCPUs or memory are not known, or it is not EC2's."""
    if offer.provider != "aws" or offer.vcpus is None or offer.memory_gib is None:
        return None
    return Machine(
        offer.vcpus.value,
        MIB_PER_GIB * offer.memory_gib.value,
        graviton="g" in offer.name.partition(".")[0][1:],
        network_cards=None if offer.interfaces is None else offer.interfaces.value,
        addresses=None if offer.addresses is None else offer.addresses.value,
    )


def eks_allocatable(machine: Machine) -> Amounts:
    """What the kubelet of EKS leaves for pods, before anything is measured.

    Pods: interfaces × (addresses − 1) + 2. Kept: 11 MiB for each pod and 255 MiB, 100 MiB for eviction; of CPU 6 % of
    the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest. Source: Karpenter, AWS provider,
    instance types (1d92708, 2026-08-21).
    """
    pods = FEW_PODS
    if machine.network_cards is not None and machine.addresses is not None:
        pods = machine.network_cards * (machine.addresses - 1) + 2
    whole = machine.memory - (GRAVITON_MIB if machine.graviton else 0)
    memory = whole - math.ceil(whole * VM_OVERHEAD) - (11 * pods + 255) - EVICTION_MIB
    return Amounts(cpu=machine.vcpus - _kept_cpu(machine.vcpus), memory=memory * MIB, pods=pods)


def _kept_cpu(vcpus: int) -> float:
    """Cores."""
    shares = (0.06, 0.01, 0.005, 0.005)
    return sum(shares[:vcpus]) + 0.0025 * max(0, vcpus - len(shares))
