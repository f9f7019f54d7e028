"""Which charts a report shows, and what is on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from advisor.advice import Advice
from advisor.figures import BIT_UNITS
from advisor.measured.measure import RunSeries
from advisor.measured.seconds import Second
from advisor.pages.charts import Chart, Line, Shade
from advisor.texts import fill, name_of


def run_charts(advice: Advice, run: RunSeries, lang: str) -> list[Chart]:
    """Over all regions: viewers, bandwidth, requests, segment times, then stalls and errors region by region."""
    t = partial(fill, lang)
    shades = shades_of(run, lang)
    return [
        _viewers(run, shades, t),
        _wire(advice, run, shades, t),
        _requests(advice, run, shades, t),
        latency(run.whole, shades, advice.budgets.segment_p95, lang),
        _by_region(advice, run, shades, lang, "stalls"),
        _by_region(advice, run, shades, lang, "errors"),
        *([_storm(run, shades, t)] if run.faults else []),
    ]


def region_charts(advice: Advice, run: RunSeries, code: str, lang: str) -> list[Chart]:
    """One region: bandwidth and segment times."""
    t = partial(fill, lang)
    seconds, shades = run.regions.get(code, ()), shades_of(run, lang)
    size, unit = bit_unit([second.wire_bits for second in seconds])
    line = Line(t("series_delivered"), [second.wire_bits / size for second in seconds], "s0")
    wire = Chart(t("chart_wire"), unit, _times(seconds), (line,), shades)
    return [wire, latency(seconds, shades, advice.budgets.segment_p95, lang)]


def _storm(run: RunSeries, shades: tuple[Shade, ...], t: Callable[..., str]) -> Chart:
    """Who comes, comes again and asks again: the waves after a fault."""
    lines = (
        Line(t("series_joins"), [float(second.joins) for second in run.whole], "s0"),
        Line(t("series_retries"), [float(second.retries) for second in run.whole], "s1"),
        Line(t("series_reconnects"), [float(second.reconnects) for second in run.whole], "s2"),
    )
    return Chart(t("chart_storm"), t("axis_events"), _times(run.whole), lines, shades)


def shades_of(run: RunSeries, lang: str) -> tuple[Shade, ...]:
    """Phases, every other one darker, what went wrong on purpose, and the seconds that were cut."""
    phases = [
        Shade(phase.start, phase.end, f"phase p{number % 2}", fill(lang, f"phase_{phase.name}"))
        for number, phase in enumerate(run.facts.phases)
    ]
    cut = [Shade(at, at + 1, "cut") for at in sorted({invalid.at for invalid in run.facts.invalid})]
    faults = [Shade(one.begins, max(one.ends, one.begins + 1), "fault") for one in run.faults]
    return (*phases, *faults, *cut)


def _times(seconds: Sequence[Second]) -> list[int]:
    return [second.at for second in seconds]


def bit_unit(values: Sequence[float]) -> tuple[float, str]:
    """The prefix that fits the largest of some bit rates: its size and its name."""
    most = max(values, default=0.0)
    return next(((size, unit) for size, unit in BIT_UNITS if most >= size), (1.0, "bit/s"))


def _viewers(run: RunSeries, shades: tuple[Shade, ...], t: Callable[..., str]) -> Chart:
    present = [float(second.viewers) for second in run.whole]
    planned = [second.planned for second in run.whole]
    lines = (Line(t("series_planned"), planned, "s1"), Line(t("series_present"), present, "s0"))
    return Chart(t("chart_viewers"), t("axis_viewers"), _times(run.whole), lines, shades)


def _limits(advice: Advice, model: str, size: float, t: Callable[..., str]) -> tuple[Line, ...]:
    """The found limit over all nodes, where it was reached."""
    capacity = advice.capacities.of(model)
    if capacity is None or not capacity.saturated:
        return ()
    return (Line(t("series_capacity"), [capacity.per_node.mid * advice.nodes_tested / size], "limit"),)


def _wire(advice: Advice, run: RunSeries, shades: tuple[Shade, ...], t: Callable[..., str]) -> Chart:
    size, unit = bit_unit([second.wire_bits for second in run.whole])
    line = Line(t("series_delivered"), [second.wire_bits / size for second in run.whole], "s0")
    limits = _limits(advice, "bandwidth", size, t)
    return Chart(t("chart_wire"), unit, _times(run.whole), (line,), shades, limits)


def _requests(advice: Advice, run: RunSeries, shades: tuple[Shade, ...], t: Callable[..., str]) -> Chart:
    lines = (
        Line(t("series_served"), [float(second.served) for second in run.whole], "s0"),
        Line(t("series_failed"), [float(second.failed) for second in run.whole], "s1"),
    )
    limits = _limits(advice, "request_rate", 1.0, t)
    return Chart(t("chart_requests"), t("axis_requests"), _times(run.whole), lines, shades, limits)


def latency(seconds: Sequence[Second], shades: tuple[Shade, ...], budget: float, lang: str) -> Chart:
    """p50, p95 and p99 of the time that a segment takes, and the budget."""
    t = partial(fill, lang)
    p50 = [second.total.p50 if second.total else None for second in seconds]
    p95 = [second.total.p95 if second.total else None for second in seconds]
    p99 = [second.total.p99 if second.total else None for second in seconds]
    lines = (
        Line(t("series_p50"), p50, "s0"),
        Line(t("series_p95"), p95, "s1"),
        Line(t("series_p99"), p99, "s2"),
    )
    limits = (Line(t("series_budget"), [budget], "limit"),)
    bands = ((p50, p95, "b1"), (p95, p99, "b2"))
    return Chart(t("chart_latency"), t("axis_seconds"), _times(seconds), lines, shades, limits, bands)


def _by_region(advice: Advice, run: RunSeries, shades: tuple[Shade, ...], lang: str, what: str) -> Chart:
    t = partial(fill, lang)
    budget = advice.budgets.stall_ratio if what == "stalls" else advice.budgets.error_ratio
    lines = tuple(
        Line(name_of(advice.names[code], lang), [_share(second, what) for second in seconds], f"s{number % 6}")
        for number, (code, seconds) in enumerate(run.regions.items())
    )
    limits = (Line(t("series_budget"), [budget * 100], "limit"),)
    return Chart(t(f"chart_{what}"), t("axis_share"), _times(run.whole), lines, shades, limits)


def _share(second: Second, what: str) -> float:
    return 100 * (second.stall_ratio if what == "stalls" else second.error_ratio)
