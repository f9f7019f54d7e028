"""A cloud account on the command line: what is read of it is told before, and what could not be read after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click

from advisor.clouds.aws import Refused, login
from advisor.clouds.distributions import Window
from advisor.clouds.excuses import excuse
from advisor.clouds.quotas import PROVIDER
from advisor.clouds.reading import read_account
from advisor.clouds.snapshot import Account
from advisor.measured.recording import Recording
from advisor.offers.catalog import Read, stock_of
from advisor.offers.residency import resided
from advisor.texts import told
from loadtests.results import Header
from loadtests.scenario import Scenario


def read_own_account(
    runs: Sequence[Recording],
    audience: Mapping[str, int] | None,
    catalogs: Sequence[Read],
    profile: str,
    role: str,
    lang: str,
) -> Account:
    """A snapshot of the regions that are planned for; InputError where boto3 or the profile is not there."""
    header = runs[0].header
    regions = sorted(places_of(header, audience or header.scenario.launch.audience, catalogs))
    hosts = sorted({*hosts_of(header.scenario)} - {""})
    windows = [window for run in runs if run.header.simulated is None for window in _window(run)]
    try:
        aws = login(profile, role)
    except Refused as refused:
        account = Account(account="", read_at=datetime.now(UTC), hosts=tuple(hosts), excuses=(excuse(refused),))
    else:
        click.echo(f"Reading the AWS account in {', '.join(regions)}.", err=True)
        account = read_account(aws, regions, hosts, windows, kinds=kinds_of(header, catalogs))
    for one in account.excuses:
        click.echo(f"! {told(one.reason, lang, {})} {told(one.remedy, lang, {})}", err=True)
    return account


def places_of(header: Header, codes: Iterable[str], catalogs: Sequence[Read]) -> set[str]:
    """AWS regions that serve these markets: the usual ones, and those to which ``launch.residency`` moves nodes."""
    launch = header.scenario.launch
    shops, found = stock_of(launch, catalogs).shops, set()
    for code in codes:
        usual = header.regions[code].provider_regions if code in header.regions else {}
        moved = resided(launch.allowed_in(code), usual, shops) if usual else None
        found |= {usual.get("aws", ""), "" if moved is None else moved.places.get("aws", "")}
    return found - {""}


def kinds_of(header: Header, catalogs: Sequence[Read]) -> tuple[str, ...]:
    """Instance types that may be bought, and that of the node rehearsed."""
    stock = stock_of(header.scenario.launch, catalogs)
    return tuple(offer.name for offer in (stock.node, *stock.offers) if offer.provider == PROVIDER)


def hosts_of(scenario: Scenario) -> Iterator[str]:
    """Names that viewers ask for, in any region."""
    for target in (scenario.target, *scenario.targets.values()):
        yield urlsplit(target.url).hostname or ""
        yield from target.hosts


def _window(run: Recording) -> Iterator[Window]:
    start = run.header.started_at
    yield Window(start, start + timedelta(seconds=max(1, run.seconds)))
