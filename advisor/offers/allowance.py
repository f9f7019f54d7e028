"""VCPUs that may run of an offer in a region, and who says so: the scenario, the account, or the catalogue."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from loadtests.region import Frozen

Source: TypeAlias = Literal["launch", "account", "catalog", "unknown"]
"""``launch.quota_vcpus``; Service Quotas, as applied to the account; a file of facts; nobody."""
SAID: Final = "launch.quota_vcpus"
"""One number for all offers of a region, whatever quota each counts against."""


class Allowance(Frozen):
    """A quota with what is used of it."""

    source: Source = "unknown"
    code: str = ""
    """The provider's, of the offer's own family; empty where it is not known."""
    quota: int | None = None
    """vCPUs; None when nobody knows."""
    used: int | None = None
    """vCPUs of what else runs there, without the nodes that the plan counts as its own; None when nobody knows."""

    @property
    def beside(self) -> int:
        """VCPUs that count against it beside the plan's, as far as they are known."""
        return 0 if self.source == "launch" else self.used or 0

    @property
    def left(self) -> int | None:
        """For the plan's own nodes; None when nobody knows the quota. What the scenario says is for them alone."""
        return None if self.quota is None else max(0, self.quota - self.beside)

    @property
    def pool(self) -> str:
        """By which two offers share a quota; empty where that is not known."""
        return SAID if self.source == "launch" else self.code

    def short(self, vcpus: int) -> bool:
        """Whether so many do not fit; never where nobody knows."""
        return self.left is not None and vcpus > self.left

    def total(self, vcpus: int) -> int:
        """The quota that so many need, beside what else runs."""
        return vcpus + (self.used or 0)


UNKNOWN: Final = Allowance()
"""Where nobody knows anything."""
