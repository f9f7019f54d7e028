"""Simulations on the command line: what is asked, how it runs, what the terminal shows."""

from __future__ import annotations

import gc
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
from pydantic import ValidationError

from advisor.capacities.model_error import Figure, ModelError, model_error
from advisor.demands.demand import parse_audience
from loadtests.errors import InputError
from loadtests.flow import planned
from loadtests.lastmile import Delivery, LastMiles, deliver
from loadtests.results import Window
from loadtests.run import Run, read_run
from loadtests.scenario import Scenario, Staging
from loadtests.session import Viewer
from loadtests.simulated import SOON, Told, write_simulation
from loadtests.staging.media import Rendition, Stream, load
from loadtests.virtual.edge import Edge
from loadtests.virtual.mile import Remembered
from loadtests.virtual.origin import EVERYWHERE, OriginPlan
from loadtests.virtual.sampling import Sure
from loadtests.virtual.world import World
from surgecast.locust_run import new_run_folder
from surgecast.quantities import BITRATE

SESSIONS: Final = 150
"""Simulated viewers at the peak with `--weight auto`: over 200 times real time for 10,000 viewers on one core, and
sums known to 4 or 5 %."""
MORE: Final = 1.5
"""Simulated viewers per root of a viewer where that is more: 1,500 for a million, whose regions want numbers too."""
BATCH: Final = 0.1
"""Seconds of a node's link that the requests behind one simulated request may fill before the reader is warned."""
COLLECT: Final = (50_000, 20, 100)
"""Of the garbage collector, as in a worker: what viewers leave behind goes without it."""
FILE: Final = "simulation.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What a simulation is told beside its scenario; None and empty mean as in the scenario."""

    viewers: int = 0
    audience: str = ""
    nodes: str = ""
    egress: float | None = None
    rps: float | None = None
    latency: float | None = None
    bitrates: str = ""
    edge: Edge | None = None
    weight: str = "auto"
    out: Path | None = None
    against: str = ""


def run_simulation(scenario: Scenario, options: SimulateOptions) -> bool:
    """Simulate, write the run and `FILE` beside it, print; whether the model held against a real run, if one is given.

    InputError for what cannot be simulated, before anything is.
    """
    real = read_run(options.against) if options.against else None
    world = world_of(scenario, options, real)
    folder = options.out or new_run_folder(scenario).with_name(f"{new_run_folder(scenario).name}-simulated")
    click.echo(f"Simulating {peak_of(world.scenario):,.0f} viewers, {world.weight:,} for each one ...", err=True)
    spare_the_collector()
    began = time.perf_counter()
    told = write_simulation(world, folder, _progress(world.scenario.surge.duration))
    seconds = time.perf_counter() - began
    click.echo(f"{world.scenario.surge.duration / seconds:,.0f} times real time ({seconds:.1f} s)", err=True)
    found = read_run(folder)
    compared = model_error(found, real) if real else None
    _write(folder / FILE, world, told, found, compared)
    click.echo("\n".join([*_phases(found), "", *_sureness(world, told), *_compared(compared), str(told.file)]))
    return compared is None or compared.holds


def world_of(scenario: Scenario, options: SimulateOptions, real: Run | None = None) -> World:
    """What is simulated; a real run says when it began and which nodes it had, unless the options do."""
    if real is not None and (options.viewers or options.audience):
        raise InputError(
            "--against with --viewers or --audience: the runs would not be of one audience",
            hint="simulate the scenario that was run, then another size without --against",
        )
    asked = sized(scenario, options)
    return World(
        scenario=asked,
        stream=stream_of(asked, options.bitrates),
        origin=origin_of(asked, options),
        weight=weight_of("1" if real and options.weight == "auto" else options.weight, peak_of(asked)),
        deliver=deliveries(asked),
        epoch=(real.header.started_at if real else scenario.starts_at or SOON).timestamp(),
    )


# -- what is asked ----------------------------------------------------------------------------------------------------


def peak_of(scenario: Scenario) -> float:
    """Most concurrent viewers that the surge wants, in all regions together."""
    wanted = planned(scenario)
    return max(wanted(second + 0.5) for second in range(max(int(scenario.surge.duration), 1)))


