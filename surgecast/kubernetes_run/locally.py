"""`surgecast load --locally`: the master and the pools of workers that a cluster would run, as processes here."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Final

import click

from loadtests.errors import SurgecastError
from loadtests.run import RUN_FILE
from loadtests.scenario import Scenario
from surgecast.locust_run import LOG, no_run
from surgecast.manifests.scenario_file import SCENARIO, scenario_text
from surgecast.manifests.topology import Pool, master_words, worker_words

HERE: Final = "127.0.0.1"
LEAVE: Final = 20.0
"""Seconds that workers get to end after their master has."""


def run_locally(scenario: Scenario, pools: Sequence[Pool], folder: Path, more: Sequence[str] = ()) -> Path:
    """Drive the load; the run's folder. ``more`` are further words for the master."""
    folder.mkdir(parents=True, exist_ok=True)
    port = str(_free_port())
    with tempfile.TemporaryDirectory() as private, ExitStack() as stack:
        file = Path(private) / SCENARIO  # for its owner only: an address may hold a token
        file.write_text(scenario_text(scenario), encoding="utf-8")
        count = sum(pool.workers for pool in pools)
        words = [*master_words(str(file), str(folder), count), *more]
        words += ["--master-bind-host", HERE, "--master-bind-port", port, "--logfile", str(folder / LOG)]
        master = stack.enter_context(_started(words, folder / LOG, heard=True))
        workers = {
            f"{pool.region}-{number}": stack.enter_context(
                _started(
                    [*worker_words(pool.region, HERE), "--master-port", port],
                    folder / f"worker-{pool.region}-{number}.log",
                )
            )
            for pool in pools
            for number in range(pool.workers)
        }
        code = _wait(master, workers, folder)
    if not (folder / RUN_FILE).is_file():
        raise no_run(code, folder)
    return folder


def _free_port() -> int:
    with socket.create_server((HERE, 0)) as probe:
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


@contextmanager
def _started(words: Sequence[str], log: Path, *, heard: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """A Locust process for as long as the context lasts, and a while to end by itself. ``heard``: on standard error."""
    locustfile = str(resources.files("loadtests") / "locustfile.py")
    command = [sys.executable, "-m", "locust", "-f", locustfile, *words]
    with log.open("ab") as output:
        errors = None if heard else output
        child = subprocess.Popen(command, stdout=output, stderr=errors)  # noqa: S603 - our own words
    try:
        yield child
        with suppress(subprocess.TimeoutExpired):
            child.wait(LEAVE)
    finally:
        if child.poll() is None:
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(LEAVE)
            child.kill()
        child.wait()


def _wait(master: subprocess.Popen[bytes], workers: dict[str, subprocess.Popen[bytes]], folder: Path) -> int:
    """The master's exit code. A worker that fails before the run begins ends it all; one that is lost later is told."""
    lost: set[str] = set()
    while True:
        try:
            with suppress(subprocess.TimeoutExpired):
                return master.wait(0.5)
            for name, worker in workers.items():
                if name not in lost and worker.poll() is not None:
                    lost.add(name)
                    _tell_lost(name, worker.returncode, folder)
        except KeyboardInterrupt:  # the terminal tells the master too, which ends the run
            continue


def _tell_lost(name: str, code: int, folder: Path) -> None:
    log = folder / f"worker-{name}.log"
    if code and not (folder / RUN_FILE).is_file():
        raise SurgecastError(f"worker {name} ended with {code} before the run began", hint=f"see {log}")
    if code:
        click.echo(f"surgecast: worker {name} ended with {code}; see {log}", err=True)
