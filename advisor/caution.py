"""What a careful reader must be told: warnings, each with what to do, and the assumptions behind the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from advisor.capacities.capacity import SURE, Capacities
from advisor.capacities.concurrency import Concurrency
from advisor.capacities.nodecount import KEPT
from advisor.capacities.plateau import LEAST_SECONDS, overload_seconds
from advisor.demands.demand import Demand
from advisor.measured.measure import JUDGED, Measurement
from advisor.models import Capacity
from advisor.plans.plan import TESTED_FACTOR, Plan
from advisor.texts import Message, say, texts

WIDE: Final = 0.10
"""Half-width of an interval, as a share of its middle, from which the reader is warned (assumed)."""
COLLAPSE: Final = 1.15
"""A rate held before the breach that is this much above the plateau: the target got slower under overload."""


def cautions(
    measurement: Measurement, found: Capacities, wanted: Sequence[Demand], plans: Sequence[Plan], factor: float
) -> tuple[Message, ...]:
    """Warnings, worst first."""
    return (
        *_about_faults(measurement),
        *_about_limits(measurement, found),
        *(message for capacity in found.saturated for message in _about_plateau(capacity, measurement.nodes)),
        *_about_scale(found, plans, factor),
        *_about_growth(measurement, found),
        *_about_fit(plans),
        *_about_prices(plans),
        *_about_demand(wanted),
        *_about_others(found, wanted, plans),
    )


def _about_faults(measurement: Measurement) -> Iterator[Message]:
    for fault in (fault for run in measurement.runs for fault in run.faults if fault.state == "metastable"):
        yield say("warn_metastable", fault=fault.fault)


def _about_limits(measurement: Measurement, found: Capacities) -> Iterator[Message]:
    if not found.saturated:
        overload = overload_seconds(measurement.whole(JUDGED))
        if not overload:
            yield say("warn_unsaturated")
        elif len(overload) < LEAST_SECONDS:
            yield say("warn_short_plateau", seconds=str(len(overload)), least=str(LEAST_SECONDS))
        else:
            yield say("warn_no_plateau")
    elif not found.binding.sure and found.binding.agreement < SURE:
        yield say("warn_two_limits", share=f"{found.binding.agreement:.0%}")


def _about_plateau(capacity: Capacity, nodes: int) -> Iterator[Message]:
    if capacity.per_node.spread > WIDE:
        yield say("warn_wide_capacity", spread=f"{capacity.per_node.spread:.0%}")
    before, after = capacity.evidence.held, capacity.per_node.mid * nodes
    if before > COLLAPSE * after:
        yield say("warn_collapse", share=f"{1 - after / before:.0%}")


def _about_scale(found: Capacities, plans: Sequence[Plan], factor: float) -> Iterator[Message]:
    if found.saturated and plans and factor > TESTED_FACTOR:
        yield say("warn_linear", factor=f"{factor:,.1f}", nodes=f"{sum(plan.nodes for plan in plans):,}")


def _about_growth(measurement: Measurement, found: Capacities) -> Iterator[Message]:
    scaling, steps = found.scaling, found.concurrency
    if scaling is None and len(measurement.counts) > 1:
        yield say("warn_nodes_unknown", counts=_counts(measurement.counts))
    if scaling is not None and scaling.kept < KEPT:
        fewest, most = (str(scaling.counts[index].nodes) for index in (0, -1))
        yield say("warn_nodes_lose", kept=f"{scaling.kept:.0%}", fewest=fewest, most=most)
    if isinstance(steps, Concurrency) and steps.shape == "retrograde":
        viewers, rate = f"{steps.best.viewers:,.0f}", f"{steps.best.rate.mid:,.0f}"
        yield say("warn_retrograde", lost=f"{steps.lost:.0%}", viewers=viewers, rate=rate)


def growth_told(measurement: Measurement, found: Capacities) -> tuple[Message, ...]:
    """Whether nodes add up: an assumption with one node count, a finding with two or more."""
    scaling = found.scaling
    if scaling is None:
        return (say("assume_linear", nodes=str(measurement.nodes)),)
    counts, kept = _counts([one.nodes for one in scaling.counts]), f"{scaling.kept:.0%}"
    return (say("assume_nodes_measured", counts=counts, kept=kept, most=str(scaling.most), reach=str(scaling.reach)),)


def _counts(counts: Sequence[int]) -> str:
    return ", ".join(str(count) for count in counts)


def _about_fit(plans: Sequence[Plan]) -> Iterator[Message]:
    """What the provider limits below what the plan takes."""
    for plan in plans:
        for row in plan.felt:
            if row.slack < 0 and row.name in ("quota", "zones"):
                share = {} if row.name == "zones" else {"share": f"{-row.slack:.0%}"}
                yield say(f"warn_short_{row.name}", region=plan.region, **share)


def _about_prices(plans: Sequence[Plan]) -> Iterator[Message]:
    """Each source of a price that is assumed, with the regions that it is taken for."""
    found: dict[str, list[str]] = {}
    for plan in plans:
        if plan.offers.assumed:
            found.setdefault(plan.offers.assumed, []).append(plan.region)
    for source, regions in found.items():
        yield say("warn_assumed_price", source=source, regions=", ".join(regions))


def _about_demand(wanted: Sequence[Demand]) -> Iterator[Message]:
    """The region that is known least well speaks for all."""
    widest = max(wanted, key=lambda demand: demand.wire_per_viewer.spread)
    if widest.wire_per_viewer.spread > WIDE:
        yield say("warn_wide_demand", region=widest.region, spread=f"{widest.wire_per_viewer.spread:.0%}")


def _about_others(found: Capacities, wanted: Sequence[Demand], plans: Sequence[Plan]) -> Iterator[Message]:
    """A region whose mix asks more of a resource that did not bind than a node has shown to carry."""
    asked = {demand.region: demand for demand in wanted}
    for plan in plans:
        for other in found.found:
            need = asked[plan.region].of(other.unit)
            if other.model != plan.binding and need and need.mid / plan.nodes > other.per_node.high:
                key = f"warn_other_{other.model}"
                yield from [say(key, region=plan.region)] if key in texts("en") else []


def assumptions(
    measurement: Measurement, found: Capacities, plans: Sequence[Plan], *, is_even: bool = False
) -> tuple[Message, ...]:
    """What the numbers take for granted."""
    nodes = str(measurement.nodes)
    return (
        *(growth_told(measurement, found) if plans or found.scaling else ()),
        *([say("assume_even_measured" if is_even else "assume_even", nodes=nodes)] if measurement.nodes > 1 else []),
        *([say("assume_refusals")] if found.saturated else []),
        say("assume_mix"),
        say("assume_edge"),
        say("assume_price"),
        *([say("assume_one_run")] if len(measurement.runs) == 1 else []),
    )
