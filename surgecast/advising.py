"""Advice for the terminal and on disk: summary to standard output, reports and manifests in folders, a ledger line."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
from pydantic import ValidationError

from advisor.advice import Advice
from advisor.advising import advise
from advisor.backtest import backtest, read_events, seen_in
from advisor.backtest.pages import terminal, write_pages
from advisor.carrying.exporting import Written, export, export_letters, tell
from advisor.carrying.terraform import export_variables
from advisor.cdns.plan import looked_at
from advisor.demands.demand import parse_audience
from advisor.ledger import Entry, entry_of, read_ledger, record
from advisor.measured.reading import read_recording
from advisor.measured.recording import Recording
from advisor.own import read_files
from advisor.pages.summary import summary
from advisor.reports import write_reports
from loadtests.errors import InputError
from loadtests.region import Region
from loadtests.scenario import Scenario, read_scenario
from surgecast.accounts import read_own_account
from surgecast.clusters import read_clusters
from surgecast.manifests.topology import on_a_core
from surgecast.store.address import Address
from surgecast.store.ledger import read_ledger_at, record_at
from surgecast.store.places import Beside
from surgecast.store.sending import recorded_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of an advice, beside the runs."""

    audience: str = ""
    out: Path | None = None
    lang: str = "en"
    unfinished: bool = False
    """Whether a run that was cut short will do."""
    scenario: str = ""
    """Whose launch and starts_at take the place of the run's own."""
    suppose: tuple[str, ...] = ()
    have: str = ""
    clusters: tuple[str, ...] = ()
    kubeconfig: Path | None = None
    prometheus: str = ""
    """In each of these clusters, as ``NAMESPACE/SERVICE:PORT``."""
    catalogs: tuple[Path, ...] = ()
    """Of one's own, beside those that ship or in their place."""
    account: bool = False
    """Whether the AWS account is read."""
    profile: str = ""
    role: str = ""
    export: Path | None = None
    """Where manifests are written, if anywhere."""
    ledger: Path | Beside | None = None
    """Where the advice is recorded, if anywhere."""


def write_advice(runs: Sequence[str], wanted: Wanted) -> list[Path]:
    """Advise on runs, write the reports, print the summary and where they lie; the files written."""
    if not runs:
        raise InputError("no run given", hint="name a run folder, such as runs/20261205T123000Z-viral-goal")
    asked = parse_audience(wanted.audience) if wanted.audience else None
    with _no_cycles(), _placed(wanted.scenario or runs[0]):
        read = [_planned_for(read_recording(run), wanted.scenario) for run in runs]
        scenario = read[0].header.scenario
        own = read_files(wanted.catalogs)
        clusters = read_clusters(wanted.clusters, wanted.kubeconfig, scenario, wanted.lang, wanted.prometheus)
        login = (wanted.profile, wanted.role, wanted.lang)
        account = read_own_account(read, asked, own.catalogs, *login) if wanted.account else None
        advice = advise(
            read,
            asked,
            accept_unfinished=wanted.unfinished,
            suppose=wanted.suppose,
            have=wanted.have,
            clusters=clusters,
            own=replace(own, account=account),
        )
        if advice.cdns is not None:
            advice = advice.model_copy(update={"cdns": looked_at(advice.cdns, datetime.now(UTC))})
        files = write_reports(advice, wanted.out or _beside(runs[0]), wanted.lang)
    click.echo(summary(advice, wanted.lang))
    for file in files:
        click.echo(str(file))
    if wanted.export:
        files += _export(advice, scenario, read[0].header.regions, wanted.export, wanted.lang)
    if wanted.ledger is not None and all(run.facts.complete for run in advice.runs):
        entry = entry_of(advice, datetime.now(UTC), version("surgecast"))
        click.echo(str(_recorded(entry, wanted.ledger)))
    return files


def _recorded(entry: Entry, ledger: Path | Beside) -> Path | Address:
    """Where it is kept."""
    return record(entry, ledger) if isinstance(ledger, Path) else record_at(entry, ledger.address)


def _export(advice: Advice, scenario: Scenario, places: Mapping[str, Region], folder: Path, lang: str) -> list[Path]:
    """Manifests and variables of every region, letters to CDNs, and what could not be written, each told once."""
    carries = {code: on_a_core(audience) for code, audience in scenario.regions.items()}
    variables = export_variables(advice, scenario, places, carries, folder)
    lost = (Written(one.about, (), (one,)) for one in advice.left_out)
    parts = [*lost, *export(advice, scenario, folder), *variables, export_letters(advice, folder)]
    for line in dict.fromkeys(line for part in parts for line in tell(part, lang, advice.names)):
        click.echo(line, err=line.startswith("!"))
    return [file for part in parts for file in part.files]


@contextmanager
def backtest_folder(ledger: Path | Beside, out: Path | None) -> Iterator[Path]:
    """Where pages of a ledger are written: where it is said, else with the ledger."""
    if out is not None:
        yield out
    elif isinstance(ledger, Path):
        yield ledger if ledger.is_dir() else ledger.parent
    else:
        with recorded_for(ledger.address, fresh=False) as folder:
            yield folder


def write_backtest(ledger: Path | Beside, runs: Sequence[str], *, events: Path | None, out: Path, lang: str) -> None:
    """Hold a ledger against later runs and events; print the scores, write the pages."""
    if not runs and events is None:
        raise InputError("nothing to hold the ledger against", hint="give later runs, or --events FILE")
    known = read_ledger(ledger) if isinstance(ledger, Path) else read_ledger_at(ledger.address)
    with _no_cycles():
        seen = [seen_in(read_recording(run)) for run in runs]
    found = backtest(known, seen, read_events(events) if events else ())
    click.echo(terminal(found, lang))
    for file in write_pages(found, out, lang):
        click.echo(str(file))


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """What is said of a setting of the launch, with the scenario or the run that it stands in."""
    try:
        yield
    except InputError as error:
        if not error.message.startswith("launch."):
            raise
        raise InputError(f"{place}: {error.message}", hint=error.hint) from error


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Without the search for cycles of garbage: a run's values have none, and to look for them costs a tenth.

    What was made meanwhile is left out of later searches too, until the next call: also out of that at the very end.
    """
    was = gc.isenabled()
    gc.unfreeze()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()


def _planned_for(run: Recording, path: str) -> Recording:
    """The run with another scenario's launch and beginning; InputError when they do not fit its regions."""
    if not path:
        return run
    changed = read_scenario(path).model_dump(mode="json")
    data = run.header.scenario.model_dump(mode="json") | {name: changed[name] for name in ("launch", "starts_at")}
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        why = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InputError(
            f"--scenario does not fit the run: {why}", hint="its launch must be of the same regions"
        ) from error
    return replace(run, header=run.header.model_copy(update={"scenario": scenario}))


def _beside(run: str) -> Path:
    path = Path(run)
    if run == "-":
        return Path()
    return path if path.is_dir() else path.parent
