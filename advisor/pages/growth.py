"""How the report tells of growth: a table over node counts, a sentence on the load steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from advisor import figures
from advisor.capacities.capacity import Capacities
from advisor.capacities.concurrency import Concurrency
from advisor.capacities.nodecount import NodeScaling
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.texts import fill

SHOWN_LAWS: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """So many nodes: all together, and each."""

    nodes: int
    total: str
    span: str
    each: str
    kind: str


def growth_tools(found: Capacities, lang: str) -> dict[str, Callable[..., Any] | object]:
    """What the templates of this part call."""
    return {
        "growth_rows": growth_rows(found.scaling, lang) if found.scaling else (),
        "growth_laws": growth_laws(found.scaling, lang) if found.scaling else "",
        "steps_text": steps_text(found.concurrency, lang) if found.concurrency else "",
    }


def growth_rows(scaling: NodeScaling, lang: str) -> tuple[Row, ...]:
    """The counts that were rehearsed, and a forecast for as many nodes as anything is said of."""
    rows = [
        _row(scaling, one.nodes, one.total, fill(lang, "growth_measured", runs=str(one.runs))) for one in scaling.counts
    ]
    far = scaling.rate(scaling.reach)
    if isinstance(far, Interval):
        rows.append(_row(scaling, scaling.reach, far, fill(lang, "growth_forecast")))
    return tuple(rows)


def _row(scaling: NodeScaling, nodes: int, total: Interval, kind: str) -> Row:
    return Row(
        nodes=nodes,
        total=figures.rate(total.mid, scaling.unit),
        span=figures.span(total, scaling.unit),
        each=figures.rate(total.mid / nodes, scaling.unit),
        kind=kind,
    )


def growth_laws(scaling: NodeScaling, lang: str) -> str:
    """The laws that weigh most."""
    shown = (f"{one.law} {figures.percent(one.share)}" for one in scaling.laws[:SHOWN_LAWS])
    return fill(lang, "growth_laws", laws=("、" if lang == "zh" else ", ").join(shown))


def steps_text(found: Concurrency | Excuse, lang: str) -> str:
    """What the load steps show."""
    match found:
        case Concurrency():
            viewers, rate = f"{found.best.viewers:,.0f}", figures.number(found.best.rate.mid)
            return fill(lang, f"step_load_{found.shape}", viewers=viewers, rate=rate, lost=figures.percent(found.lost))
        case Excuse():
            reason, remedy = (fill(lang, one.key, **one.values) for one in (found.reason, found.remedy))
            return fill(lang, "steps_unknown", reason=reason, remedy=remedy)
