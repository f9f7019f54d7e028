"""``surgecast catalog``: what can be bought as a node or a CDN; made again from the cloud's own interfaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from advisor.cdns.offer import CdnOffer
from advisor.cdns.shelf import cdn_lines, cdn_list_lines
from advisor.egress.prices import EgressList
from advisor.egress.shelf import egress_lines, egress_list_lines
from advisor.offers.catalog import catalog_names
from advisor.offers.shelves import list_lines, show_lines
from advisor.own import read_named
from loadtests.errors import SurgecastError
from surgecast.catalogs import refresh_catalog, refresh_cdn, refresh_egress
from surgecast.store.places import NAME, NEW_FILE, Storing

EXAMPLE = "\b\nExample:\n  surgecast catalog refresh --region ap-southeast-3 --out ec2-mine.yaml --cdn cdn-mine.yaml"
LIST = "\b\nExample:\n  surgecast catalog list"
SHOW = "\b\nExample:\n  surgecast catalog show ec2 --region ap-southeast-3"


@click.group(epilog=EXAMPLE)
def catalog() -> None:
    """List, show and refresh what can be bought: nodes, CDNs, and data out of nodes."""


@catalog.command("refresh", cls=Storing, epilog=EXAMPLE)
@click.option("--out", type=NEW_FILE, help="Catalogue of EC2 to write.")
@click.option("--cdn", type=NEW_FILE, help="File of CloudFront to write: prices by zone, fees, quotas.")
@click.option("--egress", type=NEW_FILE, help="Prices of data out of EC2 to write.")
@click.option("--region", "regions", multiple=True, metavar="REGION", help="Repeatable; default: those of the file.")
@click.option("--family", "families", multiple=True, metavar="c7g|c", help="Repeatable; default: all current ones.")
@click.option("--profile", default="", help="Profile of the AWS command line; default: as it finds credentials.")
@click.option("--assume-role", "role", default="", metavar="ARN", help="Role to read with.")
def refresh(
    out: Path | None,
    cdn: Path | None,
    egress: Path | None,
    *,
    regions: Sequence[str],
    families: Sequence[str],
    profile: str,
    role: str,
) -> None:
    """Ask AWS what is sold, at which price and within which quotas, and write it down. Changes nothing there."""
    if out is None and cdn is None and egress is None:
        raise click.UsageError("nothing to write: give --out, --cdn or --egress")
    if regions and out is None and egress is None:
        raise click.UsageError("--region needs --out or --egress: CloudFront's prices hold everywhere")
    if families and out is None:
        raise click.UsageError("--family needs --out")
    who = {"profile": profile, "role": role}
    wanted: list[Callable[[], None]] = []
    if out is not None:
        wanted.append(partial(refresh_catalog, out, regions=regions, families=families, **who))
    if cdn is not None:
        wanted.append(partial(refresh_cdn, cdn, **who))
    if egress is not None:
        wanted.append(partial(refresh_egress, egress, regions=regions, **who))
    _each(wanted)


def _each(wanted: Sequence[Callable[[], None]]) -> None:
    """All of them, whichever is refused; the first refusal is raised at the end, others are told before it."""
    refused = []
    for write in wanted:
        try:
            write()
        except SurgecastError as error:
            refused.append(error)
    if refused:
        first, *others = refused
        for text in dict.fromkeys(str(one) for one in others if str(one) != str(first)):
            click.echo(f"! {text}", err=True)
        raise first


@catalog.command("list", epilog=LIST)
def list_() -> None:
    """List what ships, and how old it is: catalogues, CDNs, prices of egress."""
    today = datetime.now(UTC).date()
    for lines in (list_lines(catalog_names(), today), cdn_list_lines(today), egress_list_lines(today)):
        for line in lines:
            click.echo(line)
        click.echo()


@catalog.command("show", cls=Storing, epilog=SHOW)
@click.argument("name", type=NAME)
@click.option("--region", "regions", multiple=True, metavar="REGION", help="Prices and zones of these; repeatable.")
def show(name: str, regions: tuple[str, ...]) -> None:
    """Show a catalogue or a CDN: its sources, their age, every offer. NAME is one that ships, or a file."""
    today = datetime.now(UTC).date()
    match read_named(name):
        case CdnOffer() as offer:
            lines = cdn_lines(offer, today)
        case EgressList() as prices:
            lines = egress_lines(prices, regions, today)
        case _:
            lines = show_lines(name, regions, today)
    for line in lines:
        click.echo(line)
