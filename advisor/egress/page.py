"""What a report says of serving viewers by the nodes alone: rows and sentences of text in one language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from advisor import figures
from advisor.cdns.page import money
from advisor.cdns.plan import total
from advisor.texts import fill, name_of

if TYPE_CHECKING:
    from advisor.advice import Advice, RegionAdvice


def tools(lang: str) -> dict[str, Callable[..., Any]]:
    """What the part ``egress`` of a template calls."""
    return {"egress_rows": partial(rows, lang), "egress_lines": partial(lines, lang)}


def rows(lang: str, regions: Sequence[RegionAdvice]) -> list[tuple[str, ...]]:
    """Region, place, volume, egress, nodes, both; empty where nobody says who sells the nodes."""
    found: list[tuple[str, ...]] = []
    for region in regions:
        if (cost := region.egress) is not None:
            nodes = fill(lang, "cdns_unknown") if cost.nodes_usd is None else figures.dollars(cost.nodes_usd)
            sums = money(lang, cost.usd), nodes, money(lang, cost.total_usd)
            place = f"{cost.provider} {cost.place}"
            found.append((name_of(region.name, lang), place, figures.volume(cost.gb.mid), *sums))
    return found


def lines(lang: str, advice: Advice) -> Iterator[str]:
    """The sum beside the CDNs', which prices are not known, what shares tiers, what is free, where prices are from."""
    regions = advice.regions
    costs = {region.code: region.egress for region in regions if region.egress is not None}
    if len(costs) == len(regions) and (usd := total([cost.total_usd for cost in costs.values()])) is not None:
        yield fill(lang, "egress_total", usd=figures.dollars(usd.mid), span=figures.span(usd, "USD"))
        if advice.cdns is not None and advice.cdns.usd is not None:
            yield fill(lang, "egress_beside", usd=figures.dollars(advice.cdns.usd.mid))
    for place in dict.fromkeys(f"{one.provider} {one.place}" for one in costs.values() if one.usd is None):
        yield fill(lang, "egress_unknown", place=place)
    names = {region.code: name_of(region.name, lang) for region in regions}
    comma = "、" if lang == "zh" else ", "
    for shared in dict.fromkeys(one.together for one in costs.values() if len(one.together) > 1):
        place = next(one.place for one in costs.values() if one.together == shared)
        yield fill(lang, "egress_together", place=place, regions=comma.join(names[code] for code in shared))
    free = {(one.provider, one.free_to) for one in costs.values() if one.free_to}
    for provider, cdns in sorted(free):
        yield fill(lang, "egress_free", provider=provider, cdns=comma.join(cdns))
    for origin in dict.fromkeys((one.origin.source, one.origin.as_of) for one in costs.values() if one.origin):
        yield fill(lang, "egress_source", source=origin[0], as_of=origin[1])
