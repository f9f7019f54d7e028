"""``surgecast gate``: judge a run against budgets, for people and for CI."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from surgecast.gating import GateOptions, gate_run
from surgecast.store.places import NAME, NEW_FILE, REPORTS, RUN, Storing

EXAMPLE = (
    "\b\nExample:\n  surgecast gate runs/20261205T123000Z-viral-goal --budgets budgets.yaml --baseline runs/last-week"
)


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("run", nargs=-1, required=True, type=RUN)
@click.option(
    "--budgets",
    type=NAME,
    default="",
    help="Budgets file; without it, the budgets under 'gate:' in the run's scenario.",
)
@click.option("--baseline", multiple=True, type=RUN, metavar="RUN", help="An earlier run to compare with; repeatable.")
@click.option("--out", type=REPORTS, help="Folder for the reports.")
@click.option("--junit", type=NEW_FILE, help="Write the JUnit XML to this file, or s3://…, too.")
@click.option("--github", is_flag=True, envvar="GITHUB_ACTIONS", help="Annotate, and append to $GITHUB_STEP_SUMMARY.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the texts.")
def gate(
    run: tuple[str, ...],
    budgets: str,
    baseline: tuple[str, ...],
    out: Path | None,
    junit: Path | None,
    github: bool,
    lang: str,
) -> None:
    """Judge a run: PASS exits with 0, FAIL with 99, INVALID with 3.

    RUN is a run folder, its run.jsonl, s3://…, or -; several are the parts of one run. It may also be what Locust, k6
    or JMeter wrote; a baseline is then of the same tool.
    """
    options = GateOptions(budgets=budgets, baselines=baseline, out=out, junit=junit, github=github, lang=lang)
    sys.exit(gate_run(run, options))
