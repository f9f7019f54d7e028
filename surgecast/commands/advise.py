"""``surgecast advise``: read runs, recommend nodes and CDN capacity per region; or tell how right past advice was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from surgecast.advising import Wanted, backtest_folder, write_advice, write_backtest
from surgecast.store.places import EXPORT, FILE, KUBECONFIG, LEDGER, REPORTS, RUN, SCENARIO, Beside, Storing

EXAMPLE = "\b\nExample:\n  surgecast advise runs/20261205T123000Z-viral-goal --audience id=40000,in=25000 --lang zh"
EXAMPLE += "\n  surgecast advise runs/20261205T123000Z-viral-goal --suppose segments=4s --suppose ladder.id=-highest"


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("run", nargs=-1, type=RUN)
@click.option("--audience", default="", help="Peak viewers per region, such as id=40000,in=25000.")
@click.option("--out", type=REPORTS, help="Folder for the reports.")
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the reports."
)
@click.option(
    "--accept-unfinished", "unfinished", is_flag=True, help="Advise on a run that was cut short; the report says so."
)
@click.option(
    "--scenario",
    type=SCENARIO,
    default="",
    metavar="FILE",
    help="Take launch and starts_at from here, not the run.",
)
@click.option("--suppose", multiple=True, metavar="WORD[.REGION]=VALUE", help="What if, such as boot=40s; repeatable.")
@click.option("--have", default="", metavar="NODES|REGION=NODES,...", help="Nodes there are; default: target.nodes.")
@click.option("--cluster", "clusters", multiple=True, metavar="CONTEXT[=REGION]", help="Read this cluster; repeatable.")
@click.option("--kubeconfig", type=KUBECONFIG, help="Where contexts are; default: as kubectl.")
@click.option("--prometheus", default="", metavar="NS/SERVICE:PORT", help="With --cluster: ask this Prometheus, too.")
@click.option("--account", is_flag=True, help="Read the AWS account: what runs, quotas, CloudFront. Changes nothing.")
@click.option("--profile", default="", help="With --account: profile of the AWS command line.")
@click.option("--assume-role", "role", default="", metavar="ARN", help="With --account: role to read with.")
@click.option("--catalog", "catalogs", multiple=True, type=FILE, help="Plan with what this file sells; repeatable.")
@click.option("--export", type=EXPORT, help="Folder for manifests and Terraform variables, or s3://…")
@click.option(
    "--ledger",
    type=LEDGER,
    envvar="SURGECAST_LEDGER",
    show_envvar=True,
    help="Folder in which advice is recorded, or s3://…",
)
@click.option("--backtest", "past", type=LEDGER, help="Hold the advice in this ledger against later runs, and stop.")
@click.option("--events", type=FILE, help="With --backtest: real events as well, as CSV or YAML.")
def advise(run: tuple[str, ...], past: Path | Beside | None, events: Path | None, **wanted: Any) -> None:
    """Turn runs into advice.json, report.md and report.html. RUN is a run folder, its run.jsonl, s3://…, or -."""
    if past is not None:
        with backtest_folder(past, wanted["out"]) as out:
            write_backtest(past, run, events=events, out=out, lang=wanted["lang"])
        return
    if events is not None:
        raise click.UsageError("--events needs --backtest LEDGER")
    if wanted["prometheus"] and not wanted["clusters"]:
        raise click.UsageError("--prometheus needs --cluster CONTEXT")
    if (wanted["profile"] or wanted["role"]) and not wanted["account"]:
        raise click.UsageError("--profile and --assume-role need --account")
    write_advice(run, Wanted(**wanted))
