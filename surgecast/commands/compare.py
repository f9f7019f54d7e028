"""``surgecast compare``: runs side by side, and which of their differences are real."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.compare.pages import write_pages
from advisor.compare.reading import read_outcomes
from advisor.compare.table import compare as compare_runs
from advisor.compare.terminal import terminal
from surgecast.store.places import REPORTS, RUN, Storing

EXAMPLE = "\b\nExample:\n  surgecast compare runs/before runs/after --out compared --lang zh"


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("run", nargs=-1, required=True, type=RUN)
@click.option("--out", type=REPORTS, help="Folder for the reports.")
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the reports."
)
def compare(run: tuple[str, ...], out: Path | None, lang: str) -> None:
    """Say which differences between runs are real.

    RUN is a run folder, its run.jsonl, s3://…, -, or what Locust, k6 or JMeter wrote; the first is the base.
    """
    outcomes = [read_outcomes(place) for place in run]
    comparison = compare_runs(outcomes)
    click.echo(terminal(comparison, lang))
    for file in write_pages(comparison, outcomes, out, lang) if out else ():
        click.echo(str(file))
