"""The gate on the command line: reads budgets and runs, prints the table, writes the reports."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from advisor.gate import ForeignRun, Gate, Tally, judge, read_judgeable
from advisor.gate.reports import reports, write_reports
from loadtests.budgets import Place, Placed, check_page, read_page
from loadtests.errors import InputError
from loadtests.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """What the gate is told beside its run."""

    budgets: str = ""
    baselines: tuple[str, ...] = ()
    out: Path | None = None
    junit: Path | None = None
    github: bool = False
    lang: str = "en"


def gate_run(runs: Sequence[str], options: GateOptions) -> int:
    """Judge a run, print and write the verdict; its exit code."""
    budgets = read_budgets(options.budgets) if options.budgets else ()
    run = read_judgeable(runs, frozenset(one.budget.metric for one in budgets))
    chosen = budgets or _own(run)
    needed = frozenset(one.budget.metric for one in chosen)
    gate = judge(run, chosen, [read_judgeable([earlier], needed) for earlier in options.baselines])
    write_reports(gate, options.out or _beside(runs[0]), options.lang)
    _print(gate, options)
    return gate.exit_code


def _own(run: Tally | ForeignRun) -> tuple[Placed, ...]:
    """The budgets that a run brings along; InputError when it brings none."""
    if isinstance(run, Tally):
        return inline(run.header.scenario)
    outcomes = run.outcomes
    raise InputError(f"a {outcomes.tool} file brings no budgets along", hint="add --budgets FILE (docs/budgets.md)")


def read_budgets(file: str) -> tuple[Placed, ...]:
    """The budgets of a file; InputError when there is none."""
    try:
        return read_page(file, Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}", hint="give a YAML file of budgets") from error


def budgets_for(scenario: Scenario, file: str, *, needed: bool) -> tuple[Placed, ...]:
    """The budgets for a run that is to come, checked against its scenario; its own when no file is given."""
    if not file:
        return inline(scenario) if needed else ()
    budgets = read_budgets(file)
    check_page(budgets, scenario.regions, scenario.surge.phases())
    return budgets


def inline(scenario: Scenario) -> tuple[Placed, ...]:
    """The budgets that a scenario brings along; InputError when it brings none."""
    if not scenario.gate:
        raise InputError(
            f"scenario {scenario.name} has no budgets under 'gate:'", hint="add --budgets FILE (docs/budgets.md)"
        )
    return tuple(Placed(budget, Place(f"scenario: gate.{i}")) for i, budget in enumerate(scenario.gate))


def _beside(run: str) -> Path:
    path = Path(run)
    if run == "-":
        return Path()
    return path if path.is_dir() else path.parent


def _print(gate: Gate, options: GateOptions) -> None:
    found = reports()
    click.echo(found["terminal"].render(gate, options.lang), nl=False)
    if options.junit:
        options.junit.write_text(found["junit"].render(gate, options.lang), encoding="utf-8")
    if options.github:
        click.echo(found["annotations"].render(gate, options.lang), nl=False)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as page:
                page.write(found["markdown"].render(gate, options.lang) + "\n")
