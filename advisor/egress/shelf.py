"""What a terminal shows of prices of egress: which lists there are, how old, and what stands in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from advisor.egress.prices import EgressList, list_names, load_list
from advisor.offers.shelves import UNKNOWN, age, table


def egress_list_lines(day: date) -> Iterator[str]:
    """A line for each list that ships."""
    lists = [load_list(name) for name in list_names()]
    rows = [(one.name, one.provider, f"{len(one.per_gb):,}", age(one.facts.prices.as_of, day)) for one in lists]
    return table([("egress", "provider", "regions", "as of"), *rows])


def egress_lines(found: EgressList, regions: Sequence[str], day: date) -> Iterator[str]:
    """A list: where its prices are from, then a region a line, of ``regions`` or all."""
    yield f"{found.name} ({found.provider}), {age(found.facts.prices.as_of, day)}"
    for kind, origin in found.facts:
        if origin is not None:
            yield f"  {kind}: {origin.source}, {origin.as_of}, {origin.confidence}"
    yield f"  free to: {', '.join(found.free_to) or 'none that is known'}"
    borders = ", ".join(f"{one:,.0f}" for one in found.borders_gb)
    yield f"  tiers ({found.tiers}, by {found.period}), GB: {borders or 'one'}"
    yield from table([("region", "USD per GB"), *(_row(found, one) for one in tuple(regions) or found.per_gb)])


def _row(found: EgressList, region: str) -> tuple[str, str]:
    prices = found.per_gb.get(region, (None,))
    return region, " ".join(UNKNOWN if one is None else f"{one:g}" for one in prices)
