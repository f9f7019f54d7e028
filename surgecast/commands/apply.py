"""``surgecast apply``: what `advise --export` wrote, as a plan; with a flag, as a change that can be rolled back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from surgecast.applying.carrying_out import Asked, apply_folder
from surgecast.store.places import APPLIED, KUBECONFIG, ROLLBACK_HERE, Storing

EXAMPLE = "\b\nExample:\n  surgecast apply k8s-out/id --context jakarta --yes-apply"


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("folder", type=APPLIED)
@click.option("--context", required=True, help="The kubeconfig's context to use: it has to be named.")
@click.option("--kubeconfig", type=KUBECONFIG, help="Where contexts are; default: as kubectl.")
@click.option("--namespace", default="", help="Namespace of the workload; default: the context's.")
@click.option("--yes-apply", "yes", is_flag=True, help="Do it, once the rollback file is written.")
@click.option("--force-conflicts", "force", is_flag=True, help="Take over fields that belong to somebody else.")
@click.option("--skip-refused", is_flag=True, help="Do the rest where an object is refused; still ends with code 2.")
@click.option("--rollback-file", "file", type=ROLLBACK_HERE, help="Default: rollback-TIME.json in FOLDER.")
def apply(folder: Path, namespace: str, force: bool, **asked: Any) -> None:
    """Show what the manifests in FOLDER, one region's of `advise --export`, would change; change it when told to."""
    apply_folder(folder, Asked(**asked), namespace=namespace, force=force)
