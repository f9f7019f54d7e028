"""What there is to buy for one region, weighed: the best offer, others, the cheapest mix, and why not the rest."""

from __future__ import annotations

from typing import Literal

from advisor.clouds.groups import GroupNeed
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.offers.buying import QuotaNeed, Way
from advisor.offers.offer import Offer
from advisor.plans.bought import Mix
from advisor.plans.constraints import Constraint
from advisor.plans.refusals import OVER_QUOTA, Refusal
from advisor.texts import Message
from loadtests.region import Fact, Frozen


class OfferPlan(Frozen):
    """Nodes of one offer for one region."""

    offer: Offer
    nodes: int
    likely: Interval
    """Nodes that nine in ten draws need, and their median."""
    binding: str
    """The model whose resource asks for most nodes."""
    price: Fact[float] | None
    """USD per node and hour; None when nobody knows."""
    usd_per_hour: float | None
    """All nodes but those in ``paid``."""
    usd_per_event: float | None
    """The same, for as long as the rehearsed event lasts."""
    dearer: float | None
    """Share of the best one's cost in full by which it is dearer; None when a price is not known."""
    more_nodes: int
    """Than the best; below zero: fewer."""
    constraints: tuple[Constraint, ...]
    """The tightest first."""
    bound: Literal["needed", "at_most"] = "needed"
    """``at_most``: what binds was only shown, its limit was not reached; fewer nodes may do."""
    quota: QuotaNeed | None = None
    """vCPUs that they take; None where the catalogue does not say how many a node has, or who sells it."""
    paid: int = 0
    """Nodes in free reservations of the account, or covered by its Reserved Instances: they cost nothing on top."""
    serving: int = 0
    """Nodes that serve today in managed node groups of the account; the plan's nodes are not beside them."""
    groups: GroupNeed | None = None
    """Managed node groups that they take; None where AWS does not sell them."""
    but: Message | None = None
    """The rule that it breaks, where it is shown although it does not fit."""


class Choice(Frozen):
    """The offers of one region, weighed."""

    best: OfferPlan | None = None
    """The cheapest that fits; those of unknown price come last. None when nothing fits alone and on demand."""
    alternatives: tuple[OfferPlan, ...] = ()
    beyond: OfferPlan | None = None
    """The cheapest that would fit if a rule were bent, where it is cheaper than the best; it is among ``refusals``."""
    mix: Mix | None = None
    """The cheapest way to have the nodes with at most two shapes, or two ways to pay; None where no price is known, or
    nothing keeps to the quotas."""
    shapes: tuple[OfferPlan, ...] = ()
    """Where nothing fits alone and the mix does: its shapes, each as it would be alone; that with most nodes first."""
    ways: tuple[Way, ...] = ()
    """How the best offer may be paid for, and what each way means."""
    refusals: tuple[Refusal, ...] = ()
    """Every other offer, grouped by its reason."""

    @property
    def chosen(self) -> OfferPlan | None:
        """The best, or where nothing fits alone the shape that most nodes of the mix are of; None without either."""
        return self.best or next(iter(self.shapes), None)

    @property
    def wished(self) -> OfferPlan | None:
        """What is chosen, or else what would be with a higher quota: what an account is asked for."""
        beyond = self.beyond
        is_short = beyond is not None and beyond.but is not None and beyond.but.key in OVER_QUOTA
        return self.chosen or (beyond if is_short else None)

    @property
    def assumed(self) -> str:
        """Where the price of the offer shown first is from, where it is a provider's and assumed; else empty."""
        shown = ([self.best] if self.best else None) or self.shapes or ([self.beyond] if self.beyond else [])
        prices = (one.price for one in shown if one.price is not None and one.offer.provider)
        return next((one.source for one in prices if one.confidence == "assumed"), "")

    @property
    def refused(self) -> tuple[Excuse, ...]:
        """Every other offer, each with its reason; the reason's key is its code."""
        return tuple(excuse for refusal in self.refusals for excuse in refusal.each())
