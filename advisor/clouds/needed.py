"""What a plan takes of an AWS account, part by part, with the quota that each part counts against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from advisor.clouds.quotas import ON_DEMAND, PROVIDER, code_of
from advisor.offers.buying import QuotaNeed
from advisor.offers.offer import REHEARSED, Offer
from advisor.plans.bought import Mix
from advisor.plans.choice import Choice


class Taken(NamedTuple):
    """Nodes of one type, bought in one way."""

    kind: str
    """Empty where nobody knows."""
    nodes: int | None
    """None where no nodes can be named."""
    each: int | None
    """vCPUs of a node; None when nobody knows."""
    code: str
    """Of the quota; empty where none is known."""
    spot: bool = False

    @property
    def vcpus(self) -> int | None:
        """Of all of them; None when nobody knows."""
        return None if self.nodes is None or self.each is None else self.nodes * self.each


def taken(choice: Choice) -> tuple[Taken, ...]:
    """The parts of the mix, else the best offer, if need be with a higher quota; nothing where AWS does not sell it."""
    wished, mix = choice.wished, choice.mix
    if wished is None or wished.offer.provider != PROVIDER:
        return ()
    named = {(wished.offer.name, False): wished.quota, (wished.offer.name, True): mix and mix.quota}

    def part(offer: str, nodes: int, each: int | None, *, spot: bool = False) -> Taken:
        need = named.get((offer, spot))
        code = need.code if need and need.code else code_of(offer, spot=spot)
        return Taken("" if offer == REHEARSED else offer, nodes, each, code, spot)

    if mix is None:
        size = wished.offer.vcpus
        return (part(wished.offer.name, wished.nodes, None if size is None else size.value),)
    return tuple(part(one.offer, one.nodes, one.vcpus, spot=one.purchase == "spot") for one in mix.parts)


def held_back(mix: Mix | None) -> QuotaNeed | None:
    """What more spot instances would need, where settings and headroom let them be and only their quota does not."""
    if mix is None or mix.quota is None or mix.quota.known is None or mix.quota.is_enough:
        return None
    bought = sum(part.nodes * (part.vcpus or 0) for part in mix.parts if part.purchase == "spot")
    return mix.quota if bought < mix.quota.vcpus else None


@dataclass(frozen=True, slots=True)
class Needs:
    """What one region's plan asks of an account."""

    place: str
    kind: str
    """Of the nodes that are no spot instances, or of most of them; empty where nobody knows."""
    parts: tuple[Taken, ...]
    zones: int = 1
    ends: datetime | None = None
    """Of the event; None when nobody knows."""

    @property
    def nodes(self) -> int | None:
        """Of that kind, spot instances left out."""
        return total(part.nodes for part in self.parts if part.kind == self.kind and not part.spot)

    @property
    def vcpus(self) -> int | None:
        """Of all nodes that are no spot instances; None where nobody knows."""
        return total(part.vcpus for part in self.parts if not part.spot)

    @property
    def kinds(self) -> dict[str, int]:
        """All nodes that are no spot instances, by kind; empty where nobody knows."""
        return counted(part for part in self.parts if not part.spot)

    @property
    def spot(self) -> dict[str, int]:
        """Spot instances, by kind."""
        return counted(part for part in self.parts if part.spot)

    @property
    def quotas(self) -> tuple[tuple[str, bool], ...]:
        """Codes of the quotas that count, and whether they are of spot; first that of the kind.

        Where the kind is not known that of the standard families stands for it.
        """
        first = [part.code for part in self.parts if part.kind == self.kind and not part.spot]
        usual = code_of(self.kind) if self.kind else ON_DEMAND
        others = sorted(((part.code, part.spot) for part in self.parts), key=lambda one: one[1])
        return tuple(dict.fromkeys([(next(iter(first), usual), False), *others]))

    def of(self, code: str, *, spot: bool) -> tuple[Taken, ...]:
        """What counts against a quota."""
        return tuple(part for part in self.parts if (part.code, part.spot) == (code, spot))


def total(counts: Iterable[int | None]) -> int | None:
    """None where one is not known."""
    found = list(counts)
    return None if None in found else sum(count or 0 for count in found)


def counted(parts: Iterable[Taken]) -> dict[str, int]:
    """Nodes by kind; what has no kind or no count is left out."""
    kinds = Counter[str]()
    for part in parts:
        if part.kind and part.nodes is not None:
            kinds[part.kind] += part.nodes
    return dict(kinds)


def alone(place: str, node: Offer, nodes: int | None, zones: int = 1, ends: datetime | None = None) -> Needs:
    """So many nodes of one kind."""
    kind = "" if node.name == REHEARSED else node.name
    size = None if node.vcpus is None else node.vcpus.value
    return Needs(place, kind, (Taken(kind, nodes, size, code_of(kind) if kind else ON_DEMAND),), zones, ends)
