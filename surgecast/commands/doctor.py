"""``surgecast doctor``: whether this machine can do what is planned with it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from loadtests.errors import InputError
from loadtests.scenario import BUNDLED, read_scenario
from surgecast.doctoring import DoctorOptions, examine
from surgecast.store.places import NEW_FILE, SCENARIO, Storing

EXAMPLE = "\b\nExample:\n  surgecast doctor --generator my-launch.yaml --viewers 20000 --json rating.json"


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("scenario", type=SCENARIO, default=BUNDLED)
@click.option("--generator", is_flag=True, help="Examine the machine as a load generator: needed, there is no other.")
@click.option("--viewers", default=0, type=click.IntRange(0), help="Peak to plan for; default: the scenario's own.")
@click.option("--target", default="", help="Playlist to look at for its pace, instead of the scenario's target.url.")
@click.option("--i-own-this-target", "own", is_flag=True, help="Claim the target, as for load; it is looked at once.")
@click.option("--json", "file", type=NEW_FILE, help="Write the rating to this file, or s3://…")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the texts.")
def doctor(scenario: str, generator: bool, viewers: int, target: str, own: bool, file: Path | None, lang: str) -> None:
    """Say how many viewers this machine can generate.

    Takes half a minute, loads loopback only. Exits with 0 when the SCENARIO fits, 99 when it does not, 3 when
    this machine was too busy to be measured.
    """
    if not generator:
        raise InputError("doctor: nothing to examine", hint="add --generator, the only examination there is today")
    plan = read_scenario(scenario)
    sys.exit(examine(plan, DoctorOptions(viewers=viewers, target=target, own=own, json=file, lang=lang)))
