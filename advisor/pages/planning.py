"""What the planning part of a report says and draws: nodes and how sure, what is ready before the surge, regret."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from advisor import figures
from advisor.offers.offer import REHEARSED
from advisor.pages.charts import NARROW, WIDE, Frame, ticks
from advisor.plans.choice import OfferPlan
from advisor.plans.constraints import Constraint
from advisor.plans.headroom import Step
from advisor.plans.plan import Plan
from advisor.texts import Message, fill, texts


def tools(lang: str) -> dict[str, Callable[..., Any]]:
    """What the templates of this part may call."""
    return {
        "step_text": partial(step_text, lang),
        "step_by": step_by,
        "amount": amount,
        "planning_lines": partial(planning_lines, lang),
        "constraint_name": partial(constraint_name, lang),
        "slack_text": partial(slack_text, lang),
        "draw_regret": partial(regret_chart, lang),
        "driver_bar": bar,
        "offer_rows": partial(offer_rows, lang),
    }


def step_text(lang: str, found: Plan, step: Step) -> str:
    """What a step does."""
    zones = str(found.zones)
    match step.name:
        case "zones":
            return fill(lang, "step_zones", zones=zones, left=str(found.zones - 1))
        case "whole":
            return fill(lang, "step_whole" if found.zones > 1 else "step_whole_one", zones=zones)
        case "doubt":
            return fill(lang, "step_doubt", share=figures.percent(found.quantile))
        case _:
            return fill(lang, f"step_{step.name}")


def step_by(found: Plan, step: Step) -> str:
    """The factor of a step: a capacity, a share, a factor or a count."""
    match step.name:
        case "capacity":
            return amount(step.by, found.unit)
        case "utilisation":
            return figures.percent(step.by)
        case "whole":
            return ""
        case _:
            return figures.number(step.by)


def amount(value: float, unit: str) -> str:
    """A figure of a constraint in its unit."""
    match unit:
        case "bit/s" | "requests/s":
            return figures.rate(value, unit)
        case "seconds":
            return figures.seconds(value)
        case "vcpus" | "zones":
            return figures.number(value)
        case _:
            return f"{figures.number(value)} {unit}"


def planning_lines(lang: str, found: Plan) -> list[str]:
    """The answer, what must be ready, and the tightest limit."""
    likely, lead = found.likely, found.lead
    waits = {"lead": lead.mid, "low": lead.low, "high": lead.high}
    told = {name: figures.number(value) for name, value in waits.items()}
    some, every = "planning_ready", "planning_ready_all"
    if (found.sooner or found.unit) == "joins/s":
        some, every = "planning_ready_joins", "planning_ready_all_joins"
    lines = [
        fill(
            lang,
            "planning_answer",
            nodes=f"{found.nodes:,}",
            share=figures.percent(found.quantile),
            low=f"{likely.low:,.0f}",
            high=f"{likely.high:,.0f}",
            median=f"{likely.mid:,.0f}",
        )
    ]
    if found.rise is None or found.ready >= found.nodes:
        lines.append(fill(lang, every, **told))
    else:
        share = figures.percent(found.rise)
        lines.append(fill(lang, some, ready=f"{found.ready:,}", share=share, **told))
    if found.starting:
        lines.append(fill(lang, "planning_starting", seconds=figures.number(found.starting)))
    for tightest in found.felt[:1]:
        fits, is_limit = tightest.slack >= 0, tightest.known == "limit"
        key = (
            ("planning_tightest" if fits else "planning_short") if is_limit else f"planning_{'near' if fits else 'far'}"
        )
        slack = figures.percent(abs(tightest.slack))
        lines.append(fill(lang, key, name=constraint_name(lang, tightest), slack=slack))
    return lines


def slack_text(lang: str, row: Constraint, slack: float) -> str:
    """A slack of the row; of what was never driven to its limit, the least there is, and nothing below zero."""
    if row.known == "limit":
        return figures.percent(slack)
    return fill(lang, "slack_untested" if slack < 0 else "slack_at_least", slack=figures.percent(slack))


def constraint_name(lang: str, row: Constraint) -> str:
    """A limit by its name: that of a resource, or one of the provider's."""
    key = f"constraint_{row.name}"
    return fill(lang, key if key in texts(lang) else f"binds_{row.name}")


def offer_rows(lang: str, found: Plan) -> list[dict[str, str]]:
    """The best offer and its alternatives; empty when there is nothing to choose from."""
    best, others, beyond = found.offers.best, found.offers.alternatives, found.offers.beyond
    row = partial(_offer_row, lang, best=best, is_mixed=found.offers.mix is not None)
    bent = [] if beyond is None else [row(beyond)]
    if best is None or not (best.price or others or found.offers.refusals):
        return bent
    return [*(row(one) for one in (best, *others)), *bent]


def _offer_row(lang: str, one: OfferPlan, best: OfferPlan | None, *, is_mixed: bool) -> dict[str, str]:
    kind = "bent" if best is None else "beyond" if one.but else "chosen" if one is best else "alternative"
    unknown = fill(lang, "offer_unknown_price")
    price = one.price
    return {
        "kind": fill(lang, f"offer_{kind}"),
        "name": fill(lang, "offer_rehearsed") if one.offer.name == REHEARSED else one.offer.name,
        "nodes": f"{one.nodes:,}",
        "likely": f"{one.likely.low:,.0f}–{one.likely.high:,.0f}",
        "hour": unknown if one.usd_per_hour is None else figures.dollars(one.usd_per_hour),
        "event": unknown if one.usd_per_event is None else figures.dollars(one.usd_per_event),
        "why": _why(lang, one, best, is_mixed=is_mixed),
        "source": "" if price is None else f"{price.source}, {price.as_of}".strip(", "),
        "confidence": "" if price is None else fill(lang, f"confidence_{price.confidence}"),
    }


