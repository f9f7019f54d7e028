"""The doctor on the command line: what is examined, and how its answer reads in a terminal."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

import click
import psutil
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from advisor.pages.summary import printable
from loadtests.errors import CannotMeasure, InputError
from loadtests.limits import MOST, RESERVE
from loadtests.preflight import Look, look
from loadtests.rating.fit import Range
from loadtests.rating.machine import Equipment, this_machine
from loadtests.rating.measuring import Wish, climb
from loadtests.rating.needs import demand_of, pace_of
from loadtests.rating.staircase import plan_stairs
from loadtests.rating.verdict import Rating, Room, rate
from loadtests.rating.words import fill
from loadtests.scenario import Scenario
from loadtests.target import Target

WIDTH = 400
"""Columns: nothing is wrapped in a file or a log; a terminal wraps as it likes."""
CORES = 1.5
"""That must be free before the climb: the generator fills one, a sink half a one."""
MOST_SINKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """What the doctor is told beside the scenario."""

    viewers: int = 0
    target: str = ""
    own: bool = False
    json: Path | None = None
    lang: str = "en"
    short: bool = False
    """A climb of seconds with few viewers: for trying it out."""


def examine(scenario: Scenario, options: DoctorOptions) -> int:
    """Rate this machine for a scenario, print and write the answer; its exit code."""
    scenario = with_target(scenario, options)
    machine = this_machine()
    demand = demand_of(scenario, pace_of(scenario, seen_of(scenario, options)), options.viewers)
    must_be_quiet(machine, free_cores(), short=options.short)
    stairs, pace = plan_stairs(machine.descriptors_hard, secure=demand.need.secure, short=options.short)
    wish = Wish(stairs, pace, max(1, min(int(machine.cores) // 2, MOST_SINKS)), demand.need.secure)
    click.echo(f"Measuring this machine for {stairs.duration:.0f} s, on loopback only ...", err=True)
    rating = rate(scenario.name, climb(scenario, wish), demand, machine)
    if options.json:
        write_json(rating, options.json)
    click.echo(told(rating, scenario, options.lang))
    return rating.exit_code


def with_target(scenario: Scenario, options: DoctorOptions) -> Scenario:
    """The scenario against the target of the command line; whoever owned another one does not own this."""
    changes: dict[str, str] = {"url": options.target, "owner": ""} if options.target else {}
    if options.own:
        changes["owner"] = "claimed on the command line"
    try:
        target = Target.model_validate({**scenario.target.model_dump(), **changes})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"command line: target: {problem}") from error
    staging = None if options.target else scenario.staging
    return scenario.model_copy(update={"target": target, "staging": staging})


def seen_of(scenario: Scenario, options: DoctorOptions) -> Look | None:
    """One look at the target as a viewer, where it is claimed; the stage is not up now, so it is not looked at."""
    if scenario.staging is not None:
        return None
    if scenario.is_claimed:
        return look(scenario)
    if options.target:
        raise InputError(
            f"nobody claims the target {scenario.target.url}: no request was sent",
            hint="if it is yours to load, add --i-own-this-target",
        )
    return None


def free_cores(seconds: float = 0.5) -> float:
    """Cores of this machine that nobody uses; work of low priority does, for it does not always give way."""

    def spare() -> float:
        times = psutil.cpu_times()
        return float(times.idle + getattr(times, "iowait", 0.0))

    before, began = spare(), time.monotonic()
    time.sleep(seconds)
    return (spare() - before) / (time.monotonic() - began)


def must_be_quiet(machine: Equipment, free: float, *, short: bool = False) -> None:
    """CannotMeasure when the generator would not get what it can use."""
    if short:
        return
    if machine.cores < CORES:
        raise CannotMeasure(
            f"this machine gives {machine.cores:g} cores: the generator and its sink need {CORES:g}",
            hint="measure on a machine with two cores of the same kind",
        )
    if free < CORES:
        raise CannotMeasure(
            f"{free:.1f} of {machine.cores:g} cores are free: the generator and its sink need {CORES:g}",
            hint="stop other work on this machine, then try again",
        )


def write_json(rating: Rating, file: Path) -> None:
    """The whole rating as JSON."""
    try:
        file.write_text(rating.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}", hint="give another --json") from error


# -- as text ----------------------------------------------------------------------------------------------------------


def told(rating: Rating, scenario: Scenario, lang: str) -> str:
    """What the terminal shows: the answer first, then what it stands on."""
    t, need = partial(fill, lang), rating.need
    values = {
        "viewers": f"{need.viewers:,}",
        "workers": f"{rating.workers:,}",
        "here": str(rating.workers_here),
        "machines": f"{rating.machines:,}",
        "binds": t(f"binds_{rating.binds}"),
    }
    lines = [f"{t(f'verdict_{rating.verdict}', **values)} {_how_to_start(rating, lang)}".rstrip()]
    room = min((room for room in rating.rooms if room.per_worker is not None), key=lambda room: room.per_worker or 0)
    bound = t(f"binds_{room.resource}")
    lines += [t("safe", viewers=f"{rating.viewers_per_worker:,}", scenario=rating.scenario, binds=bound)]
    lines += [_remedy(rating, lang)] if rating.verdict != "fits" else []
    lines += ["", t("need_title", scenario=rating.scenario)]
    need_values = {
        "viewers": f"{need.viewers:,}",
        "joins": f"{need.joins:,.0f}",
        "requests": f"{need.requests_per_viewer:.2g}",
        "bits": f"{need.bits_per_viewer / 1e6:.2g} Mbit/s",
        "segment": f"{need.segment_seconds:g}",
    }
    lines += [f"  {t('need_line', **need_values)} {t(f'source_{need.source}')}"]
    lines += [f"  {t('stage_too')}"] if scenario.staging is not None else []
    lines += ["", t("rooms_title"), *_indented(_rooms(rating, lang)), f"  {_sure(rating, lang)}"]
    lines += ["", t("costs_title"), f"  {_costs(rating, lang)}"]
    protocol = "HTTPS" if rating.secure else "HTTP"
    lines += ["", t("climb_title", protocol=protocol, sinks=str(rating.sinks), pace=f"{rating.pace:g}")]
    lines += [*_indented(_climb(rating, lang)), *_seconds(rating, lang), "", _machine(rating, lang), t("not_measured")]
    return "\n".join(printable(line) for line in lines)


def _how_to_start(rating: Rating, lang: str) -> str:
    if rating.verdict == "unknown":
        return ""
    if rating.machines > 1:
        return fill(lang, "start_elsewhere")
    return fill(lang, "start_one") if rating.workers == 1 else fill(lang, "start_many", workers=str(rating.workers))


def _remedy(rating: Rating, lang: str) -> str:
    wanted = -(-rating.need.viewers // rating.workers_here) * MOST + RESERVE
    return fill(lang, f"raise_{rating.binds}", wanted=f"{-(-wanted // 1000) * 1000}")


def _rooms(rating: Rating, lang: str) -> str:
    t = partial(fill, lang)
    grid = _grid(("", t("col_resource"), t("col_worker"), t("col_machine")), left=2)
    for room in rating.rooms:
        mark = "▸" if room.resource == rating.binds else ""
        own = "" if room.per_worker is None else f"{room.per_worker:,}"
        grid.add_row(mark, escape(_room(rating, room, lang)), own, f"{room.machine:,}")
    return _drawn(grid)


def _room(rating: Rating, room: Room, lang: str) -> str:
    machine = rating.machine
    values = {
        "cores": f"{machine.cores:g}",
        "limit": f"{rating.cpu_limit:.0%}",
        "hard": f"{machine.descriptors_hard:,}",
        "soft": f"{machine.descriptors_soft:,}",
        "ports": f"{machine.ports:,}",
        "addresses": str(rating.need.addresses),
        "each": f"{rating.need.ports_per_viewer:.1f}",
        "available": f"{machine.memory / 2**30:.1f} GiB",
        "worker": f"{rating.worker_bytes / 2**20:.0f} MiB",
        "viewer": f"{rating.viewer_bytes / 2**10:.0f} KiB",
    }
    return fill(lang, f"room_{room.resource}", **values)


def _sure(rating: Rating, lang: str) -> str:
    spread = rating.cpu_viewers
    top = f"{max(step.cpu for step in rating.steps):.0%}"
    return fill(lang, f"sure_{rating.evidence}", low=f"{spread.low:,.0f}", high=f"{spread.high:,.0f}", top=top)


def _costs(rating: Rating, lang: str) -> str:
    ranges = {
        "request": rating.microseconds_per_request,
        "byte": rating.microseconds_per_megabyte,
        "join": rating.microseconds_per_join,
    }
    values = {name: f"{one.value:.0f}" for name, one in ranges.items()}
    values |= {f"{name}_range": _span(one, "{:.0f}") for name, one in ranges.items()}
    fixed = rating.fixed_cpu
    return fill(lang, "cost_line", fixed=f"{fixed.value:.0%}", fixed_range=_span(fixed, "{:.0%}"), **values)


def _span(one: Range, form: str) -> str:
    return f"{form.format(one.low)}–{form.format(one.high)}"


def _climb(rating: Rating, lang: str) -> str:
    t = partial(fill, lang)
    grid = _grid(tuple(t(f"col_{name}") for name in ("viewers", "requests", "bytes", "cpu", "lag", "sink", "held")))
    for step in rating.steps:
        grid.add_row(
            f"{step.viewers:,}",
            f"{step.requests:,.0f}",
            f"{step.bytes / 1e6:,.0f}",
            f"{step.cpu:.2f}",
            f"{step.lag_p99 * 1000:.1f} ms",
            f"{step.sink:.2f}",
            t("held" if step.held else "not_held"),
        )
    return _drawn(grid)


def _seconds(rating: Rating, lang: str) -> list[str]:
    lines = []
    if (burst := rating.burst) is not None:
        lines.append(fill(lang, "burst_line", joins=f"{burst.joins:,.0f}", lag=f"{burst.lag_p99 * 1000:.1f}"))
        if (asked := rating.need.joins / rating.workers) > burst.joins:
            lines.append(fill(lang, "burst_beyond", asked=f"{asked:,.0f}"))
    for reason, count in rating.disturbed.items():
        lines.append(fill(lang, "disturbed_line", count=str(count), reason=fill(lang, f"disturbed_{reason}")))
    return [f"  {line}" for line in lines]


def _machine(rating: Rating, lang: str) -> str:
    machine = rating.machine
    values = {"processor": machine.processor, "system": machine.system, "python": machine.python}
    return fill(lang, "machine_line", cores=f"{machine.cores:g}", others=f"{rating.others:.1f}", **values)


def _grid(heads: tuple[str, ...], left: int = 0) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="")
    for number, head in enumerate(heads):
        grid.add_column(head, justify="left" if number < left else "right")
    return grid


def _drawn(grid: Table) -> str:
    sheet = StringIO()
    Console(file=sheet, width=WIDTH, color_system=None, highlight=False).print(grid)
    return sheet.getvalue()


def _indented(text: str) -> list[str]:
    return [f"  {line}".rstrip() for line in text.splitlines()]
