"""What of a CDN an account may still use: its own quotas in place of the published ones, and the distributions left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from advisor.cdns.offer import CdnOffer, Limits
from advisor.clouds.snapshot import Account, EdgeQuotas
from advisor.offers.origin import Origin
from loadtests.region import Frozen
from loadtests.units import show_bitrate

SERVICE: Final = "cloudfront"
"""What Service Quotas calls the only CDN whose account is read."""


class Allowance(Frozen):
    """Distributions of an account for one CDN; None where that could not be read."""

    account: str
    quota: int | None
    """That it may have: by its own quota, else as published."""
    used: int | None
    serving: int | None
    """Of these: they serve the target already."""
    left: int | None
    """That the event may use: ``quota - used + serving``, never below zero."""


def with_account(
    offers: Iterable[CdnOffer], account: Account | None
) -> tuple[tuple[CdnOffer, ...], dict[str, Allowance]]:
    """The offers with what the account's own quotas make of them, and what is left of each that it says."""
    if account is None or not account.account:
        return tuple(offers), {}
    found: list[CdnOffer] = []
    left: dict[str, Allowance] = {}
    for offer in offers:
        if offer.quotas is None or offer.quotas.service != SERVICE:
            found.append(offer)
            continue
        own = applied(offer, account.edge, account.account, account.read_at.date()) if account.edge else offer
        found.append(own)
        left[offer.name] = _left(own, account)
    return tuple(found), left


def _left(offer: CdnOffer, account: Account) -> Allowance:
    quota = None if offer.limits is None else offer.limits.distributions
    used, serving = account.all_distributions, account.distributions
    left = None if quota is None or used is None or serving is None else max(0, quota - used + len(serving))
    return Allowance(
        account=account.account,
        quota=quota,
        used=used,
        serving=None if serving is None else len(serving),
        left=left,
    )


def applied(offer: CdnOffer, quotas: EdgeQuotas, account: str, day: date) -> CdnOffer:
    """An offer with an account's own quotas; what Service Quotas does not list stays as it is, with its own source."""
    told: dict[str, Any] = {name: value for name, value in quotas if value is not None}
    if quotas.egress is not None:
        told["egress"] = show_bitrate(quotas.egress)
    before = {} if offer.limits is None else offer.limits.model_dump()
    if not told or before.keys() | told.keys() != set(Limits.model_fields):
        return offer
    kept = sorted(before.keys() - told.keys())
    limits = Limits.model_validate(before | told)
    facts = offer.facts.model_copy(update={"limits": _origin(offer.facts.limits, kept, account, day)})
    return offer.model_copy(update={"limits": limits, "facts": facts})


def _origin(before: Origin | None, kept: list[str], account: str, day: date) -> Origin:
    source, as_of = f"Service Quotas ListServiceQuotas, as applied to account {account}", day.isoformat()
    if before is None or not kept:
        return Origin(source=source, as_of=as_of, confidence="measured")
    both = f"{source}; not listed there: {', '.join(kept)}, from: {before.source}"
    return Origin(source=both, as_of=min(before.as_of, as_of), confidence=before.confidence)


def room(offers: Iterable[CdnOffer], left: Mapping[str, Allowance]) -> dict[str, int]:
    """Distributions left, for those of which that and what one may carry are known."""
    found: dict[str, int] = {}
    for offer in offers:
        count = left[offer.name].left if offer.name in left else None
        if count is not None and offer.limits is not None:
            found[offer.name] = count
    return found