def sized(scenario: Scenario, options: SimulateOptions) -> Scenario:
    """The scenario with the audience of the command line: the same surge, larger or smaller."""
    data, viewers = scenario.model_dump(mode="json"), options.viewers
    if options.audience:
        if viewers:
            raise InputError("--viewers and --audience are both given", hint="an audience says how many there are")
        audience = parse_audience(options.audience)
        if audience.keys() != scenario.regions.keys():
            raise InputError(
                f"--audience: expected every region of the scenario ({', '.join(scenario.regions)}), "
                f"found {', '.join(audience)}",
                hint="write it as --audience id=400000,in=250000",
            )
        viewers = sum(audience.values())
        for code, count in audience.items():
            data["regions"][code]["share"] = f"{100 * count / viewers:.9f}%"
    if not viewers:
        return scenario
    data["surge"] = {"shape": "scale", "of": data["surge"], "viewers_by": viewers / peak_of(scenario)}
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"command line: {problem}", hint="give another number of viewers") from error


def origin_of(scenario: Scenario, options: SimulateOptions) -> OriginPlan:
    """The modelled nodes: the scenario's staging, but for what the command line says."""
    staging = scenario.staging or Staging()
    return OriginPlan(
        nodes=nodes_of(scenario, options.nodes),
        egress=staging.egress if options.egress is None else options.egress,
        rps=staging.requests_per_second if options.rps is None else options.rps,
        latency=staging.latency if options.latency is None else options.latency,
        edge=options.edge,
    )


def deliveries(scenario: Scenario) -> Callable[[Viewer], Delivery | None]:
    """Each viewer's last mile, as the engine shapes it."""
    miles = LastMiles(scenario)

    def deliver_to(viewer: Viewer) -> Delivery | None:
        mile = miles.of(viewer)
        return None if mile is None else Remembered(deliver(mile))

    return deliver_to


def nodes_of(scenario: Scenario, text: str) -> dict[str, int]:
    """``12`` for all regions together, or ``id=8,in=4`` for each its own."""
    if not text:
        return {EVERYWHERE: scenario.target.nodes}
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return {EVERYWHERE: int(text)}
    try:
        nodes = parse_audience(text)
    except InputError as error:
        raise InputError(
            f"--nodes: expected a number of nodes, or REGION=NODES for each region, found {text!r}",
            hint="write it as --nodes 12, or --nodes id=8,in=4",
        ) from error
    if nodes.keys() != scenario.regions.keys():
        raise InputError(
            f"--nodes: expected every region of the scenario ({', '.join(scenario.regions)}), found {', '.join(nodes)}",
            hint="write it as --nodes id=8,in=4, or --nodes 12 for all of them together",
        )
    return nodes


def weight_of(text: str, peak: float) -> int:
    """A number from 1 on, or ``auto``: `SESSIONS` simulated viewers at the peak, or more at launch scale."""
    if text == "auto":
        return max(1, round(peak / max(SESSIONS, MORE * math.sqrt(peak))))
    if text.isascii() and text.isdecimal() and int(text) > 0:
        if int(text) > peak:
            raise InputError(f"--weight {text}: the peak has {peak:,.0f} viewers", hint="give less, or auto")
        return int(text)
    raise InputError(f"--weight: expected a number from 1 on, or auto, found {text!r}", hint="leave it out for auto")


def stream_of(scenario: Scenario, bitrates: str) -> Stream:
    """The stage's own ladder in MPEG-TS (or fMP4, for an address below /cmaf/), or one of the given bit rates."""
    transport, fragmented = load()
    stream = fragmented if "/cmaf/" in scenario.target.url else transport
    if not bitrates:
        return stream
    rates = sorted(BITRATE.convert(text.strip(), None, None) for text in bitrates.split(","))
    ladder = tuple(_rendition(stream.renditions[0], number, rate) for number, rate in enumerate(rates))
    return replace(stream, renditions=ladder)


def _rendition(like: Rendition, number: int, rate: float) -> Rendition:
    return replace(like, facts=replace(like.facts, name=f"r{number}"), sizes=(max(1, round(rate / 4)),))


# -- how it runs ------------------------------------------------------------------------------------------------------


