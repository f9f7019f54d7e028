"""``surgecast advise``: read runs, recommend nodes and CDN capacity per region."""

from __future__ import annotations

from pathlib import Path

import click

from surgecast.advising import write_advice

EXAMPLE = "\b\nExample:\n  surgecast advise runs/20261205T123000Z-viral-goal --audience id=40000,in=25000 --lang zh"
EXAMPLE += "\n  surgecast advise runs/20261205T123000Z-viral-goal --suppose segments=4s --suppose ladder.id=-highest"


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
@click.option("--suppose", multiple=True, metavar="WORD[.REGION]=VALUE", help="What if, such as boot=40s; repeatable.")
@click.option("--have", default="", metavar="NODES|REGION=NODES,...", help="Nodes there are; default: target.nodes.")
def advise(
    run: tuple[str, ...],
    audience: str,
    out: Path | None,
    lang: str,
    unfinished: bool,
    suppose: tuple[str, ...],
    have: str,
) -> None:
    """Turn runs into advice.json, report.md and report.html. RUN is a run folder, its run.jsonl, or -."""
    write_advice(run, audience=audience, out=out, lang=lang, unfinished=unfinished, suppose=suppose, have=have)
