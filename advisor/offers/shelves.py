"""What a terminal shows of catalogues: which there are, how old, and what stands in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from advisor import figures
from advisor.cluster.fitting import eks_allocatable, machine_of
from advisor.offers.catalog import Catalog, catalog_of
from advisor.offers.offer import EVERYWHERE, Offer
from advisor.offers.origin import STALE_DAYS, days_old

UNKNOWN: Final = "?"


def list_lines(names: Iterable[str], day: date) -> Iterator[str]:
    """A line for each catalogue."""
    rows = [("catalogue", "provider", "offers", "regions", "as of")]
    for name in names:
        catalog, offers, _ = catalog_of(name)
        rows.append((catalog.name, catalog.provider, f"{len(offers):,}", f"{len(catalog.zones):,}", _age(catalog, day)))
    return table(rows)


def _age(catalog: Catalog, day: date) -> str:
    """The oldest of what grows stale: prices, quotas."""
    facts = catalog.facts
    dated = min((one.as_of for one in (facts.prices, facts.quotas) if one is not None), default="")
    return age(dated, day) if dated else f"{facts.shapes.as_of}, without prices"


def age(as_of: str, day: date) -> str:
    """How old a date of a fact is, and whether that is too old."""
    days = days_old(as_of, day)
    return f"{as_of}, {days:,} days" + (f": stale, look it up again (over {STALE_DAYS})" if days > STALE_DAYS else "")


def show_lines(named: str, regions: Sequence[str], day: date) -> Iterator[str]:
    """A catalogue: where its figures are from, then an offer a line, prices and zones as in ``regions`` or in all."""
    catalog, offers, _ = catalog_of(named)
    yield f"{catalog.name} ({catalog.provider}), {_age(catalog, day)}"
    for kind, origin in catalog.facts:
        if origin is not None:
            yield f"  {kind}: {origin.source}, {origin.as_of}, {origin.confidence}"
    looked = tuple(regions) or tuple(sorted(catalog.zones))
    for title, quotas in (("on-demand", catalog.quota_vcpus), ("spot", catalog.quota_spot_vcpus)):
        told = ", ".join(f"{region} {quotas[region]:,}" for region in looked if region in quotas)
        yield f"  vCPU quota, {title}: {told or 'not known'}"
    flow = next((one.flow for one in offers if one.flow is not None), None)
    yield f"  one connection: {'not known' if flow is None else f'{figures.bits(flow.value)} at most'}"
    heads = ("offer", "vCPUs", "GiB", "in region", "burst", "internet", "pods (EKS)", "USD/h", "offered in")
    yield from table([heads, *(_row(offer, looked) for offer in offers)])


def _row(offer: Offer, regions: Sequence[str]) -> tuple[str, ...]:
    rates = (offer.egress_in_region, offer.burst_in_region, offer.egress)
    here = [region for region in regions if (offer.zones or {}).get(region, 0) or offer.zones is None]
    return (
        offer.name,
        UNKNOWN if offer.vcpus is None else f"{offer.vcpus.value:,}",
        UNKNOWN if offer.memory_gib is None else figures.number(offer.memory_gib.value),
        *(UNKNOWN if rate is None else figures.bits(rate.value) for rate in rates),
        _pods(offer),
        _price(offer, here),
        _offered(offer, regions, len(here)),
    )


def _offered(offer: Offer, regions: Sequence[str], here: int) -> str:
    if len(regions) == 1:
        zones = (offer.zones or {}).get(regions[0])
        return UNKNOWN if zones is None else f"{zones:,} zones"
    return f"{here:,} of {len(regions):,} regions"


def _pods(offer: Offer) -> str:
    machine = machine_of(offer)
    return UNKNOWN if machine is None or machine.addresses is None else f"{eks_allocatable(machine).pods:,.0f}"


def _price(offer: Offer, regions: Sequence[str]) -> str:
    known = [fact.value for region in regions if (fact := offer.price_in(region)) is not None]
    if not known and (everywhere := offer.usd_per_hour.get(EVERYWHERE)) is not None:
        known = [everywhere.value]
    if not known:
        return UNKNOWN
    low, high = min(known), max(known)
    return f"{low:g}" if low == high else f"{low:g}–{high:g}"


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows with their columns below one another."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
