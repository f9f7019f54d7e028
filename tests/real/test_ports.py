"""A machine without enough local ports: refused where that is sure, counted against the generator where it happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from advisor.gate.verdict import EXIT_CODES
from loadtests.run import RUN_FILE, read_run
from tests.needs import missing, needs
from tests.real.processes import locust, surgecast
from tests.real.scenarios import surge

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")]

ISOLATED: Final = Path(__file__).parent / "namespace.py"
RANGE: Final = "32768 32807"
"""Forty ports."""
SHAPE: Final = surge(10, 30, (1, 2, 2, 6, 1))
"""About thirty viewers at its peak, a few more or less by the seed's dice."""
BAD_INPUT: Final = 2


def inside(folder: Path, *commands: list[str], taken: int = 0, shape: Mapping[str, object] = SHAPE) -> list[Any]:
    """Run the commands in a namespace of their own; exit code, messages and output of each."""
    unshare = [needs("unshare"), "-n" if os.geteuid() == 0 else "-rn"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode:
        missing("this system does not permit a network namespace of one's own")
    scenario = {"surge": shape, "gate": ["startup p50 < 5s", "error_rate < 5%"]}
    order = {"folder": str(folder), "ports": RANGE, "taken": taken, "scenario": scenario, "commands": commands}
    done = subprocess.run(
        [*unshare, sys.executable, str(ISOLATED), json.dumps(order)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    outcomes: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return outcomes


def beside(first: list[str], second: list[str]) -> list[str]:
    """Both at the same time; the exit code of the second."""
    return ["sh", "-c", f"{' '.join(first)} 2> first.stderr & {' '.join(second)}; code=$?; wait; exit $code"]


def test_more_viewers_than_ports_are_refused_before_any_load(tmp_path: Path) -> None:
    out = tmp_path / "run"
    load = surgecast("load", "SCENARIO", "--out", out)
    (code, told, _), (many, told_with_workers, _) = inside(
        tmp_path, load, [*load, "--processes", "2"], shape=surge(10, 200, (1, 1, 1, 1, 1))
    )
    assert code == many == BAD_INPUT, told
    for message in (told, told_with_workers):
        assert "local ports to " in message
        assert "this machine has 40 (40 for each of 1 pairs" in message
        assert "--source-address" in message
        assert message.count("surgecast: ") == 1
    assert not out.exists()


def test_when_ports_run_out_the_run_is_invalid_and_not_failed(tmp_path: Path) -> None:
    """Half of them are taken by others, whom nobody can count on; a second address of ours makes it a good run."""
    bad, good = tmp_path / "bad", tmp_path / "good"
    sources = ["--source-address", "127.0.0.2", "--source-address", "127.0.0.3"]
    first, judged, second, passed = inside(
        tmp_path,
        surgecast("load", "SCENARIO", "--out", bad),
        surgecast("gate", bad),
        surgecast("load", "SCENARIO", "--out", good, *sources),
        surgecast("gate", good),
        taken=24,
    )
    assert first[0] == second[0] == 0, (first, second)
    assert "when the target gets slow" in first[1], "thirty of forty is near enough to be said"
    run = read_run(bad)
    assert sum(line.dropped for line in run.generators) > 0
    assert run.footer is not None
    assert run.footer.totals.errors == 0, "nothing of it is the target's fault"
    assert judged[0] == EXIT_CODES["INVALID"], judged
    assert sum(line.dropped for line in read_run(good).generators) == 0
    assert passed[0] == EXIT_CODES["PASS"], passed


def test_a_worker_of_another_machine_refuses_its_share_and_the_run_says_so(tmp_path: Path) -> None:
    """The master cannot know: it begins, is told, writes why into the run, and ends it as failed."""
    out = tmp_path / "run"
    master = locust("--headless", "--only-summary", "--scenario", "SCENARIO", "--out", out, "--expect-workers", "1")
    worker = ["timeout", "60", *locust("--worker")]
    ((code, told, _),) = inside(tmp_path, beside(worker, [*master, "--master"]), shape=surge(10, 200, (1, 1, 1, 20, 1)))
    assert code == BAD_INPUT, told
    assert "Traceback" not in told
    assert "worker-0: the peak needs" in told
    assert (out / RUN_FILE).is_file()
    run = read_run(out)
    assert run.footer is not None
    assert (run.footer.complete, run.footer.ending) == (False, "failed")
    assert run.footer.totals.joins == 0
    (note,) = [note for note in run.notes if note.kind == "worker_failed"]
    assert "local ports" in note.text


def test_a_worker_with_an_address_that_is_not_its_own_refuses_too(tmp_path: Path) -> None:
    """Each machine has its own addresses: the option is the worker's, not the master's."""
    out = tmp_path / "run"
    master = locust("--headless", "--only-summary", "--scenario", "SCENARIO", "--out", out, "--expect-workers", "1")
    worker = ["timeout", "60", *locust("--worker", "--source-address", "192.0.2.1")]
    ((code, told, _),) = inside(tmp_path, beside(worker, [*master, "--master"]))
    assert code == BAD_INPUT, told
    assert "worker-0: --source-address: this machine has no address 192.0.2.1" in told
    footer = read_run(out).footer
    assert footer is not None
    assert (footer.ending, footer.totals.joins) == ("failed", 0)


def test_an_address_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    load = surgecast("load", "SCENARIO", "--out", tmp_path / "run", "--source-address", "192.0.2.1")
    (alone, told, _), (many, by_one, _) = inside(tmp_path, load, [*load, "--processes", "2"])
    assert alone == many == BAD_INPUT
    for message in (told, by_one):
        assert message.count("surgecast: ") == 1
        assert "this machine has no address 192.0.2.1" in message
