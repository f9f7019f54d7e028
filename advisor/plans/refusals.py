"""Offers that are not taken, grouped by the reason: a thousand of them are a few lines, and none is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from advisor.models import Excuse
from advisor.offers.allowance import SAID, Allowance, Source
from advisor.texts import Message, say
from loadtests.region import Frozen

FIX: Final = "_fix"
"""What the key of a remedy has beside that of its reason."""
OFFER: Final = "offer"
OVER_QUOTA: Final = ("offer_over_quota", "offer_over_account", "offer_over_share")
"""Reasons that a higher quota mends: without, and with what else the account runs; where it is shared."""


SAYS: Final[Mapping[Source, str]] = {"launch": SAID, "account": "Service Quotas", "catalog": "quota_vcpus"}
"""Who says what a quota is, where a sentence names it."""


class Unfit(NamedTuple):
    """Why one offer is not taken: the sentence's key, and the values in it."""

    key: str
    values: dict[str, str]


def over_quota(allowance: Allowance, vcpus: int, told: dict[str, str]) -> Unfit:
    """Why so many vCPUs do not fit, and who says so."""
    told = told | {"asked": f"{vcpus:,}", "quota": f"{allowance.quota:,}"}
    if allowance.markets:
        share = allowance.left or 0
        told |= {"share": f"{share:,}", "lack": f"{vcpus - share:,}", "code": allowance.code or "-"}
        return Unfit("offer_over_share", told | {"markets": ", ".join(allowance.markets)})
    if not allowance.beside:
        return Unfit("offer_over_quota", told | {"source": SAYS.get(allowance.source, "-")})
    needed = {"used": f"{allowance.beside:,}", "total": f"{allowance.total(vcpus):,}"}
    return Unfit("offer_over_account", told | needed | {"code": allowance.code or "-"})


class Refusal(Frozen):
    """All offers that are not taken for one reason."""

    code: str
    """The key of the reason's sentence."""
    reason: Message
    """Of the first of them."""
    remedy: Message
    offers: tuple[str, ...]
    """All of them, in the order of the catalogues."""
    values: dict[str, tuple[str, ...]]
    """What differs from the first one's sentence, by name: a value for each of ``offers``."""

    def each(self) -> Iterator[Excuse]:
        """Every offer with its own sentence."""
        for index, offer in enumerate(self.offers):
            own = {name: column[index] for name, column in self.values.items()}
            told = self.reason.values | own | {OFFER: offer}
            yield Excuse(about=offer, reason=say(self.code, **told), remedy=say(self.code + FIX, **told))


def grouped(found: Iterable[Unfit]) -> tuple[Refusal, ...]:
    """One refusal for each reason, in the order in which they first came."""
    kinds: dict[str, list[dict[str, str]]] = {}
    for one in found:
        kinds.setdefault(one.key, []).append(one.values)
    return tuple(_refusal(key, rows) for key, rows in kinds.items())


def _refusal(key: str, rows: list[dict[str, str]]) -> Refusal:
    first, *_ = rows
    columns = {name: tuple(row[name] for row in rows) for name in first if name != OFFER}
    return Refusal(
        code=key,
        reason=say(key, **first),
        remedy=say(key + FIX, **first),
        offers=tuple(row[OFFER] for row in rows),
        values={name: column for name, column in columns.items() if len(set(column)) > 1},
    )
