"""``surgecast rehearse``: stage, load, advise, report: the main job."""

from __future__ import annotations

from pathlib import Path

import click

from loadtests.scenario import BUNDLED, read_scenario
from surgecast.advising import Wanted, write_advice
from surgecast.locust_run import LoadOptions, run_locust, tell_ending
from surgecast.staged import staged
from surgecast.store.places import NEW_RUN, SCENARIO, Storing

EXAMPLE = "\b\nExample:\n  surgecast rehearse viral-goal --lang zh"


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("scenario", type=SCENARIO, default=BUNDLED)
@click.option("--out", type=NEW_RUN, help="Folder for the run and its report, or s3://…")
@click.option("--processes", default=0, help="Worker processes; -1 for one per core. Without it, one process.")
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the reports."
)
@click.option("--run-fault-commands", is_flag=True, help="Let the scenario's faults run its commands on this machine.")
@click.option("--i-own-this-target", "own", is_flag=True, help="Claim the target, where the scenario names no owner.")
def rehearse(scenario: str, out: Path | None, processes: int, lang: str, run_fault_commands: bool, own: bool) -> None:
    """Stage, load, advise and report: the main job.

    The embedded origin is staged when the SCENARIO asks for it (the bundled one does).
    """
    plan = read_scenario(scenario)
    with staged(plan) as door:
        options = LoadOptions(
            out=out, processes=processes, own=own, run_fault_commands=run_fault_commands, control=door
        )
        folder = run_locust(plan, scenario, options)
    tell_ending(folder)
    write_advice((str(folder),), Wanted(out=folder, lang=lang))
