"""What a run will cost before it starts: egress per region in gigabytes and at the list price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from loadtests.arrivals import arrivals
from loadtests.region import Fact, load_region
from loadtests.scenario import Scenario
from loadtests.session import LadderStep, Viewer

OVERHEAD: Final = 0.05
"""TCP/IP, TLS and HTTP headers on top of media bytes: 3-7 % (assumed)."""


class Egress(NamedTuple):
    """One region's part of the bill."""

    region: str
    gigabytes: float
    usd: float
    price: Fact[float]


def egress(scenario: Scenario, bitrates: Mapping[str, Mapping[LadderStep, float]]) -> list[Egress]:
    """Egress per region if every planned viewer watches to the end of the plan; GB are 10^9 bytes.

    ``bitrates`` are by region: each may watch a target of its own.
    """
    bits = _bits(arrivals(scenario), bitrates)
    bill = []
    for code in scenario.regions:
        gigabytes = bits[code] * (1 + OVERHEAD) / 8e9
        price = load_region(code).egress_usd_per_gb
        bill.append(Egress(code, gigabytes, gigabytes * price.value, price))
    return bill


def _bits(viewers: Iterable[Viewer], bitrates: Mapping[str, Mapping[LadderStep, float]]) -> Counter[str]:
    bits: Counter[str] = Counter()
    for viewer in viewers:
        rate = bitrates[viewer.region][viewer.rendition]
        bits[viewer.region] += (viewer.leave_at - viewer.join_at) * rate  # type: ignore[assignment]
    return bits


def describe(bill: list[Egress]) -> str:
    """The estimate as lines for the terminal."""
    total = sum(part.gigabytes for part in bill)
    money = sum(part.usd for part in bill)
    lines = [f"Egress this run will cause: about {total:.2f} GB, {money:.2f} USD at CDN list price (first tier)"]
    lines += [
        f"  {part.region}: {part.gigabytes:.2f} GB × {part.price.value:g} USD/GB = {part.usd:.2f} USD"
        f"  [{part.price.source}, {part.price.as_of}, {part.price.confidence}]"
        for part in bill
    ]
    return "\n".join(lines)
