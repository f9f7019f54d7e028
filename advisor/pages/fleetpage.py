"""What the report says of what is carried out: nodes by group, and the pods on them, as exports write them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from advisor import figures
from advisor.advice import RegionAdvice
from advisor.autoscale.scaling import ScalingAdvice
from advisor.carrying.fleet import Fleet, Group, carried_out
from advisor.clouds.groups import told
from advisor.models import Excuse
from advisor.offers.offer import REHEARSED
from advisor.plans.plan import Plan
from advisor.texts import Message, fill
from loadtests.scaling import Scaling

Row: TypeAlias = tuple[str, ...]


def tools(lang: str) -> dict[str, Callable[..., Any]]:
    """What the templates of this part may call."""
    return {
        "fleet_line": partial(line, lang),
        "fleet_lines": partial(lines, lang),
        "fleet_rows": partial(rows, lang),
        "fleet_pods": partial(pods, lang),
        "fleet_of": partial(of, lang),
        "carried_out": shown,
    }


def line(lang: str, region: RegionAdvice) -> str:
    """What to buy, in few words; empty where nothing was chosen."""
    fleet = region.fleet
    if fleet is None or not any(_is_bought(one) for one in fleet.groups):
        return ""
    return _priced(lang, ("fleet_line", "fleet_line_cost"), fleet, groups=_groups(lang, fleet))


def lines(lang: str, region: RegionAdvice, fleet: Fleet) -> list[str]:
    """The nodes, what they stand for, and what does not fit."""
    nodes = f"{fleet.nodes:,}"
    if not fleet.groups:
        return [fill(lang, "fleet_rehearsed", nodes=nodes)]
    said = [_priced(lang, ("fleet_answer", "fleet_answer_cost"), fleet, nodes=nodes, groups=_groups(lang, fleet))]
    if fleet.share != 1 and isinstance(region.nodes, Plan):
        share = figures.percent(fleet.share)
        said.append(fill(lang, "fleet_share", rehearsed=f"{region.nodes.nodes:,}", share=share))
    if len({one.offer for one in fleet.groups}) > 1:
        said.append(fill(lang, "fleet_balance"))
    if fleet.most < fleet.nodes:
        said.append(fill(lang, "fleet_short", wall=f"{fleet.most:,}", nodes=nodes))
    return said + [fill(lang, one.key, **one.values) for one in _managed(region.nodes, fleet)]


def _managed(plan: Plan | Excuse, fleet: Fleet) -> Iterator[Message]:
    """How many managed node groups Terraform makes of the groups, where one does not hold a group's most.

    Where stopped nodes are kept it makes one that is self-managed, as `terraform/modules/nodes` has it.
    """
    best = None if isinstance(plan, Excuse) else plan.offers.chosen
    if best is None or best.groups is None:
        return
    most = [one.most for one in fleet.groups if one.most and not one.warm]
    groups = sum(math.ceil(count / best.groups.each) for count in most)
    if groups > len(most):
        need = best.groups.model_copy(update={"nodes": sum(most), "groups": groups})
        yield from told(need, "" if best.quota is None else best.quota.region)


def rows(lang: str, fleet: Fleet) -> list[Row]:
    """A row for each group, and one for all where there are several."""
    found: list[Row] = [
        (
            _called(lang, one),
            _paid(lang, one),
            f"{one.nodes:,}",
            f"{one.calm:,}",
            f"{one.ahead:,}",
            f"{one.most:,}",
            _hour(lang, one.usd_per_hour),
        )
        for one in fleet.groups
    ]
    counts = (fleet.nodes, fleet.calm, fleet.ahead, fleet.most)
    total: Row = (fill(lang, "fleet_total"), "", *(f"{count:,}" for count in counts), _hour(lang, fleet.usd_per_hour))
    return [*found, total] if len(found) > 1 else found


def pods(lang: str, fleet: Fleet, scaling: Scaling) -> list[tuple[str, str]]:
    """What the pods' manifests have beside the autoscaler's settings."""
    asks = scaling.requests
    said = "fleet_requests_unknown" if asks is None else "fleet_requests"
    requests = fill(lang, said, **({} if asks is None else {"cpu": asks.cpu, "memory": asks.memory}))
    told = {"spare": f"{fleet.pods.spare:,}", "requests": requests}
    return [(fill(lang, f"fleet_row_{name}"), value) for name, value in told.items()]


def of(lang: str, region: RegionAdvice) -> str:
    """Whose nodes the figures of autoscaling are; empty where they are of the kind rehearsed."""
    fleet = region.fleet
    if fleet is None or not fleet.groups:
        return ""
    return fill(lang, "fleet_of", groups=_groups(lang, fleet))


def shown(region: RegionAdvice) -> ScalingAdvice | None:
    """Autoscaling with its pods on the nodes that are carried out."""
    scaling, fleet = region.scaling, region.fleet
    return scaling if scaling is None or fleet is None else carried_out(scaling, fleet)


def _priced(lang: str, keys: tuple[str, str], fleet: Fleet, **values: str) -> str:
    """The sentence without a price, or that with one."""
    plain, priced = keys
    if fleet.usd_per_hour is None:
        return fill(lang, plain, **values)
    return fill(lang, priced, hour=figures.dollars(fleet.usd_per_hour), **values)


def _groups(lang: str, fleet: Fleet) -> str:
    separator = "、" if lang == "zh" else " + "
    return separator.join(
        fill(
            lang,
            "mix_part" if _is_bought(one) else "fleet_part",
            nodes=f"{one.nodes:,}",
            offer=_called(lang, one),
            way=fill(lang, f"way_{one.purchase}"),
        )
        for one in fleet.groups
    )


def _called(lang: str, group: Group) -> str:
    return fill(lang, "offer_rehearsed") if group.offer == REHEARSED else group.offer


def _is_bought(group: Group) -> bool:
    """Whether it is known to be sold: hardware of one's own may not be."""
    return group.offer != REHEARSED or group.usd_per_hour is not None


def _paid(lang: str, group: Group) -> str:
    way = fill(lang, f"way_{group.purchase}") if _is_bought(group) else ""
    warm = fill(lang, "fleet_warm", warm=f"{group.warm:,}") if group.warm else ""
    return ("，" if lang == "zh" else ", ").join(part for part in (way, warm) if part)


def _hour(lang: str, usd: float | None) -> str:
    return fill(lang, "offer_unknown_price") if usd is None else figures.dollars(usd)
