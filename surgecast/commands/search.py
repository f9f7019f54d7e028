"""``surgecast search``: how many viewers until a budget breaks."""

from __future__ import annotations

import sys
from typing import Any

import click

from surgecast.quantities import DURATION
from surgecast.searching import SearchOptions, search_breaking_point
from surgecast.store.places import NAME, NEW_RUN, SCENARIO, Storing

EXAMPLE = "\b\nExample:\n  surgecast search my-launch.yaml --levels 500..8000 --runs 10 --within 90m"


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("scenario", type=SCENARIO)
@click.option("--levels", default="", metavar="FIRST..MOST", help="Peaks to try; default: from a quarter of its own.")
@click.option(
    "--resolution",
    default=0.1,
    show_default=True,
    type=click.FloatRange(0.01, 1),
    help="Gap to close, as a share.",
)
@click.option("--runs", default=12, show_default=True, type=click.IntRange(1, 100), help="Most runs.")
@click.option("--within", default="2h", show_default=True, type=DURATION, help="Start no run that would end later.")
@click.option(
    "--budgets", type=NAME, default="", help="Budgets file; without it, the budgets under 'gate:' in the scenario."
)
@click.option("--out", type=NEW_RUN, help="Folder for the runs and search.json, or s3://…")
@click.option("--processes", default=0, help="Worker processes; -1 for one per core. Without it, one process.")
@click.option("--i-own-this-target", "own", is_flag=True, help="Claim the target: load on others' is an attack.")
def search(scenario: str, **options: Any) -> None:
    """Find the breaking point: raise the surge until a budget breaks, bisect, confirm.

    Each level is a whole run of SCENARIO with its surge scaled. Exits with 0 when the point was found or the most
    viewers held, 99 when not even the fewest did, 3 when it could not be told.
    """
    sys.exit(search_breaking_point(scenario, SearchOptions(**options)))
