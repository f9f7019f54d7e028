"""The inverse question: how large an audience the nodes of today carry inside the budgets."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final, Literal

from advisor.changes.case import Case, at_load
from advisor.interval import Interval
from advisor.models import Capacity, Excuse
from advisor.plans.plan import CARRIED, Asked, Plan, plan
from advisor.texts import Message, say
from loadtests.errors import InputError
from loadtests.region import Frozen

FINE: Final = 0.001
"""The audience with headroom is found to this share of it."""
MOST: Final = 1024.0
"""Times the planned audience beyond which no more is searched."""

SHOWN: Final = 40
"""Characters of a mistake that its message repeats."""
_ALL: Final = re.compile(r"\s*[0-9]{1,7}\s*")
_PART: Final = re.compile(r"\s*(?P<region>[A-Za-z0-9_-]+)\s*=\s*(?P<nodes>[0-9]{1,7})\s*")
_EXAMPLE: Final = "write it as --have 12 for all regions together, or --have id=6,in=4 for each"


class Carried(Frozen):
    """What today's nodes carry."""

    nodes: int
    viewers: Interval
    """Largest audience that keeps the budgets, no headroom left: capacity × nodes ÷ peak demand of one viewer.

    Never fewer than a rehearsal that kept its budgets had on as many nodes."""
    bound: Literal["limit", "at_least"]
    """``at_least``: the limit was not reached, the low end is what has been shown."""
    binding: str
    headroom: int | None
    """Largest audience for which the plan asks for no more than these nodes; None where not even the smallest fits."""
    best: Message | None = None
    """The change that gives most."""
    best_viewers: Interval | None = None


def parse_nodes(text: str, regions: Sequence[str]) -> int | dict[str, int]:
    """Read ``12`` or ``id=6,in=4``; InputError says what is wrong."""
    if _ALL.fullmatch(text):
        return _some(int(text), text)
    nodes: dict[str, int] = {}
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise InputError(f"have: expected NODES or REGION=NODES, found {part.strip()[:SHOWN]!r}", hint=_EXAMPLE)
        if match["region"] not in regions:
            known = ", ".join(regions)
            raise InputError(f"have: region {match['region']!r} is not planned for ({known})", hint=_EXAMPLE)
        if match["region"] in nodes:
            raise InputError(f"have: region {match['region']!r} is given twice", hint=_EXAMPLE)
        nodes[match["region"]] = _some(int(match["nodes"]), part)
    if missing := [code for code in regions if code not in nodes]:
        raise InputError(f"have: no nodes given for {', '.join(missing)}", hint=_EXAMPLE)
    return nodes


def _some(nodes: int, text: str) -> int:
    if not 1 <= nodes < 10_000_000:
        raise InputError(f"have: expected at least one node, found {text.strip()!r}", hint=_EXAMPLE)
    return nodes


def carried(case: Case, nodes: int) -> Carried | Excuse:
    """Viewers of one region, had it all these nodes."""
    return _carried([case], nodes)


def held(case: Case, nodes: int, was: Case, base: Carried) -> Interval | None:
    """Viewers of one region after a change: never more than the resources that were not driven to their limit show.

    What ``base`` says of the region as it ``was`` has been shown for all of them.
    """
    found, before = _holds([case], nodes), _holds([was], nodes)
    if found is None or before is None:
        return None
    viewers, binding = found
    if not binding.saturated or viewers.mid <= 0:
        return viewers.scale(base.viewers.mid / before[0].mid)
    others = [one for one in case.asked.capacities.found if not one.saturated and one.per_node.low > 0]
    shown = [some.low for one in others if (some := _viewers([case], one, nodes)) is not None]
    return viewers.scale(min(1.0, max(base.viewers.mid, min(shown, default=viewers.mid)) / viewers.mid))


