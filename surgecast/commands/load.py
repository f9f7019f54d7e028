"""``surgecast load``: drive a scenario's viewers against its target and write the run."""

from __future__ import annotations

import sys
from typing import Any

import click

from advisor.gate.verdict import EXIT_CODES
from loadtests.errors import CannotMeasure
from loadtests.scenario import read_scenario
from surgecast.gating import budgets_for
from surgecast.kubernetes_run.asked import Asked, distributed_options
from surgecast.kubernetes_run.distributing import distribute
from surgecast.locust_run import LoadOptions, run_locust, tell_ending
from surgecast.store.places import NAME, NEW_RUN, SCENARIO, Storing

EXAMPLE = (
    "\b\nExample:\n  surgecast load my-launch.yaml --target https://stage.example.com/live.m3u8 --i-own-this-target"
)


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("scenario", type=SCENARIO)
@click.option("--target", default="", help="Playlist to watch instead of the scenario's target.url.")
@click.option("--target-nodes", default=0, type=click.IntRange(0), help="How many nodes serve the target.")
@click.option("--resolve", multiple=True, metavar="HOST:PORT:ADDR[,ADDR]", help="Connect override, as curl's.")
@click.option("--ca-file", type=NAME, default="", help="PEM of the authority that signed the target's certificate.")
@click.option(
    "--source-address",
    "source_addresses",
    multiple=True,
    metavar="ADDR",
    help="Address to connect from; in turn where several.",
)
@click.option("--receive-buffer", default="", metavar="SIZE", help="Kernel buffer per connection, such as 64KiB.")
@click.option("--out", type=NEW_RUN, help="Folder for the run, or s3://…")
@click.option("--processes", default=0, help="Worker processes; -1 for one per core. Without it, one process.")
@click.option("--run-time", default="", help="Stop early, such as 90s or 5m.")
@click.option("--web", is_flag=True, help="Open Locust's web UI and start from there.")
@click.option(
    "--budgets", type=NAME, default="", help="Budgets file, checked before any load; default: the scenario's own."
)
@click.option("--abort", is_flag=True, help="End early when a budget marked 'abort' is surely broken (exit code 99).")
@click.option("--run-fault-commands", is_flag=True, help="Let the scenario's faults run its commands on this machine.")
@click.option("--i-own-this-target", "own", is_flag=True, help="Claim the target: load on others' is an attack.")
@distributed_options
def load(scenario: str, budgets: str, abort: bool, asked: Asked, **options: Any) -> None:
    """Simulate a surge of live viewers with Locust.

    SCENARIO is a file, or the name of a bundled one.
    """
    plan = read_scenario(scenario)
    told = LoadOptions(budgets=budgets_for(plan, budgets, needed=abort), abort=abort, **options)
    folder = distribute(scenario, told, asked) if asked.distributed else run_locust(plan, scenario, told)
    if folder is None:
        return
    footer = tell_ending(folder)
    click.echo(folder)
    if not footer.complete:
        sys.exit(EXIT_CODES["FAIL"] if footer.ending == "aborted" and abort else CannotMeasure.exit_code)
