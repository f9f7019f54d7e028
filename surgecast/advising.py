"""Advice for the terminal and on disk: the summary to standard output, the reports and manifests into folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from pydantic import ValidationError

from advisor.advice import advise
from advisor.demand import parse_audience
from advisor.exporting import export, tell
from advisor.reports import write_reports
from advisor.summary import summary
from loadtests.errors import InputError
from loadtests.run import Run, read_run
from loadtests.scenario import Scenario, read_scenario
from surgecast.clusters import read_clusters


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviseOptions:
    """What an advice is told beside its runs."""

    audience: str = ""
    out: Path | None = None
    lang: str = "en"
    unfinished: bool = False
    scenario: str = ""
    """Whose launch and starts_at take the place of the run's own."""
    clusters: tuple[str, ...] = ()
    kubeconfig: Path | None = None
    export: Path | None = None


def write_advice(runs: Sequence[str], options: AdviseOptions) -> list[Path]:
    """Advise on runs, write the reports, print the summary and where they lie; the files written."""
    asked = parse_audience(options.audience) if options.audience else None
    found = [read_run(run) for run in runs]
    if options.scenario:
        found = [_planned_for(run, read_scenario(options.scenario)) for run in found]
    scenario = found[0].header.scenario
    clusters = read_clusters(options.clusters, options.kubeconfig, scenario, options.lang)
    advice = advise(found, asked, accept_unfinished=options.unfinished, clusters=clusters)
    files = write_reports(advice, options.out or _beside(runs[0]), options.lang)
    click.echo(summary(advice, options.lang))
    for file in files:
        click.echo(str(file))
    for part in export(advice, scenario, options.export) if options.export else ():
        files += part.files
        for line in tell(part, options.lang, advice.names):
            click.echo(line, err=line.startswith("!"))
    return files


def _planned_for(run: Run, wanted: Scenario) -> Run:
    """The run with another's launch and beginning; InputError when they do not fit its regions."""
    data = run.header.scenario.model_dump(mode="json")
    changed = wanted.model_dump(mode="json")
    data |= {name: changed[name] for name in ("launch", "starts_at")}
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
