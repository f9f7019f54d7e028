"""What one node carries, as reports show it: sentences of evidence, and a picture of each resource by load step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from markupsafe import Markup

from advisor import figures
from advisor.advice import Advice
from advisor.capacities.evidence import Limiting, Step
from advisor.models import Capacity
from advisor.pages.charts import Frame, grid, text, ticks
from advisor.texts import fill

FRAME: Final = Frame(width=560, height=220, right=52)
NARROW: Final = Frame(width=350, height=200, left=46, right=44)
SIGNED: Final = frozenset({"connections", "joins/s"})
"""Units whose limit shows in a sign of its own (`advisor.capacities.onset`)."""


def tools(advice: Advice, lang: str) -> dict[str, Callable[..., Any] | object]:
    """What the template of this part calls."""
    return {
        "evidence_text": partial(evidence_text, advice, lang),
        "grounds": partial(grounds, lang),
        "binding_text": lambda: binding_text(advice, lang),
        "draw_steps": partial(draw_steps, advice),
        "steps_unit": partial(unit_of, advice),
        "pictured": [one for one in advice.capacities.found if one.evidence.contest and len(one.evidence.steps) > 1],
        "asides": [one for one in advice.capacities.excuses if one.is_aside],
        "missed": [one for one in advice.capacities.excuses if not one.is_aside],
        "capacity_rows": sorted(advice.capacities.found, key=lambda one: (not one.saturated, one.model)),
    }


def binding_text(advice: Advice, lang: str) -> str:
    """How it is known which resource binds; empty when nothing is to say."""
    found = advice.capacities.binding
    if found.model is None or found.by == "only":
        return ""
    share = figures.percent(found.transfer if found.by == "transfer" else found.agreement)
    return fill(lang, f"evidence_by_{found.by}", model=fill(lang, f"binds_{found.model}"), share=share)


def evidence_text(advice: Advice, lang: str, capacity: Capacity) -> str:
    """What a capacity stands on, in a sentence."""
    seen = capacity.evidence
    values = {
        "model": fill(lang, f"binds_{capacity.model}"),
        "nodes": str(advice.nodes_tested),
        "seconds": str(seen.seconds),
        "fewest": f"{seen.viewers[0]:,}",
        "most": f"{seen.viewers[1]:,}",
        "start": str(seen.span[0]),
        "end": str(seen.span[1]),
        "level": figures.rate(capacity.per_node.mid * advice.nodes_tested, capacity.unit),
    }
    if seen.basis == "sign" and capacity.saturated:
        return fill(lang, f"evidence_sign_{capacity.model}", **values)
    if capacity.unit in SIGNED:
        return fill(lang, "evidence_only_sign", **values)
    if not capacity.saturated:
        return fill(lang, f"evidence_only_{seen.basis}", **values)
    budgets = [fill(lang, f"budget_{name}") for name in seen.broken_budgets]
    return fill(
        lang,
        "evidence_plateau",
        plateau=values["level"],
        variation=figures.percent(seen.variation),
        budgets=("、" if lang == "zh" else ", ").join(budgets),
        **values,
    )


def grounds(lang: str, capacity: Capacity) -> Iterator[str]:
    """The breach that shows a limit, the explanation that won, and what lies beyond."""
    seen = capacity.evidence
    if capacity.saturated and seen.limiting:
        yield _limiting(lang, seen.limiting)
    if capacity.saturated and (contest := seen.contest):
        yield fill(
            lang,
            "evidence_contest",
            winner=fill(lang, f"explanation_{contest.winner}"),
            error=figures.percent(contest.error),
            wrong=figures.percent(contest.wrong),
            blocks=str(contest.blocks),
            fitted=str(contest.fitted),
        )
    if ahead := capacity.beyond:
        yield fill(lang, "beyond", mid=figures.rate(ahead.mid, capacity.unit), range=figures.span(ahead, capacity.unit))


def _limiting(lang: str, seen: Limiting) -> str:
    shown = figures.percent if seen.budget.endswith(("_ratio", "_loss")) else figures.seconds
    return fill(
        lang,
        "evidence_limiting" if seen.step is not None else "evidence_limiting_ramp",
        start=str(seen.span[0]),
        end=str(seen.span[1]),
        step=str((seen.step or 0) + 1),
        viewers=f"{seen.viewers:,.0f}",
        budget=fill(lang, f"budget_{seen.budget}"),
        value=shown(seen.value),
        limit=shown(seen.limit),
        samples=f"{seen.samples:,}",
    )


def draw_steps(advice: Advice, capacity: Capacity, *, narrow: bool = False) -> Markup:
    """Rate and broken share over viewers offered: a point and a bar per load step, and the limit with its band."""
    frame = NARROW if narrow else FRAME
    steps, nodes = capacity.evidence.steps, advice.nodes_tested
    known = capacity.per_node.scale(nodes)
    top = _top(capacity, nodes)
    size, _ = _size(top, capacity.unit)
    scale = ticks(top / size)
    across = ticks(max(step.viewers for step in steps), 6 if not narrow else 4)
    plot = _Plot(frame, across[-1], scale[-1] * size)
    parts = [*grid(frame, scale), *plot.axis(across), *(plot.bar(step) for step in steps)]
    if capacity.saturated:
        parts += plot.limit(known.low, known.mid, known.high)
    parts += [plot.curve(steps), *(plot.point(step) for step in steps), *plot.shares()]
    head = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        "narrow" if narrow else "wide", frame.width, frame.height, capacity.model
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def _top(capacity: Capacity, nodes: int) -> float:
    known = capacity.per_node.high * nodes if capacity.saturated else 0.0
    return max([known, *(step.high for step in capacity.evidence.steps)])


def unit_of(advice: Advice, capacity: Capacity) -> str:
    """The unit of the picture's left axis."""
    return _size(_top(capacity, advice.nodes_tested), capacity.unit)[1]


