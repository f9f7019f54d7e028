"""What the report says of the servers: cells, sentences and charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final

from advisor import figures
from advisor.advice import Advice
from advisor.capacities.nodes import Node
from advisor.capacities.observed import FULL, Growth, Law
from advisor.interval import Interval
from advisor.measured.measure import RunSeries
from advisor.measured.servers import Column, Server
from advisor.pages.charts import Chart, Line
from advisor.pages.curves import bit_unit, shades_of
from advisor.texts import fill, told

MOST_LINES: Final = 6
"""Nodes that a chart draws one by one, as many as there are styles; of more it draws the mean and the busiest."""
SIZES: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))


def tools(advice: Advice, lang: str) -> dict[str, Callable[..., Any]]:
    """What the templates call."""
    return {
        "servers_lead": partial(lead, advice, lang),
        "server_cells": cells,
        "server_lines": lambda: list(lines(advice, lang)),
        "server_charts": partial(charts, lang),
    }


def lead(advice: Advice, lang: str) -> str:
    """Who asked, and how long answers took."""
    nodes = advice.servers.nodes
    names = sorted({name for node in nodes for name in node.sources})
    delays = sorted(node.delay for node in nodes)
    sources = ("、" if lang == "zh" else ", ").join(names)
    return fill(lang, "servers_lead", sources=sources, delay=figures.seconds(delays[len(delays) // 2]))


def cells(node: Node) -> tuple[str, ...]:
    """One row: a dash where nothing was told."""
    cpu = _pair(node.cpu, node.cpu_highest, figures.percent)
    if node.cores and node.cpu is not None:
        cpu += f" × {figures.number(node.cores)}"
    sent = _with_limit(_pair(node.sent, node.sent_highest, figures.bits), node.network_limit, figures.bits)
    memory = _with_limit(_one(node.memory_highest, size), node.memory_limit, size)
    return cpu, sent, memory, _one(node.connections_highest, figures.number), figures.percent(node.told)


def size(value: float) -> str:
    """Bytes: 48.9 MB."""
    factor, unit = next(((factor, unit) for factor, unit in SIZES if value >= factor), SIZES[-1])
    return f"{figures.number(value / factor)} {unit}"


def _one(value: float | None, show: Callable[[float], str]) -> str:
    return "–" if value is None else show(value)


def _pair(mean: float | None, highest: float | None, show: Callable[[float], str]) -> str:
    return "–" if mean is None or highest is None else f"{show(mean)} ({show(highest)})"


def _with_limit(text: str, limit: float | None, show: Callable[[float], str]) -> str:
    return f"{text} / {show(limit)}" if limit and text != "–" else text


def lines(advice: Advice, lang: str) -> Iterator[str]:
    """What follows from it, a sentence or two for each resource."""
    t, gap = partial(fill, lang), "" if lang == "zh" else " "
    for law in advice.servers.laws:
        yield gap.join(_law(law, t))
    if advice.servers.memory is not None:
        yield gap.join(_memory(advice.servers.memory, t))
    for resource, share in advice.servers.full.items():
        if share > 0:
            yield t("full_share", resource=name_of(resource, t), share=figures.percent(share))
    if advice.servers.is_even:
        yield t("even_measured")
    for excuse, group in groupby(advice.servers.excuses, key=lambda one: (one.reason, one.remedy)):
        about = ("、" if lang == "zh" else ", ").join(name_of(one.about, t) for one in group)
        yield f"{about}{t('colon')}{told(excuse[0], lang, {})} {told(excuse[1], lang, {})}"


def name_of(resource: str, t: Callable[..., str]) -> str:
    """What people call a resource of a node."""
    return t("binds_bandwidth" if resource == "network" else f"binds_{resource}")


def _law(law: Law, t: Callable[..., str]) -> Iterator[str]:
    resource = name_of(law.resource, t)
    idle = figures.percent(law.idle.mid)
    if law.resource == "cpu":
        bits = size(law.bits_per_request / 8)
        service, low, high = (figures.seconds(value) for value in _ends(law.service))
        yield t("law_cpu", service=service, low=low, high=high, bits=bits, idle=idle)
    else:
        service, low, high = (figures.percent(value * 1e6) for value in _ends(law.service))
        yield t("law_network", service=service, low=low, high=high, idle=idle)
    if law.full_at is None:
        tested, highest = figures.rate(law.tested, law.unit), figures.percent(law.highest)
        yield t("law_refused", tested=tested, highest=highest)
    else:
        values = {"load": figures.rate(law.full_at.mid, law.unit), "range": figures.span(law.full_at, law.unit)}
        values |= {"factor": figures.number(law.full_at.mid / law.tested)} if law.extrapolated else {}
        yield t("law_full_far" if law.extrapolated else "law_full", resource=resource, **values)
    if law.knee is not None:
        load, share = figures.rate(law.knee[0], law.unit), figures.percent(law.knee[1])
        yield t("law_knee", load=load, resource=resource, share=share)


def _memory(found: Growth, t: Callable[..., str]) -> Iterator[str]:
    slope, low, high = (size(value) for value in _ends(found.per_viewer))
    yield t("law_memory", base=size(found.base), slope=slope, low=low, high=high)
    if found.full_at is not None:
        yield t("law_memory_full", load=figures.number(found.full_at.mid), range=figures.span(found.full_at))


def _ends(found: Interval) -> tuple[float, float, float]:
    return found.mid, found.low, found.high


def charts(lang: str, run: RunSeries) -> list[Chart]:
    """CPU and network over time, node by node."""
    t = partial(fill, lang)
    shades = shades_of(run, lang)
    times = [second.at for second in run.whole]
    found = []
    if any(one.cpu for one in run.servers):
        curves = _curves(run.servers, "cpu", times, 0.01, t)
        limit = (Line(t("series_full"), [100 * FULL], "limit"),)
        found.append(Chart(t("chart_cpu"), t("axis_share"), times, curves, shades, limit))
    if any(one.sent for one in run.servers):
        unit, name = bit_unit([value or 0.0 for one in run.servers for value in one.sent])
        found.append(Chart(t("chart_sent"), name, times, _curves(run.servers, "sent", times, unit, t), shades))
    return found


def _curves(
    servers: Sequence[Server], column: Column, times: Sequence[int], unit: float, t: Callable[..., str]
) -> tuple[Line, ...]:
    told = {one.node: [_over(one.told(column, at), unit) for at in times] for one in servers if getattr(one, column)}
    if len(told) <= MOST_LINES:
        return tuple(Line(node, values, f"s{number}") for number, (node, values) in enumerate(told.items()))
    rows = [[value for value in row if value is not None] for row in zip(*told.values(), strict=True)]
    mean = [sum(row) / len(row) if row else None for row in rows]
    most = [max(row) if row else None for row in rows]
    return Line(t("series_mean_node"), mean, "s0"), Line(t("series_busiest_node"), most, "s1")


def _over(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit
