"""Quotas of a CDN: how many distributions carry a load, and what to ask for so that it is carried.

Each region is carried by distributions of its own, because ``terraform/live`` makes one for each: its host names,
playlists and shield are the region's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from advisor.cdns.allowance import Allowance
from advisor.cdns.offer import CdnOffer
from advisor.cdns.quota import GIGABIT, WIRE
from loadtests.region import Frozen

COUNTED: Final = "distributions"


class Increase(Frozen):
    """More of a quota, as it is asked for."""

    service: str
    region: str
    quota: str
    unit: str
    now: float
    """By default, or in the account that was read."""
    wanted: float
    """Enough for one distribution to carry each region, or for as many as that takes at the other quotas."""


def distributions(offer: CdnOffer, egress: float, requests: float) -> int | None:
    """How many carry so many bit/s and requests per second of one region at their quotas, but for a rounding error."""
    if offer.limits is None:
        return None
    shares = egress / offer.limits.egress, requests / offer.limits.requests_per_second
    return max(1, *(math.ceil(round(share, 9)) for share in shares))


class Carried(NamedTuple):
    """What one CDN carries: a region by distributions of its own, as ``terraform/live`` makes them."""

    egress: float
    """bit/s, of the region with the most; likewise the requests."""
    requests: float
    """Per second."""
    distributions: int | None
    """At their quotas, over all regions; None where no quota is known."""


def increases(offer: CdnOffer, most: Carried, allowance: Allowance | None = None) -> Iterator[Increase]:
    """Up to the next ten Gbit/s and ten thousand requests per second, where one distribution for a region would not do.

    Then as many distributions as there are and are missing, where the account has too few left.
    """
    limits, quotas = offer.limits, offer.quotas
    if limits is None or quotas is None:
        return
    where = {"service": quotas.service, "region": quotas.region}
    for quota, unit, now, asked, step in (
        (quotas.egress, WIRE, limits.egress / GIGABIT, most.egress / GIGABIT, 10),
        (quotas.requests_per_second, "requests/s", limits.requests_per_second, most.requests, 10_000),
    ):
        if asked > now:
            wanted = float(math.ceil(asked / step) * step)
            yield Increase(**where, quota=quota, unit=unit, now=now, wanted=wanted)
    needed = most.distributions or 0
    if quotas.distributions is None or allowance is None or allowance.left is None or needed <= allowance.left:
        return
    others = (allowance.used or 0) - (allowance.serving or 0)
    now, wanted = float(limits.distributions), float(others + needed)
    yield Increase(**where, quota=quotas.distributions, unit=COUNTED, now=now, wanted=wanted)
