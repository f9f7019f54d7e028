"""Advice for the terminal and on disk: the summary to standard output, the reports into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from advisor.advice import advise
from advisor.demand import parse_audience
from advisor.recording import read_recording
from advisor.reports import write_reports
from advisor.summary import summary


def write_advice(runs: Sequence[str], *, audience: str, out: Path | None, lang: str, unfinished: bool) -> list[Path]:
    """Advise on runs, write the reports, print the summary and where they lie; the files written."""
    asked = parse_audience(audience) if audience else None
    advice = advise([read_recording(run) for run in runs], asked, accept_unfinished=unfinished)
    files = write_reports(advice, out or _beside(runs[0]), lang)
    click.echo(summary(advice, lang))
    for file in files:
        click.echo(str(file))
    return files


def _beside(run: str) -> Path:
    path = Path(run)
    if run == "-":
        return Path()
    return path if path.is_dir() else path.parent
