"""``surgecast store``: runs to and from S3."""

from __future__ import annotations

from pathlib import Path

import click

from loadtests.errors import RunError
from loadtests.run import RUN_FILE
from surgecast.store.address import Address, parse_address
from surgecast.store.bucket import connect
from surgecast.store.fetching import pull as pull_files
from surgecast.store.listing import folders, told
from surgecast.store.places import ADDRESS, BUCKET, FOLDER_HERE, RUN_HERE
from surgecast.store.sending import push as push_folder

EXAMPLE = "\b\nExample:\n  surgecast store push runs/launch-night s3://my-runs/2026/launch-night"
PULL = "\b\nExample:\n  surgecast store pull s3://my-runs/2026/launch-night --out runs/launch-night"
LIST = "\b\nExample:\n  surgecast store list s3://my-runs/2026"


@click.group(epilog=EXAMPLE)
def store() -> None:
    """Keep runs in S3, or fetch them from there.

    Wherever a command takes a path, it takes s3://BUCKET/PREFIX/NAME as well, or says why not. Credentials, region and
    endpoint are those of the AWS environment: AWS_PROFILE, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL.
    """


@store.command(epilog=EXAMPLE)
@click.argument("run", type=RUN_HERE)
@click.argument("address", type=BUCKET)
def push(run: Path, address: Address) -> None:
    """Send a run folder, with its reports.

    Parts that are there already are not sent again. A stored run is never overwritten.
    """
    folder = run.parent if run.name == RUN_FILE and run.is_file() else run
    if not folder.is_dir():
        raise RunError(f"{run}: neither a run folder nor its {RUN_FILE}", hint="give the folder of a run")
    if (folder / RUN_FILE).is_file():
        parse_address(str(address))  # reports may lie at a bucket's root, as beside a ledger there, and no run
    push_folder(folder, address)
    click.echo(str(address))


@store.command(epilog=PULL)
@click.argument("address", type=ADDRESS)
@click.option("--out", type=FOLDER_HERE, help="Folder for it; default: runs/NAME.")
def pull(address: Address, out: Path | None) -> None:
    """Fetch a stored folder, run and reports; each file is checked against its SHA-256."""
    folder = out or Path("runs") / address.name
    pull_files(address, folder)
    click.echo(str(folder))


@store.command("list", epilog=LIST)
@click.argument("address", type=BUCKET)
def list_stored(address: Address) -> None:
    """Show the runs below an address; one that is not whole has an upload that has not ended."""
    found = list(folders(connect(address.bucket).listing(f"{address.key}/" if address.key else "")))
    for folder in found:
        click.echo(told(address.bucket, folder))
    if not found:
        click.echo(f"No run lies below {address}", err=True)
