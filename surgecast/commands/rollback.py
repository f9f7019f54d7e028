"""``surgecast rollback``: puts back what `surgecast apply` changed, by the file that it wrote first."""

from __future__ import annotations

from pathlib import Path

import click

from surgecast.applying.carrying_out import Asked, roll_back
from surgecast.store.places import KUBECONFIG, ROLLBACK, ROLLBACK_HERE, Storing

EXAMPLE = (
    "\b\nExample:\n  surgecast rollback out/id/rollback-20261205T113000-104229Z.json --context jakarta --yes-apply"
)


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("file", type=ROLLBACK)
@click.option("--context", required=True, help="The kubeconfig's context to use: it has to be named.")
@click.option("--kubeconfig", type=KUBECONFIG, help="Where contexts are; default: as kubectl.")
@click.option("--yes-apply", "yes", is_flag=True, help="Do it, once another rollback file is written.")
@click.option("--force-changed", "force", is_flag=True, help="Put back what somebody else has changed since, too.")
@click.option("--skip-refused", is_flag=True, help="Do the rest where an object is refused; still ends with code 2.")
@click.option("--rollback-file", "written", type=ROLLBACK_HERE, help="Default: rollback-TIME.json beside FILE.")
def rollback(
    file: Path, context: str, kubeconfig: Path | None, yes: bool, force: bool, skip_refused: bool, written: Path | None
) -> None:
    """Show what would put things back to what FILE holds; put them back when told to."""
    asked = Asked(context=context, kubeconfig=kubeconfig, yes=yes, skip_refused=skip_refused, file=written)
    roll_back(file, asked, force=force)
