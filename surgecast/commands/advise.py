"""``surgecast advise``: read runs, recommend nodes and CDN capacity per region."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from surgecast.advising import AdviseOptions, write_advice

EXAMPLE = "\b\nExample:\n  surgecast advise runs/20261205T123000Z-viral-goal --audience id=40000,in=25000 --lang zh"


@click.command(epilog=EXAMPLE)
@click.argument("run", nargs=-1, required=True)
@click.option("--audience", default="", help="Peak viewers per region, such as id=40000,in=25000.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the reports.")
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the reports."
)
@click.option(
    "--accept-unfinished", "unfinished", is_flag=True, help="Advise on a run that was cut short; the report says so."
)
@click.option("--scenario", default="", metavar="FILE", help="Take launch and starts_at from here, not from the run.")
@click.option("--cluster", "clusters", multiple=True, metavar="CONTEXT[=REGION]", help="Read this cluster; repeatable.")
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Where contexts are; default: as kubectl."
)
@click.option("--export", type=click.Path(path_type=Path, file_okay=False), help="Folder for manifests to apply.")
def advise(run: tuple[str, ...], **options: Any) -> None:
    """Turn runs into advice.json, report.md and report.html. RUN is a run folder, its run.jsonl, or -."""
    write_advice(run, AdviseOptions(**options))
