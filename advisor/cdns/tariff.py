"""What a CDN charges for a volume in one price zone: tiers, and two ways to read them.

``marginal``: each tier's price is for the part of the period's volume inside it, as CloudFront charges,

    charge(v) = integral of price(x) dx from used to used + v

``reached``: all of the period's volume is charged at the tier that it reaches, as Tencent Cloud charges
("按日到达阶梯计费"), and the event is charged for its own part of it,

    charge(v) = v * price(used + v)

The latter falls where a border is crossed: a little more traffic costs a little less. The middle of a cost is what is
charged; its low end is the least that this volume *or more* costs, its high end the most that this volume *or less*
costs, so the ends never fall as traffic grows. A volume whose tier has no price is charged nobody knows what: None.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from advisor.interval import Interval
from loadtests.region import Frozen

Price: TypeAlias = Annotated[float, Field(ge=0, le=1e6)]
"""Of a GB (10^9 bytes), or of 10,000 requests, in the CDN's currency; zero only where the vendor says so."""
Tiers: TypeAlias = Literal["marginal", "reached"]


class Tariff(Frozen):
    """One zone's prices per GB. Volumes are GB in one billing period."""

    tiers: Tiers
    borders: tuple[Annotated[float, Field(gt=0, le=1e12)], ...] = ()
    """Where the next tier begins; it begins with the border itself."""
    prices: tuple[Price | None, ...]
    """One more than borders; None where nobody knows."""

    @model_validator(mode="after")
    def _has_a_price_per_tier(self) -> Self:
        if any(low >= high for low, high in pairwise(self.borders)):
            raise ValueError(f"borders must ascend, found {list(self.borders)}")
        if len(self.prices) != len(self.borders) + 1:
            raise ValueError(f"expected {len(self.borders) + 1} prices, one per tier, found {len(self.prices)}")
        return self

    def charge(self, volume: float, used: float = 0.0) -> float | None:
        """What a volume costs after ``used`` in the same period; None where a price is not known."""
        if self.tiers == "reached":
            price = self.prices[bisect_right(self.borders, used + volume)]
            return None if price is None else volume * price
        total = 0.0
        for low, high, price in self._tiers():
            part = max(0.0, min(high, used + volume) - max(low, used))
            if part and price is None:
                return None
            total += part * (price or 0.0)
        return total

    def cost(self, volume: Interval, used: float = 0.0) -> Interval | None:
        """What a volume that is not known for sure costs; its ends never fall as the volume grows."""
        found = self._least(volume.low, used), self.charge(volume.mid, used), self._most(volume.high, used)
        low, mid, high = found
        if low is None or mid is None or high is None:
            return None
        return volume.model_copy(update={"low": min(low, mid), "mid": mid, "high": max(mid, high)})

    def _tiers(self) -> Iterator[tuple[float, float, float | None]]:
        ends = (0.0, *self.borders, float("inf"))
        yield from zip(ends, ends[1:], self.prices, strict=False)

    def _least(self, volume: float, used: float) -> float | None:
        """The least that this volume or more costs: here, or right at a border above."""
        here = self.charge(volume, used)
        if here is None or self.tiers == "marginal":
            return here
        above = zip(self.borders, self.prices[1:], strict=True)
        return min([here, *(p * (b - used) for b, p in above if p is not None and b - used > volume)])

    def _most(self, volume: float, used: float) -> float | None:
        """The most that this volume or less costs: here, or right before a border below."""
        here = self.charge(volume, used)
        if here is None or self.tiers == "marginal":
            return here
        below = zip(self.borders, self.prices, strict=False)
        return max([here, *(p * (b - used) for b, p in below if p is not None and 0 < b - used <= volume)])
