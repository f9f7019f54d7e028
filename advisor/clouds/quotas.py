"""Quotas of AWS by their codes: of vCPUs, which families of types share, and of groups of nodes.

``quotas.yaml`` has the codes and the defaults, with their sources; what holds in an account is read from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml
from pydantic import PositiveInt

from loadtests.region import Fact, Frozen

PROVIDER: Final = "aws"
"""Whose instance types these are."""


class VcpuQuota(Frozen):
    """The codes of what some families of types share, in vCPUs."""

    families: tuple[str, ...]
    on_demand: str
    spot: str = ""
    """Empty where none is known."""


class Limit(Frozen):
    """A quota that is counted in pieces."""

    service: str
    """As Service Quotas calls it."""
    code: str
    usual: Fact[PositiveInt]
    """Where nobody asked for more."""

    def command(self, region: str, wanted: int) -> str:
        """The command that asks for so many."""
        quota = f"--service-code {self.service} --quota-code {self.code}"
        return f"aws service-quotas request-service-quota-increase {quota} --region {region} --desired-value {wanted}"


class Limits(Frozen):
    """What bounds groups of nodes."""

    nodes_per_group: Limit
    """Nodes of a managed node group of EKS."""
    groups_per_cluster: Limit
    """Managed node groups of a cluster."""
    scaling_groups: Limit
    """Auto Scaling groups of a region."""


@cache
def _facts() -> Mapping[str, Any]:
    return dict(yaml.safe_load((resources.files("advisor") / "clouds" / "quotas.yaml").read_text(encoding="utf-8")))


@cache
def vcpu_quotas() -> Fact[tuple[VcpuQuota, ...]]:
    """All quotas of vCPUs, and where they are from."""
    return Fact[tuple[VcpuQuota, ...]].model_validate(_facts()["vcpus"])


@cache
def limits() -> Limits:
    """What bounds groups of nodes."""
    return Limits.model_validate(_facts()["limits"])


def class_of(name: str) -> str:
    """The letters that a type's family begins with: ``c`` of ``c7gn.4xlarge``."""
    found = re.match(r"[a-z]+?(?=\d|-|\.)", name)
    return found[0] if found else name


@cache
def code_of(name: str, *, spot: bool = False) -> str:
    """The code of the quota that a type counts against; empty where none is known (Mac types run on hosts alone)."""
    letters = class_of(name)
    generation = re.match(rf"{re.escape(letters)}\d+", name)
    for one in vcpu_quotas().value:
        if letters in one.families or (generation is not None and generation[0] in one.families):
            return one.spot if spot else one.on_demand
    return ""


ON_DEMAND: Final = code_of("c7g.large")
"""Of the standard families, which nearly all nodes are of."""
SPOT: Final = code_of("c7g.large", spot=True)
"""The same for spot requests."""


def is_standard(name: str) -> bool:
    """Whether a type falls under the quota of the standard families."""
    return code_of(name) == ON_DEMAND
