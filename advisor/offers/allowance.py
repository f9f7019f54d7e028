"""VCPUs that may run of an offer in a region, who says so, and with whom they are shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from advisor.clouds.snapshot import Place
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
    others: int = 0
    """vCPUs that are kept for the nodes of other markets."""
    markets: tuple[str, ...] = ()
    """These markets; empty where the quota was not divided (`advisor.plans.shares`)."""

    @property
    def beside(self) -> int:
        """VCPUs that count against it beside the plan's, as far as they are known."""
        return 0 if self.source == "launch" else self.used or 0

    @property
    def left(self) -> int | None:
        """For the plan's own nodes; None when nobody knows the quota. What the scenario says is for them alone."""
        return None if self.quota is None else max(0, self.quota - self.beside - self.others)

    @property
    def pool(self) -> str:
        """By which two offers share a quota; empty where that is not known."""
        return SAID if self.source == "launch" else self.code

    def short(self, vcpus: int) -> bool:
        """Whether so many do not fit; never where nobody knows."""
        return self.left is not None and vcpus > self.left

    def total(self, vcpus: int) -> int:
        """The quota that so many need, beside what else runs and what other markets keep."""
        return vcpus + (self.used or 0) + self.others


UNKNOWN: Final = Allowance()
"""Where nobody knows anything."""


class Pool(NamedTuple):
    """A quota in one region of a provider: all that counts against it adds up."""

    provider: str
    place: str
    name: str
    """Its code; where that is not known the catalogue and the figure, by which equal ones are one (assumed)."""
    spot: bool


@dataclass(frozen=True, slots=True)
class Portion:
    """What one market may plan with, of that which it shares with others."""

    others: Mapping[Pool, tuple[int, tuple[str, ...]]]
    """Of each quota the vCPUs that are kept for others, and for whom."""
    own: Place | None = None
    """The account's place with this market's part of the nodes in service and of the reservations; None without one."""


class Share(Frozen):
    """A quota that was divided among markets, and what one of them has of it.

    VCPUs beyond what counts against the quota already: nodes in service and reservations are divided as well.
    """

    code: str
    """Where it is not known the catalogue and the figure."""
    place: str
    """The provider's region."""
    spot: bool
    markets: tuple[str, ...]
    """The others."""
    left: int
    """For all of them together."""
    wanted: int
    """What all of them would take if each were alone."""
    share: int
    """Of this market."""
    taken: int
    """By its mix or its best offer, whichever takes more."""
