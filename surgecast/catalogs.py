"""Catalogues on the command line: made again from an account, listed, shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from advisor.catalog import parse_catalog, read_catalog
from advisor.clouds.aws import Refused, login, region_names
from advisor.clouds.catalog_file import catalog_text, changes
from advisor.clouds.excuses import excuse
from advisor.clouds.market import Market, look_up
from advisor.offer import Offer
from loadtests.errors import InputError


def refresh_catalog(
    out: Path, *, regions: Sequence[str], families: Sequence[str], profile: str = "", role: str = ""
) -> None:
    """Write what EC2 sells to ``out``; a file that is there already is a catalogue, and says the regions itself.

    Told on standard error: what could not be read, and what is other than before. InputError where nothing was had.
    """
    name, before, known = _before(out)
    wanted = region_names(regions or known)
    if not wanted:
        raise InputError("no region given", hint="name each with --region, such as --region ap-southeast-3")
    try:
        aws = login(profile, role)
        account = aws.who().account
    except Refused as refused:
        why = excuse(refused)
        raise InputError(why.reason.text, hint=why.remedy.text) from refused
    click.echo(f"Reading account {account} in {', '.join(wanted)}.", err=True)
    market = look_up(aws, wanted, families)
    for one in market.excuses:
        click.echo(f"! {one.reason.text} {one.remedy.text}", err=True)
    if not market.shapes:
        raise InputError(
            f"no instance type was found in {', '.join(wanted)}; {out} is left as it is",
            hint="look at --family and at what could not be read",
        )
    if lost := _lost(before, known, market):
        raise InputError(
            f"{', '.join(lost)} could not be read this time, or no price there, so {out} is left as it is",
            hint="try again when what is said above is mended, or write another file with --out",
        )
    text = catalog_text(name, market, datetime.now(UTC).date())
    after = parse_catalog(str(out), text)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        hint = "name a file in a folder that is there"
        raise InputError(f"--out {out}: cannot be written: {error}", hint=hint) from error
    for line in changes(before, after) if before else ():
        click.echo(line, err=True)
    click.echo(str(out))


def _lost(before: Sequence[Offer], known: Sequence[str], market: Market) -> list[str]:
    """Regions that the file has, or has prices of, and that would be gone or without any price."""
    priced = {region for offer in before for region in offer.usd_per_hour}
    return [one for one in known if one not in market.zone_counts or (one in priced and not market.prices.get(one))]


def _before(out: Path) -> tuple[str, tuple[Offer, ...], tuple[str, ...]]:
    """Name, offers and regions of the catalogue that is there; what is no catalogue is not written over."""
    if out.exists():
        catalog, offers, _ = read_catalog(out)
        if catalog.provider != "aws":
            hint = "only that of 'aws' can be made again; name another --out"
            raise InputError(f"{out} is a catalogue of {catalog.provider!r}", hint=hint)
        return catalog.name, offers, tuple(catalog.zones)
    return _name(out), (), ()


def _name(out: Path) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in out.stem.lower()).strip("-")
    return kept[:64] or "ec2"
