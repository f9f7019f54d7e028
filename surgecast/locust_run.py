"""Runs Locust with our locustfile as a child process: the same run that plain ``locust -f`` makes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import click

from loadtests.budgets import Placed
from loadtests.errors import InputError, SurgecastError
from loadtests.faults import CONTROL
from loadtests.journal import run_id
from loadtests.results import Footer, Gap
from loadtests.run import RUN_FILE, read_run
from loadtests.scenario import Scenario
from loadtests.wiring.options import free_folder
from surgecast.aborting import breach_watch

LOG = "locust.log"
"""What Locust itself says: its log and its summary tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """What a load run is told beside its scenario."""

    target: str = ""
    target_nodes: int = 0
    resolve: tuple[str, ...] = ()
    ca_file: str = ""
    source_addresses: tuple[str, ...] = ()
    receive_buffer: str = ""
    out: Path | None = None
    web: bool = False
    processes: int = 0
    run_time: str = ""
    own: bool = False
    run_fault_commands: bool = False
    control: Path | None = None
    """Where the stage takes the orders of the scenario's faults."""
    budgets: tuple[Placed, ...] = ()
    """Those among them that are marked so end the run early."""
    abort: bool = False

    def arguments(self) -> list[str]:
        """As Locust's command line takes them."""
        pairs = {
            "--target": self.target,
            "--target-nodes": str(self.target_nodes or ""),
            "--ca-file": self.ca_file,
            "--receive-buffer": self.receive_buffer,
            "--processes": str(self.processes or ""),
            "--run-time": self.run_time,
        }
        words = [word for name, value in pairs.items() if value for word in (name, value)]
        words += [word for value in self.resolve for word in ("--resolve", value)]
        words += [word for value in self.source_addresses for word in ("--source-address", value)]
        words += ["--i-own-this-target"] if self.own else []
        words += ["--run-fault-commands"] if self.run_fault_commands else []
        return words + ([] if self.web else ["--headless", "--progress", "--only-summary"])


def new_run_folder(scenario: Scenario) -> Path:
    """Where a run goes when nobody says: ``runs/TIME-NAME``."""
    return Path("runs") / run_id(scenario, datetime.now(UTC))


def run_locust(scenario: Scenario, source: str, options: LoadOptions) -> Path:
    """Drive the load; the run's folder. Ends the command when there is no run to show."""
    folder = options.out or new_run_folder(scenario)
    free_folder(str(folder))
    known = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: the run cannot be written: {error.strerror}", hint="give another --out") from error
    watch = breach_watch(folder, options.budgets) if options.abort else lambda: None
    environment = {**os.environ, CONTROL: str(options.control)} if options.control else None
    code = _wait(_command(source, options, folder), folder / LOG, watch, environment)
    if not (folder / RUN_FILE).is_file():
        if code == InputError.exit_code and not known:
            shutil.rmtree(folder)
        raise no_run(code, folder)
    return folder


def no_run(code: int, folder: Path) -> Exception:
    """What to raise when Locust left no run: bad input was explained by it, anything else is a failure of ours."""
    if code == InputError.exit_code:
        return click.exceptions.Exit(code)
    return SurgecastError(f"the load process ended with {code} and left no run", hint=f"see {folder / LOG}")


def _command(source: str, options: LoadOptions, folder: Path) -> list[str]:
    locustfile = str(resources.files("loadtests") / "locustfile.py")
    words = [sys.executable, "-m", "locust", "-f", locustfile, "--scenario", source, "--out", str(folder)]
    words += _own_master() if options.processes else []
    return [*words, "--exit-code-on-error", "0", "--logfile", str(folder / LOG), *options.arguments()]


def _own_master() -> list[str]:
    """A port of its own on this machine: on Locust's usual one the workers of two runs would meet."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    address = ["--master-bind-host", "127.0.0.1", "--master-host", "127.0.0.1"]
    return [*address, "--master-bind-port", port, "--master-port", port]


def _wait(command: Sequence[str], log: Path, watch: Callable[[], None], environment: dict[str, str] | None) -> int:
    """Run a command to its end; Ctrl-C reaches it from the terminal, we only wait for it to end the run.

    ``watch`` is called every second meanwhile.
    """
    with (
        log.open("ab") as output,
        subprocess.Popen(command, stdout=output, env=environment) as child,  # noqa: S603 - our own words
    ):
        while True:
            try:
                with suppress(subprocess.TimeoutExpired):
                    return child.wait(1.0)
                watch()
            except KeyboardInterrupt:
                continue


def tell_ending(folder: Path) -> Footer:
    """Say how the run ended; its footer. SurgecastError when it has none."""
    footer = read_run(folder).footer
    if footer is None:
        raise SurgecastError(
            f"{folder}: the run has no footer: the load process was killed", hint=f"see {folder / LOG}"
        )
    requests = sum(footer.totals.requests.values())
    state = "complete" if footer.complete else f"NOT complete: {footer.ending}"
    click.echo(
        f"Run {folder / RUN_FILE}: {state}; {footer.at:.0f} s, {footer.totals.joins:,} viewers joined, "
        f"{requests:,} requests, {footer.totals.bytes / 1e9:.2f} GB, {footer.totals.errors:,} errors, "
        f"{footer.workers_heard} of {footer.workers_expected} workers reported to the end",
        err=True,
    )
    for gap in footer.gaps:
        click.echo(_tell_gap(gap), err=True)
    return footer


def _tell_gap(gap: Gap) -> str:
    back = "never came back" if gap.is_open else f"{sum(gap.viewers.values()):,} of them came back on other workers"
    return (
        f"{gap.worker} was lost: viewers of {', '.join(gap.regions)} were missing in seconds {gap.since} to "
        f"{gap.until}, which do not count; {back}"
    )