def carried_by_all(cases: Sequence[Case], nodes: int | dict[str, int]) -> Carried | Excuse:
    """Viewers of all regions: on the same nodes, or each on its own."""
    if isinstance(nodes, int):
        return _carried(cases, nodes)
    each = [carried(case, nodes[case.usage.region]) for case in cases]
    found = [one for one in each if isinstance(one, Carried)]
    if len(found) < len(each):
        return next(one for one in each if isinstance(one, Excuse))
    total, *others = (one.viewers for one in found)
    for viewers in others:
        total = total.plus(viewers)
    headroom = [one.headroom for one in found]
    return Carried(
        nodes=sum(nodes.values()),
        viewers=total,
        bound="limit" if all(one.bound == "limit" for one in found) else "at_least",
        binding=found[0].binding,
        headroom=None if None in headroom else sum(one for one in headroom if one is not None),
    )


def _holds(cases: Sequence[Case], nodes: int) -> tuple[Interval, Capacity] | None:
    """The largest audience, and the resource that says so."""
    first = cases[0].asked.capacities
    seen = tuple(one for one in first.found if one.per_node.low > 0)
    known = first.saturated or tuple(one for one in seen if one.unit in CARRIED) or seen
    holds = [(viewers, one) for one in known if (viewers := _viewers(cases, one, nodes)) is not None]
    return min(holds, key=lambda one: one[0].mid, default=None)


def _carried(cases: Sequence[Case], nodes: int) -> Carried | Excuse:
    found = _holds(cases, nodes)
    if found is None:
        about = cases[0].usage.region if len(cases) == 1 else "whatif"
        return Excuse(about=about, reason=say("excuse_never_held"), remedy=say("remedy_lower_baseline"))
    viewers, binding = found
    return Carried(
        nodes=nodes,
        viewers=_no_fewer(viewers, _shown(cases) * nodes),
        bound="limit" if binding.saturated else "at_least",
        binding=binding.model,
        headroom=_with_headroom([case.asked for case in cases], nodes),
    )


def _no_fewer(viewers: Interval, shown: float) -> Interval:
    ends = {name: max(shown, getattr(viewers, name)) for name in ("low", "mid", "high")}
    return viewers.model_copy(update=ends)


def _shown(cases: Sequence[Case]) -> float:
    """Viewers per node that a rehearsal held, with the mix of the launch: as many as have no region exceed its own."""
    audience = sum(case.edge.viewers.mid for case in cases)
    return audience * min(case.shown / case.edge.viewers.mid for case in cases)


def _viewers(cases: Sequence[Case], capacity: Capacity, nodes: int) -> Interval | None:
    """Audience × nodes × capacity ÷ demand, all regions with the mix of the launch.

    Where nodes were measured not to add up, as many count as would carry the same if they did.
    """
    demands = [demand for case in cases if (demand := case.asked.demand.of(capacity.unit)) is not None]
    if len(demands) < len(cases):
        return None
    total, *others = demands
    for demand in others:
        total = total.plus(demand)
    audience = sum(case.edge.viewers.mid for case in cases)
    law = cases[0].asked.capacities.scaling
    worth = law.worth(nodes) if law and law.model == capacity.model else nodes
    return capacity.per_node.scale(worth * audience).over(total) if total.low > 0 else None


def _with_headroom(asked: Sequence[Asked], nodes: int) -> int | None:
    """The largest audience whose plan fits, to a thousandth: more demand never asks for fewer nodes."""

    def needed(share: float) -> float:
        plans = [plan(at_load(one, share)) for one in asked]
        return sum(one.nodes if isinstance(one, Plan) else math.inf for one in plans)

    audience = sum(one.demand.viewers.mid for one in asked)
    if needed(1.0 / max(1.0, audience)) > nodes:
        return None
    whole = needed(1.0)
    low, high = 0.0, min(MOST, nodes / whole * 2 if math.isfinite(whole) else 1.0)
    while high < MOST and needed(high) <= nodes:
        low, high = high, min(MOST, high * 2)
    while high - low > FINE * high and high * audience > 1.0:
        middle = (low + high) / 2
        low, high = (middle, high) if needed(middle) <= nodes else (low, middle)
    return int(low * audience + 1e-6)
