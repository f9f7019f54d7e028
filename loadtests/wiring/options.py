"""Our command-line options of Locust, and the scenario they make together."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from loadtests.errors import InputError
from loadtests.limits import Machine, check_sources
from loadtests.region import region_codes
from loadtests.run import RUN_FILE
from loadtests.scenario import BUNDLED, Scenario, read_scenario
from loadtests.units import BYTES, parse

BUFFERS: Final = (4096, 16 * 2**20)
"""Bytes that `--receive-buffer` may be: a playlist at once at least; more than this no viewer's link can fill."""


def add_options(parser: ArgumentParser) -> None:
    """Add the options to Locust's parser."""
    group = parser.add_argument_group("surgecast", "what to rehearse, against what")
    group.add_argument("--scenario", default=BUNDLED, help="scenario file, or the name of a bundled one")
    group.add_argument("--target", default="", help="playlist to watch instead of the scenario's target.url")
    group.add_argument("--target-nodes", type=int, default=0, help="how many nodes serve the target")
    group.add_argument("--resolve", action="append", default=[], metavar="HOST:PORT:ADDR[,ADDR]", help="as curl's")
    group.add_argument("--ca-file", default="", help="PEM of the authority that signed the target's certificate")
    group.add_argument(
        "--source-address", action="append", default=[], metavar="ADDR", help="connect from here, in turn"
    )
    group.add_argument(
        "--receive-buffer", default="", metavar="SIZE", help="kernel buffer per connection, such as 64KiB"
    )
    group.add_argument(
        "--region-label",
        action="append",
        default=[],
        metavar="REGION[,REGION]",
        help="of a worker: it carries the viewers of these regions and no others",
    )
    group.add_argument("--out", default="", help="folder for the run (default: runs/TIME-NAME)")
    group.add_argument("--i-own-this-target", action="store_true", help="claim the target: a load run is an attack")
    group.add_argument("--run-fault-commands", action="store_true", help="let the scenario's faults run its commands")
    group.add_argument("--progress", action="store_true", help="live progress per region on standard error")


def chosen_scenario(options: Namespace) -> Scenario:
    """The scenario with the options applied; InputError when that makes no scenario, or nobody claims the target."""
    scenario = _with_peak(_with_target(read_scenario(options.scenario), options), options.num_users)
    must_be_claimed(scenario)
    return scenario


def must_be_claimed(scenario: Scenario) -> None:
    """InputError when nobody says that the target is theirs to load."""
    if not scenario.is_claimed:
        raise InputError(
            f"nobody claims the target {scenario.target.url}: no request was sent",
            hint="if it is yours to load, add --i-own-this-target, or 'owner: NAME' under 'target:' in the scenario",
        )


def labels_of(options: Namespace | None) -> tuple[str, ...]:
    """The regions that a worker is labelled with; InputError for one that is none."""
    labels = [label.strip() for text in getattr(options, "region_label", ()) for label in text.split(",")]
    for label in labels:
        if label not in region_codes():
            raise InputError(
                f"--region-label: no such region: {label!r}", hint=f"regions known here: {', '.join(region_codes())}"
            )
    return tuple(dict.fromkeys(labels))


def machine_of(options: Namespace | None) -> Machine:
    """What the run may use of this machine; InputError for an address it does not have, or no size."""
    sources = tuple(dict.fromkeys(getattr(options, "source_address", ())))
    check_sources(sources)
    return Machine(sources, _buffer(getattr(options, "receive_buffer", "")))


def _buffer(text: str) -> int:
    if not text:
        return 0
    try:
        size = int(parse(text, BYTES, "64KiB"))
    except ValueError as error:
        raise InputError(f"--receive-buffer: {error}", hint="docs/engine.md says what a size does") from error
    least, most = BUFFERS
    if not least <= size <= most:
        raise InputError(
            f"--receive-buffer: expected from {least} B to {most} B, found {text!r}",
            hint="docs/engine.md says what a size does",
        )
    return size


def free_folder(out: str) -> Path | None:
    """The folder for the run, None for one of our own naming; InputError when a run is there already."""
    if "://" in out:
        raise InputError(f"{out}: expected a folder on this machine", hint="surgecast load --out takes s3:// as well")
    if out and (Path(out) / RUN_FILE).exists():
        raise InputError(
            f"{out}: there is a run here already, and runs are never overwritten", hint="give another --out"
        )
    return Path(out) if out else None


def _with_target(scenario: Scenario, options: Namespace) -> Scenario:
    changes: dict[str, object] = {}
    if options.target:
        changes |= {"url": options.target, "owner": ""}
        regions = {code: part.model_copy(update={"target": None}) for code, part in scenario.regions.items()}
        scenario = scenario.model_copy(update={"regions": regions})  # everybody watches what the command line says
    if options.target_nodes:
        changes["nodes"] = options.target_nodes
    if options.resolve:
        changes["resolve"] = (*scenario.target.resolve, *options.resolve)
    if options.ca_file:
        changes["ca_file"] = str(Path(options.ca_file))
    if options.i_own_this_target:
        changes["owner"] = "claimed on the command line"
    return _changed(scenario, "target", changes)


def _with_peak(scenario: Scenario, users: int | None) -> Scenario:
    """Locust's ``--users`` is the peak of the surge, where the shape has one."""
    if not users or "peak" not in type(scenario.surge).model_fields:
        return scenario
    return _changed(scenario, "surge", {"peak": users})


def _changed(scenario: Scenario, part: str, changes: dict[str, object]) -> Scenario:
    if not changes:
        return scenario
    data = scenario.model_dump(mode="json")
    data[part] = {**data[part], **changes}
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = ".".join(str(place) for place in problem["loc"])
        raise InputError(f"command line: {field}: {problem['msg'].removeprefix('Value error, ')}") from error
