"""Ways to pay for a node, as facts, and what each means for a launch.

A provider sells one and the same node in several ways: on demand, under a savings plan, reserved, stopped in a warm
pool, as a spot instance. They differ in price, in whether the node is there when it is asked for, and in whether it may
be taken back. A catalogue says what is known of each (docs/planning.md#ways-to-pay).
"""

from __future__ import annotations

from functools import reduce
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field

from advisor.offers.allowance import Allowance, Source
from advisor.offers.origin import dated
from loadtests.region import Fact, Frozen
from loadtests.units import Duration, Share

PurchaseName: TypeAlias = Literal["on_demand", "savings", "reservation", "warm_pool", "spot"]
PaidName: TypeAlias = PurchaseName | Literal["owned"]
"""How a node is paid for; ``owned``: by Reserved Instances that the account has, which nobody buys for an event."""


class Purchase(Frozen):
    """One way to pay for a node."""

    price: Annotated[Fact[Annotated[Share, Field(gt=0)]], AfterValidator(dated)]
    """While it runs, as a share of the price on demand."""
    waiting: Annotated[Fact[Share], AfterValidator(dated)] | None = None
    """The same while it is kept stopped; None where there is no such state."""
    restart: Annotated[Fact[Duration], AfterValidator(dated)] | None = None
    """Until a stopped node runs."""
    interrupted: Annotated[Fact[Share], AfterValidator(dated)] | None = None
    """Share of nodes that are taken back within a month; None where none are."""
    notice: Annotated[Fact[Duration], AfterValidator(dated)] | None = None
    """From the warning to the end."""
    assured: bool = False
    """Whether the provider promises that the node is there when it is asked for."""
    quota: str = ""
    """The provider's code of the quota that it counts against."""


class Shop(Frozen):
    """What holds for all offers of a catalogue."""

    catalog: str
    provider: str
    countries: dict[str, str] = Field(default_factory=dict)
    """Country (ISO 3166-1) of each provider region."""
    regions: tuple[str, ...] = ()
    """Provider regions that the catalogue names, whether it says their country or not; sorted."""
    buying: dict[PurchaseName, Purchase] = Field(default_factory=dict)
    raise_quota: str = ""
    """Command that asks for a higher quota."""

    def need(self, allowance: Allowance, region: str, vcpus: int) -> QuotaNeed:
        """So many vCPUs beside what may run, with the command that asks for what is missing."""
        fits = allowance.left is not None and not allowance.short(vcpus)
        return QuotaNeed(
            code=allowance.code,
            region=region,
            vcpus=vcpus,
            known=allowance.quota,
            command="" if fits else self.command(allowance.code, region, allowance.total(vcpus)),
            used=allowance.used,
            source=allowance.source,
            others=allowance.others,
            share=allowance.left if allowance.markets else None,
            markets=allowance.markets,
        )

    def command(self, code: str, region: str, vcpus: int) -> str:
        """The command that asks for so many vCPUs; empty where the catalogue has none, or the quota no known code."""
        if not code:
            return ""
        told = {"{code}": code, "{region}": region, "{vcpus}": str(vcpus)}
        return reduce(lambda text, one: text.replace(*one), told.items(), self.raise_quota)


class QuotaNeed(Frozen):
    """vCPUs that a plan takes, beside those that the account may run."""

    code: str
    """Of the quota; empty where the catalogue does not say it."""
    region: str
    """The provider's."""
    vcpus: int
    known: int | None
    """None when nobody knows the quota: look it up before the event."""
    command: str = ""
    """Asks for the increase; empty where the quota is known to be enough."""
    used: int | None = None
    """vCPUs of what else runs there, which the increase has on top; None when nobody knows, and then it has not."""
    source: Source = "unknown"
    """Who says what is known."""
    others: int = 0
    """vCPUs that other markets keep of it, or where this one asks for more, that they take or would take."""
    share: int | None = None
    """vCPUs that this market may take; None where the quota was not divided."""
    markets: tuple[str, ...] = ()
    """With whom it is shared."""

    @property
    def total(self) -> int:
        """The quota that is needed."""
        return self.vcpus + (self.used or 0) + self.others

    @property
    def is_enough(self) -> bool:
        """Whether the quota is known to be; what the scenario says is for the plan alone."""
        if self.share is not None:
            return self.vcpus <= self.share
        return self.known is not None and (self.vcpus if self.source == "launch" else self.total) <= self.known


class Way(Frozen):
    """One way to pay for the nodes of the best offer."""

    name: PurchaseName
    facts: Purchase
    most: int
    """Nodes that may be bought so, beside those in ``paid``."""
    accepted: bool
    """Whether the launch's settings let them be."""
    usd_per_hour: float | None
    """These bought so, and the others on demand but for those in ``paid``; None when a price is not known."""
    usd_waiting: float | None = None
    """Of these, per hour before the event, while they are kept but not used."""
    paid: int = 0
    """Nodes that are reserved or covered already: they cost nothing on top, whichever way the others are bought."""


ORDER: Final[tuple[PurchaseName, ...]] = ("on_demand", "savings", "reservation", "warm_pool", "spot")