def _why(lang: str, one: OfferPlan, best: OfferPlan | None, *, is_mixed: bool) -> str:
    reason = "" if one.but is None else told_offer(lang, one.but)
    if best is None:
        return fill(lang, "offer_would_alone" if is_mixed else "offer_would", reason=reason)
    if one.but is not None:
        cost = fill(lang, "offer_cost_less", share=figures.percent(-(one.dearer or 0.0)))
        return fill(lang, "offer_but", cost=cost, reason=reason)
    trade = _trade(lang, one, best)
    if one.paid:
        trade = fill(lang, "offer_paid", trade=trade, paid=f"{one.paid:,}")
    if one is best or one.offer.arch in (None, best.offer.arch):
        return trade
    return fill(lang, "offer_arch", trade=trade, arch=str(one.offer.arch))


def _trade(lang: str, one: OfferPlan, best: OfferPlan) -> str:
    key = "offer_binds_at_most" if one.bound == "at_most" else "offer_binds_needed"
    binds = fill(lang, key, model=fill(lang, f"binds_{one.binding}"))
    if one is best:
        return fill(lang, "offer_best_only" if one.price else "offer_best_unpriced", binds=binds)
    if one.dearer is None:
        cost = fill(lang, "offer_cost_unknown")
    elif one.dearer > 0:
        cost = fill(lang, "offer_cost_more", share=figures.percent(one.dearer))
    else:
        cost = fill(lang, "offer_cost_same")
    kind = "fewer" if one.more_nodes < 0 else "more" if one.more_nodes else "same"
    nodes = fill(lang, f"offer_nodes_{kind}", count=f"{abs(one.more_nodes):,}")
    return fill(lang, "offer_trade", cost=cost, nodes=nodes, binds=binds)


def told_offer(lang: str, message: Message) -> str:
    """A reason with its fact and the node rehearsed by the names that people call them."""
    values = dict(message.values)
    if "fact" in values:
        values["fact"] = fill(lang, f"fact_{values['fact']}")
    for name in ("offer", "best"):
        if values.get(name) == REHEARSED:
            values[name] = fill(lang, "offer_rehearsed")
    return fill(lang, message.key, **values)


def bar(share: float) -> Markup:
    """A share as a bar that prints well."""
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" aria-hidden="true"><rect class="rest" width="100" height="8"/>'
        '<rect class="part" width="{:.1f}" height="8"/></svg>'
    ).format(100 * min(1.0, max(0.0, share)))


def regret_chart(lang: str, found: Plan) -> Markup:
    """The regret of every count, wide and narrow: too many, too few, their sum, and the count chosen."""
    return Markup("").join(_drawn(lang, found, frame) for frame in (WIDE, NARROW))


def _drawn(lang: str, found: Plan, frame: Frame) -> Markup:
    points = found.regret
    counts = [point.nodes for point in points]
    start, end = float(counts[0]), float(max(counts[-1], counts[0] + 1))
    curves = {
        "s1": [point.too_many for point in points],
        "s2": [point.too_few for point in points],
        "s0": [point.too_many + point.too_few for point in points],
    }
    scale = ticks(max(curves["s0"]))
    box = (start, end, scale[-1])
    chosen = frame.x(found.nodes, start, end)
    parts = [
        *_axes(frame, scale, counts, box),
        *(_path(frame, style, counts, values, box) for style, values in curves.items()),
        Markup('<path class="line limit" d="M{:.1f},{}L{:.1f},{}"/>').format(
            chosen, frame.top, chosen, frame.height - frame.bottom
        ),
        _text(chosen, frame.top - 7, "middle", f"{found.nodes:,}"),
    ]
    head = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        "wide" if frame is WIDE else "narrow", frame.width, frame.height, fill(lang, "chart_regret")
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def _axes(frame: Frame, scale: Sequence[float], counts: Sequence[int], box: tuple[float, float, float]) -> list[Markup]:
    found = []
    for value in scale:
        y = frame.y(value, scale[-1])
        line = Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
        found += [
            line.format(frame.left, frame.width - frame.right, y, y),
            _text(frame.left - 6, y + 4, "end", figures.number(value)),
        ]
    for count, anchor in ((counts[0], "start"), (counts[len(counts) // 2], "middle"), (counts[-1], "end")):
        found.append(_text(frame.x(count, box[0], box[1]), frame.height - frame.bottom + 16, anchor, f"{count:,}"))
    return found


def _path(
    frame: Frame, style: str, counts: Sequence[int], values: Sequence[float], box: tuple[float, float, float]
) -> Markup:
    places = [
        f"{frame.x(count, box[0], box[1]):.1f},{frame.y(value, box[2]):.1f}"
        for count, value in zip(counts, values, strict=True)
    ]
    drawn = places if len(places) > 1 else places * 2
    return Markup('<path class="line {}" d="M{}"/>').format(style, "L".join(drawn))


def _text(x: float, y: float, anchor: str, text: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)
