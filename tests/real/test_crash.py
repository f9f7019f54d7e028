"""When the engine itself comes to grief the run ends at once, says so, and is INVALID: never a pass.

An error in one viewer's session is not the engine's: it is counted, see tests/engine/test_faults.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest

from advisor.gate.verdict import EXIT_CODES
from loadtests.run import read_run
from loadtests.staging import Cluster
from tests.real.processes import Started, surgecast
from tests.real.scenarios import plan, surge, write

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")]

CRASHING: Final = Path(__file__).parent / "crashing.py"
OUR_FAILURE: Final = 1


@pytest.mark.parametrize("words", [(), ("--processes", "2")], ids=["alone", "with workers"])
def test_a_loop_that_breaks_ends_the_run_as_failed(words: tuple[str, ...], origin: Cluster, tmp_path: Path) -> None:
    shape = surge(20, 40, (1, 1, 1, 40, 1))
    budgets = ["startup p50 < 5s"]
    scenario = write(tmp_path, plan(origin.url, surge=shape, target={"resolve": [*origin.resolve]}, gate=budgets))
    out = tmp_path / "run"
    command = [sys.executable, "-m", "locust", "-f", str(CRASHING), "--headless", "--only-summary"]
    with Started([*command, "--scenario", str(scenario), "--out", str(out), *words], tmp_path) as load:
        assert load.wait(30) == OUR_FAILURE, load.stderr
        load.until_gone(5)
    assert "the worker came to grief: " in load.stderr
    run = read_run(out)
    assert run.footer is not None
    assert (run.footer.complete, run.footer.ending) == (False, "failed")
    assert run.footer.at < 20
    assert {note.kind for note in run.notes} == {"worker_failed"}
    with Started(surgecast("gate", out), tmp_path / "gate") as gate:
        assert gate.wait(20) == EXIT_CODES["INVALID"], gate.stderr
