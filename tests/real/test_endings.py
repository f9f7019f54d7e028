"""Runs that end badly: they say so, they can still be read, and nothing hangs or stays behind."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from loadtests.journal import SILENCE
from loadtests.results import Footer
from loadtests.run import RUN_FILE, read_run
from loadtests.staging import Cluster
from tests.real.processes import Started, locust, surgecast
from tests.real.scenarios import plan, surge, write

pytestmark = pytest.mark.slow

INVALID = 3
BAD_INPUT = 2


def long_scenario(folder: Path, origin: Cluster, seconds: float) -> Path:
    shape = surge(20, 40, (1, 1, 1, seconds - 4, 1))
    return write(folder, plan(origin.url, surge=shape, target={"resolve": [*origin.resolve]}))


def recorded(out: Path, seconds: int) -> Callable[[], bool]:
    """Whether so many seconds of the run are on disk."""
    file = out / RUN_FILE
    return lambda: file.exists() and file.stat().st_size > 0 and read_run(out).seconds >= seconds


def footer_of(out: Path) -> Footer:
    footer = read_run(out).footer
    assert footer is not None
    return footer


def test_a_worker_that_dies_is_named_and_its_viewers_are_back_before_the_end(origin: Cluster, tmp_path: Path) -> None:
    """The run goes on with the others and is whole; but the seconds without them are most of so short a surge."""
    out = tmp_path / "run"
    command = surgecast("load", long_scenario(tmp_path, origin, 20), "--processes", "2", "--out", out)
    with Started(command, tmp_path) as load:
        load.until(recorded(out, 2), "two seconds of the run")
        victim = load.workers()[0]
        victim.send_signal(signal.SIGKILL)
        died_at = time.time() - read_run(out).header.started_at.timestamp()
        assert load.wait(60) == 0, load.stderr
        assert not load.members()
    run, footer = read_run(out), footer_of(out)
    assert (footer.complete, footer.ending) == (True, "finished")
    assert (footer.workers_expected, footer.workers_heard) == (2, 1)
    lost_note, back_note = run.notes
    assert (lost_note.kind, back_note.kind) == ("worker_lost", "rehomed")
    lost = lost_note.data["worker"]
    assert lost in lost_note.text
    assert SILENCE - 1.5 < lost_note.at - died_at < SILENCE + 1.5
    (gap,) = footer.gaps
    assert gap.worker == lost
    assert gap.since <= died_at + 1
    last_heard = {line.worker: line.at for line in run.generators}
    assert last_heard.pop(lost) <= died_at + 1
    (survivor,) = last_heard.values()
    assert survivor >= 19, "the other worker went on to the end"
    assert "1 of 2 workers" in load.stderr
    assert f"{lost} was lost: viewers of id, in were missing in seconds {gap.since} to {gap.until}" in load.stderr
    with Started(surgecast("advise", out), tmp_path / "advise") as advise:
        assert advise.wait(20) == INVALID, advise.stderr
    assert "seconds without a lost worker's viewers" in advise.stderr


WAYS: Final[tuple[tuple[str, ...], ...]] = ((), ("--processes", "2"))
"""One process, or a master with workers; both at the same time."""


def under_way(commands: Sequence[list[str]], folder: Path, stack: ExitStack) -> list[Started]:
    """The commands, each writing to its own ``run`` folder, once each has recorded two seconds."""
    places = [folder / str(number) for number, _ in enumerate(commands)]
    loads = [
        stack.enter_context(Started([*command, "--out", str(place / "run")], place))
        for command, place in zip(commands, places, strict=True)
    ]
    for load in loads:
        load.until(recorded(load.folder / "run", 2), "two seconds of the run")
    return loads


def test_a_killed_run_can_be_read_and_leaves_no_worker_behind(origin: Cluster, tmp_path: Path) -> None:
    """kill -9: no footer, at most one line lost, and nobody goes on loading the target. Advice is refused."""
    scenario = long_scenario(tmp_path, origin, 40)
    with ExitStack() as stack:
        commands = [locust("--headless", "--scenario", scenario, *words) for words in WAYS]
        for load in under_way(commands, tmp_path, stack):
            load.process.kill()
            assert load.wait(5) == -signal.SIGKILL
            load.until_gone(8)
            run = read_run(load.folder / "run")
            assert run.footer is None
            assert run.seconds >= 2
    assert_not_advised(tmp_path / "0" / "run")


def assert_not_advised(run: Path) -> None:
    with Started(surgecast("advise", run), run.parent / "advise") as advise:
        assert advise.wait(20) in (BAD_INPUT, INVALID)
    assert advise.stderr.count("surgecast: ") == 1
    assert "Traceback" not in advise.stderr
    assert "not finished" in advise.stderr
    assert not list(run.glob("advice*"))


def test_ctrl_c_ends_with_a_whole_readable_run(origin: Cluster, tmp_path: Path) -> None:
    """Requests under way are read to their end; the exit code says INVALID; no process is left."""
    scenario = long_scenario(tmp_path, origin, 40)
    with ExitStack() as stack:
        loads = under_way([surgecast("load", scenario, *words) for words in WAYS], tmp_path, stack)
        for load in loads:
            load.interrupt()
        for load in loads:
            assert load.wait(10) == INVALID, load.stderr
            load.until_gone(2)
    for load, workers in zip(loads, (1, 2), strict=True):
        footer = footer_of(load.folder / "run")
        assert (footer.complete, footer.ending) == (False, "interrupted")
        assert footer.workers_heard == footer.workers_expected == workers
        assert footer.totals.errors == 0
        assert "Traceback" not in load.stderr
        assert "NOT complete: interrupted" in load.stderr
