"""Catalogues on the command line: made again from an account. What could not be read is told on standard error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import click

from advisor.cdns.offer import CdnOffer, load_offer, parse_offer
from advisor.clouds import edge_file
from advisor.clouds.aws import Aws, Refused, login, region_names
from advisor.clouds.catalog_file import catalog_text, changes
from advisor.clouds.edge import look_up_edge
from advisor.clouds.egress_file import egress_text, look_up_egress
from advisor.clouds.excuses import excuse
from advisor.clouds.market import Market, look_up
from advisor.clouds.snapshot import EdgeQuotas
from advisor.egress.prices import EgressList, parse_list
from advisor.models import Excuse
from advisor.offers.catalog import Read, parse_catalog
from advisor.offers.offer import Offer
from advisor.own import read_file
from loadtests.errors import InputError


class Login(NamedTuple):
    """How AWS is asked."""

    profile: str = ""
    role: str = ""


def refresh_catalog(
    out: Path, *, regions: Sequence[str], families: Sequence[str], profile: str = "", role: str = ""
) -> None:
    """Write what EC2 sells to ``out``; a file that is there already is a catalogue, and says the regions itself.

    Told on standard error: what could not be read, and what is other than before. InputError where nothing was had.
    """
    name, before, known = _before(out)
    wanted = _regions(regions or known)
    aws, _ = _open(Login(profile, role), ", ".join(wanted))
    market = look_up(aws, wanted, families)
    _tell(market.excuses)
    if not market.shapes:
        raise InputError(
            f"no instance type was found in {', '.join(wanted)}; {out} is left as it is",
            hint="look at --family and at what could not be read",
        )
    if lost := _lost(before, known, market):
        raise _kept(out, lost)
    text = catalog_text(name, market, datetime.now(UTC).date())
    after = parse_catalog(str(out), text)
    _write(out, text, "--out")
    _done(out, changes(before, after) if before else ())


def refresh_cdn(out: Path, *, profile: str = "", role: str = "") -> None:
    """Write what CloudFront charges and allows to ``out``; a file that is there already is one of CloudFront.

    Told as for `refresh_catalog`. InputError where neither a price nor a quota was had, or a zone would lose its.
    """
    before = _of_kind(out, CdnOffer, "a CDN")
    if before is not None and before.name != edge_file.NAME:
        raise InputError(f"{out} is of the CDN {before.name!r}", hint="only that of 'cloudfront' can be made again")
    aws, account = _open(Login(profile, role), "us-east-1, which has CloudFront's prices and quotas")
    market = look_up_edge(aws, account)
    _tell(market.excuses)
    if not market.has_prices and market.quotas in (None, EdgeQuotas()):
        hint = "look at what could not be read; docs/account.md has the policy"
        raise InputError(f"neither a price nor a quota of CloudFront was found; {out} is not written", hint=hint)
    text = edge_file.edge_text(market, datetime.now(UTC).date())
    after = parse_offer(str(out), text)
    if lost := edge_file.lost(before, after) if before else []:
        raise _kept(out, lost)
    _write(out, text, "--cdn")
    for line in edge_file.gaps(text, market.excuses):
        click.echo(f"! {line}", err=True)
    _done(out, edge_file.changes(before or load_offer(edge_file.NAME), after))


def refresh_egress(out: Path, *, regions: Sequence[str], profile: str = "", role: str = "") -> None:
    """Write what leaves EC2 for the internet costs to ``out``; a file that is there already says the regions itself.

    Told as for `refresh_catalog`. InputError where no price was had, or a region would lose its.
    """
    before = _of_kind(out, EgressList, "a list of egress prices")
    if before is not None and before.provider != "aws":
        raise InputError(f"{out} is of {before.provider!r}", hint="only that of 'aws' can be made again")
    known = () if before is None else tuple(before.per_gb)
    wanted = _regions(regions or known)
    aws, _ = _open(Login(profile, role), ", ".join(wanted))
    market = look_up_egress(aws, wanted)
    _tell(market.excuses)
    if not market.per_gb:
        raise InputError(f"no price was found in {', '.join(wanted)}; {out} is not written", hint="look at --region")
    if lost := [region for region in known if region not in market.per_gb]:
        raise _kept(out, lost)
    text = egress_text(market, wanted, datetime.now(UTC).date())
    after = parse_list(str(out), text)
    _write(out, text, "--egress")
    for region in wanted:
        if region not in market.per_gb:
            click.echo(f"! {region}: no price of egress was found.", err=True)
    changed = [one for one in known if before and before.tariff(one) != after.tariff(one)]
    _done(out, [f"prices changed: {', '.join(changed)}"] if changed else [])


def _regions(named: Iterable[str]) -> tuple[str, ...]:
    if not (wanted := region_names(named)):
        raise InputError("no region given", hint="name each with --region, such as --region ap-southeast-3")
    return wanted


def _open(who: Login, where: str) -> tuple[Aws, str]:
    """A session, and the account that it is of."""
    try:
        aws = login(who.profile, who.role)
        account = aws.who().account
    except Refused as refused:
        why = excuse(refused)
        raise InputError(why.reason.text, hint=why.remedy.text) from refused
    click.echo(f"Reading account {account} in {where}.", err=True)
    return aws, account


def _tell(excuses: Iterable[Excuse]) -> None:
    for one in excuses:
        click.echo(f"! {one.reason.text} {one.remedy.text}", err=True)


def _kept(out: Path, lost: Sequence[str]) -> InputError:
    return InputError(
        f"{', '.join(lost)} could not be read this time, or no price there, so {out} is left as it is",
        hint="try again when what is said above is mended, or write another file",
    )


def _write(out: Path, text: str, option: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        hint = "name a file in a folder that is there"
        raise InputError(f"{option} {out}: cannot be written: {error}", hint=hint) from error


def _done(out: Path, lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line, err=True)
    click.echo(str(out))


def _lost(before: Sequence[Offer], known: Sequence[str], market: Market) -> list[str]:
    """Regions that the file has, or has prices of, and that would be gone or without any price."""
    priced = {region for offer in before for region in offer.usd_per_hour}
    return [one for one in known if one not in market.zone_counts or (one in priced and not market.prices.get(one))]


def _before(out: Path) -> tuple[str, tuple[Offer, ...], tuple[str, ...]]:
    """Name, offers and regions of the catalogue that is there; what is no catalogue is not written over."""
    read = _of_kind(out, Read, "a catalogue")
    if read is None:
        return _name(out), (), ()
    catalog, offers, _ = read
    if catalog.provider != "aws":
        hint = "only that of 'aws' can be made again; name another --out"
        raise InputError(f"{out} is a catalogue of {catalog.provider!r}", hint=hint)
    return catalog.name, offers, tuple(catalog.zones)


Kind = TypeVar("Kind", Read, CdnOffer, EgressList)


def _of_kind(out: Path, kind: type[Kind], title: str) -> Kind | None:
    """What stands in the file that is to be written; None where there is none. Anything else is not written over."""
    if not out.exists():
        return None
    found = read_file(out)
    if not isinstance(found, kind):
        raise InputError(f"{out} is not {title}", hint="name another file to write")
    return found


def _name(out: Path) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in out.stem.lower()).strip("-")
    return kept[:64] or "ec2"