def _size(top: float, unit: str) -> tuple[float, str]:
    """What a rate is divided by for its axis, and the name of that unit."""
    if unit != "bit/s":
        return 1.0, unit
    return next(((size, name) for size, name in figures.BIT_UNITS if top >= size), (1.0, "bit/s"))


class _Plot:
    """Where things are: viewers across, the rate up, shares on the right."""

    def __init__(self, frame: Frame, across: float, top: float) -> None:
        self.frame, self.across, self.top = frame, across, top

    def x(self, viewers: float) -> float:
        return self.frame.x(viewers, 0.0, self.across)

    def y(self, rate: float) -> float:
        return self.frame.y(rate, self.top)

    def axis(self, across: list[float]) -> Iterator[Markup]:
        for viewers in across:
            yield text(self.x(viewers), self.frame.height - self.frame.bottom + 16, "middle", figures.number(viewers))

    def shares(self) -> Iterator[Markup]:
        """The right axis: shares of seconds broken."""
        for share in (0.0, 0.5, 1.0):
            edge = self.frame.width - self.frame.right + 6
            yield text(edge, self.frame.y(share, 1.0) + 4, "start", figures.percent(share))

    def bar(self, step: Step) -> Markup:
        """The broken share of a step."""
        top, foot = self.frame.y(step.broken, 1.0), self.frame.y(0.0, 1.0)
        rect = Markup('<rect class="cut" x="{:.1f}" y="{:.1f}" width="8" height="{:.1f}"/>')
        return rect.format(self.x(step.viewers) - 4, top, foot - top)

    def curve(self, steps: tuple[Step, ...]) -> Markup:
        """The mean rate from step to step."""
        points = "L".join(f"{self.x(step.viewers):.1f},{self.y(step.rate):.1f}" for step in steps)
        return Markup('<path class="line s0" d="M{}"/>').format(points)

    def point(self, step: Step) -> Markup:
        """A step: filled where explanations were fitted to it, open where it was held out; a bar from low to high."""
        x = self.x(step.viewers)
        bar = Markup('<path class="line s0" d="M{:.1f},{:.1f}L{:.1f},{:.1f}"/>')
        mark = Markup('<circle class="line s0" cx="{:.1f}" cy="{:.1f}" r="{}"/>')
        return bar.format(x, self.y(step.low), x, self.y(step.high)) + mark.format(
            x, self.y(step.rate), "5" if step.is_held_out else "2"
        )

    def limit(self, low: float, mid: float, high: float) -> list[Markup]:
        """The limit and its band."""
        left, right = self.frame.left, self.frame.width - self.frame.right
        band = Markup('<rect class="band b1" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>')
        line = Markup('<path class="line limit" d="M{},{:.1f}L{},{:.1f}"/>')
        y = self.y(mid)
        return [
            band.format(left, self.y(high), right - left, max(1.0, self.y(low) - self.y(high))),
            line.format(left, y, right, y),
        ]
