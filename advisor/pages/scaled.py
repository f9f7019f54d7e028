"""What the scaling part of a report says and draws: whether settings can follow the surge, and which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from advisor import figures
from advisor.autoscale.scaling import STEP, Lived, ScalingAdvice
from advisor.pages.charts import Chart, Line, Shade
from advisor.texts import fill


def tools(lang: str) -> dict[str, Callable[..., Any]]:
    """What the templates of this part may call."""
    return {
        "scaling_answer": partial(answer, lang),
        "scaling_rows": partial(settings, lang),
        "scaling_lived": partial(lived_rows, lang),
        "scaling_helps": partial(help_lines, lang),
        "scaling_chart": partial(chart, lang),
    }


def answer(lang: str, found: ScalingAdvice) -> str:
    """The verdict in a sentence."""
    values = {"wait": figures.number(found.wait), "minimum": f"{found.minimum:,}"}
    if found.ahead is not None and found.opens is not None:
        values |= {"ahead": f"{found.ahead:,}", "opens": figures.number(found.opens)}
    if found.door is not None:
        values["door"] = f"{found.door:,.0f}"
    values["unmet"] = figures.percent(found.reactive_share)
    said = [fill(lang, f"scaling_{found.verdict}", **values), *_held(lang, found)]
    if found.unit == "joins/s":
        said.append(fill(lang, "scaling_joins"))
    return " ".join(said)


def _held(lang: str, found: ScalingAdvice) -> list[str]:
    """In how many draws of the waits the advised settings hold; nothing where they cannot."""
    if found.verdict == "waiting_room":
        return []
    values = {"draws": f"{found.draws:,}", "hold": figures.percent(found.hold)}
    if found.verdict == "prescale":
        values["reactive"] = figures.percent(found.reactive_hold)
    said = [fill(lang, f"scaling_hold_{found.verdict}", **values)]
    if found.hold_unmet > 0:
        said.append(fill(lang, "scaling_hold_unmet", unmet=figures.percent(found.hold_unmet)))
    return said


def settings(lang: str, found: ScalingAdvice) -> list[tuple[str, str]]:
    """The advised settings, one row each."""
    rows = [
        ("minimum", f"{found.minimum:,}"),
        ("maximum", f"{found.maximum:,}"),
        ("target", f"{figures.rate(found.target, found.unit)} ({figures.percent(found.target / found.per_pod)})"),
        ("behavior", fill(lang, f"scaling_behavior_{found.behavior}")),
        ("placeholders", f"{found.placeholders:,}"),
        ("launches", _launches(lang, found)),
    ]
    if found.ahead is not None and found.opens is not None:
        window = fill(lang, "scaling_window", ahead=f"{found.ahead:,}", opens=figures.number(found.opens))
        rows.append(("ahead", window))
    return [(fill(lang, f"scaling_row_{name}"), value) for name, value in rows]


def _launches(lang: str, found: ScalingAdvice) -> str:
    """How fast nodes may be started, and whose word that is."""
    rate = found.launches
    told = {"burst": f"{rate.nodes.burst:,}", "more": figures.number(rate.nodes.per_second)}
    if rate.known_by == "offer":
        told["source"] = ", ".join(part for part in (rate.source, rate.as_of) if part)
    return fill(lang, f"scaling_launches_{rate.known_by}", **told)


def lived_rows(lang: str, found: ScalingAdvice) -> list[tuple[str, str, str, str, str]]:
    """What the surge comes to with the settings in place and with the advised ones."""
    pairs = [("today", found.today), ("advised", found.advised)]
    return [_lived(fill(lang, f"scaling_{name}"), one) for name, one in pairs if one is not None]


def _lived(name: str, one: Lived) -> tuple[str, str, str, str, str]:
    seconds, worst = figures.number(one.unmet_seconds), f"{one.worst:,.0f}"
    return name, figures.percent(one.unmet_share), seconds, worst, figures.number(one.node_hours)


def help_lines(lang: str, found: ScalingAdvice) -> list[str]:
    """What a single shorter wait would do, best first; none where settings alone are enough."""
    if found.verdict == "reactive":
        return []
    return [
        fill(
            lang,
            "scaling_help",
            what=fill(lang, f"scaling_change_{one.change}"),
            before=figures.number(one.before),
            after=figures.number(one.after),
            unmet=figures.percent(one.unmet_share),
        )
        for one in found.helps
    ]


def chart(lang: str, found: ScalingAdvice) -> Chart:
    """Viewers, and what ready pods could carry: with the settings in place, and with the advised ones."""
    skip = _skipped(found)
    times = list(range(round(found.starts) + skip * STEP, round(found.starts) + (len(found.viewers) - 1) * STEP + 1))
    viewers = _each_second(found.viewers[skip:])
    lines = [Line(fill(lang, "scaling_series_viewers"), viewers, "s0")]
    if found.today is not None:
        lines.append(Line(fill(lang, "scaling_series_today"), _capped(found.today, found, skip), "s2"))
    lines.append(Line(fill(lang, "scaling_series_advised"), _capped(found.advised, found, skip), "s1"))
    shown = found.advised if found.today is None else found.today
    carried = _each_second(shown.carried[skip:])
    unmet = (tuple(min(a, b) for a, b in zip(viewers, carried, strict=True)), viewers, "b2")
    shades = () if found.opens is None else (_window(lang, found),)
    title, unit = fill(lang, "scaling_chart"), fill(lang, "axis_viewers")
    return Chart(title, unit, times, tuple(lines), shades, bands=(unmet,))


def _skipped(found: ScalingAdvice) -> int:
    """Points of the calm that are left out: a minute of it is enough, or a minute before a window opens."""
    before = 60.0 + (found.opens or 0.0)
    return max(0, int((found.rises_at - before - found.starts) / STEP))


def _each_second(values: Sequence[float]) -> list[float]:
    """Between points a straight line: a chart shows a gap where seconds are missing."""
    points = np.arange(len(values)) * STEP
    between: list[float] = np.interp(np.arange(points[-1] + 1), points, values).tolist()
    return between


def _capped(lived: Lived, found: ScalingAdvice, skip: int) -> list[float]:
    """At most twice the viewers' peak, so that a wide margin does not flatten the picture."""
    most = 2 * max(found.viewers, default=0.0)
    return [min(most, value) for value in _each_second(lived.carried[skip:])]


def _window(lang: str, found: ScalingAdvice) -> Shade:
    assert found.opens is not None
    return Shade(found.rises_at - found.opens, found.rises_at, "phase p1", fill(lang, "scaling_ahead_shade"))