def spare_the_collector() -> None:
    """What viewers leave behind goes without it; it would look at every new one again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


def _progress(duration: float) -> Callable[[int, list[Window]], None]:
    """A line on standard error each second of ours, never of theirs."""
    told = [time.monotonic()]

    def observe(second: int, windows: list[Window]) -> None:
        if (now := time.monotonic()) - told[0] >= 1.0:
            told[0] = now
            viewers = sum(window.players.viewers for window in windows)
            sys.stderr.write(f"[{second:>5} of {duration:.0f} s] {viewers:,} viewers\n")
            sys.stderr.flush()

    return observe


# -- what is shown ----------------------------------------------------------------------------------------------------


def _phases(run: Run) -> list[str]:
    lines = [f"{'phase':<10}{'viewers':>12}{'requests/s':>13}{'Gbit/s':>10}{'stalled':>9}{'errors':>9}"]
    lines += [
        f"{row['phase']:<10}{row['viewers']:>12,.0f}{row['requests']:>13,.0f}{row['egress'] / 1e9:>10.3f}"
        f"{row['stall_ratio']:>9.2%}{row['error_ratio']:>9.2%}"
        for row in phase_rows(run)
    ]
    return lines


def phase_rows(run: Run) -> list[dict[str, Any]]:
    """Means of each phase, over all regions: viewers, requests/s, bit/s, shares."""
    rows = []
    for phase in run.header.phases:
        windows = [window for window in run.windows if phase.start <= window.at < phase.end]
        rows.append({"phase": phase.name, **_means(windows, phase.end - phase.start)})
    return rows


def _means(windows: Sequence[Window], seconds: float) -> dict[str, float]:
    requests = [one for window in windows for one in window.requests.values()]
    stalled = sum(window.players.stall_seconds for window in windows)
    watched = stalled + sum(window.players.play_seconds for window in windows)
    count = sum(one.count for one in requests)
    return {
        "viewers": sum(window.players.viewers for window in windows) / seconds,
        "requests": count / seconds,
        "egress": 8 * sum(one.bytes + one.head_bytes for one in requests) / seconds,
        "stall_ratio": stalled / watched if watched else 0.0,
        "error_ratio": sum(one.failed for one in requests) / count if count else 0.0,
    }


def errors_of(told: Told) -> dict[str, Sure]:
    """Figures of the whole run with their standard errors."""
    totals = {name: told.sums.total(name) for name in ("present", "requests", "bits")}
    return {**totals, "stall_ratio": told.sums.stall_ratio()}


def batch_of(world: World) -> float:
    """Seconds of a node's link that the requests behind one simulated request fill at once, at the middle bit rate."""
    if world.origin.egress is None:
        return 0.0
    sizes = world.stream.renditions[len(world.stream.renditions) // 2].sizes
    per_node = world.weight / min(world.origin.nodes.values())
    return max(per_node, 1.0) * 8 * sum(sizes) / len(sizes) / world.origin.egress


def _sureness(world: World, told: Told) -> list[str]:
    found = errors_of(told)
    lines = [f"{told.sessions:,} viewers were simulated, each for {world.weight:,}. Standard errors of the whole run:"]
    names = {"present": "viewers", "requests": "requests", "bits": "egress"}
    parts = [f"{word} {found[name].relative:.1%}" for name, word in names.items()]
    lines += [f"  {', '.join(parts)}, stall ratio {found['stall_ratio'].error * 100:.2f} percentage points"]
    if world.weight > 1 and (batch := batch_of(world)) > BATCH:
        lines += [
            f"  Too coarse: the requests behind one simulated request fill {batch:.2f} s of a node's link at once.",
            f"  Use --weight {max(1, int(world.weight * BATCH / batch))}, or waiting times come out too long.",
        ]
    return [*lines, "Simulated, not measured: nothing was sent (docs/simulate.md says what the model leaves out)."]


def _compared(found: ModelError | None) -> list[str]:
    if found is None:
        return []
    lines = ["", f"Against run {found.real}, {found.seconds} s of ramp and peak:"]
    lines += [f"{'':<14}{'simulated':>14}{'real':>14}{'error':>9}{'allowed':>9}"]
    return [*lines, *(_figure(figure) for figure in found.figures), ""]


def _figure(figure: Figure) -> str:
    shown = {"egress": ("Gbit/s", 1e9, ".4f"), "stall_ratio": ("stall ratio, %", 0.01, ".2f")}
    label, unit, form = shown.get(figure.name, (figure.name, 1.0, ",.0f"))
    values = f"{figure.simulated / unit:>14{form}}{figure.real / unit:>14{form}}"
    mark = "" if figure.holds else "  too far off"
    return f"{label:<14}{values}{figure.error:>+9.1%}{figure.allowed:>9.0%}{mark}"


def _write(file: Path, world: World, told: Told, run: Run, compared: ModelError | None) -> None:
    data: dict[str, Any] = {
        "run": run.header.run_id,
        "weight": world.weight,
        "sessions": told.sessions,
        "phases": phase_rows(run),
        "standard_errors": {name: {"value": one.value, "error": one.error} for name, one in errors_of(told).items()},
        "batch_seconds": batch_of(world),
    }
    if compared is not None:
        rows = [{**figure.model_dump(), "error": figure.error, "holds": figure.holds} for figure in compared.figures]
        data["against"] = {"run": compared.real, "seconds": compared.seconds, "figures": rows}
    file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
