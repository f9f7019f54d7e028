"""``surgecast catalog``: what can be bought as a node; made again from the cloud's own interfaces."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from advisor.catalog import catalog_names
from advisor.shelves import list_lines, show_lines
from surgecast.catalogs import refresh_catalog
from surgecast.store.places import FILE_HERE

EXAMPLE = "\b\nExample:\n  surgecast catalog refresh --region ap-southeast-3 --family c --out ec2-mine.yaml"
LIST = "\b\nExample:\n  surgecast catalog list"
SHOW = "\b\nExample:\n  surgecast catalog show ec2 --region ap-southeast-3"


@click.group(epilog=EXAMPLE)
def catalog() -> None:
    """List, show and refresh catalogues of what can be bought as a node."""


@catalog.command("refresh", epilog=EXAMPLE)
@click.option("--out", required=True, type=FILE_HERE, help="Catalogue to write.")
@click.option("--region", "regions", multiple=True, metavar="REGION", help="Repeatable; default: those of the file.")
@click.option("--family", "families", multiple=True, metavar="c7g|c", help="Repeatable; default: all current ones.")
@click.option("--profile", default="", help="Profile of the AWS command line; default: as it finds credentials.")
@click.option("--assume-role", "role", default="", metavar="ARN", help="Role to read with.")
def refresh(out: Path, **wanted: Any) -> None:
    """Ask EC2, Pricing and Service Quotas what is sold in whole regions, and write it down. Changes nothing there."""
    refresh_catalog(out, **wanted)


@catalog.command("list", epilog=LIST)
def list_() -> None:
    """List the catalogues that ship, and how old they are."""
    for line in list_lines(catalog_names(), datetime.now(UTC).date()):
        click.echo(line)


@catalog.command("show", epilog=SHOW)
@click.argument("name")
@click.option("--region", "regions", multiple=True, metavar="REGION", help="Prices and zones of these; repeatable.")
def show(name: str, regions: tuple[str, ...]) -> None:
    """Show a catalogue: its sources, their age, every offer. NAME is one that ships, or a file."""
    for line in show_lines(name, regions, datetime.now(UTC).date()):
        click.echo(line)
