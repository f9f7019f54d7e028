"""A growing run is judged as it grows; only a budget that says so may end it, and only when it is sure and stays so."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.gate.watch import Watch
from loadtests.budgets import read_page
from loadtests.errors import InputError
from loadtests.results import Window, text_of
from loadtests.run import RUN_FILE
from surgecast.aborting import ABORT_FILE, breach_watch
from tests.gate.simulated import Made

BUDGET = "- segment.total p95 < 200ms during peak abort after 4s"


def ended_at(made: Made, folder: Path, budgets: str = BUDGET) -> int | None:
    """The second at which the watch ends the run, written second by second."""
    watch = Watch(folder, read_page("b.yaml", budgets))
    assert watch.look() == "", "no file yet"
    with (folder / RUN_FILE).open("w", encoding="utf-8") as file:
        for line in made.lines():
            text = text_of(line) + "\n"
            file.write(text[:30])
            file.flush()
            watch.look()  # a line half written is no line
            file.write(text[30:])
            file.flush()
            if why := watch.look():
                assert "segment.total p95 < 200ms" in why
                assert isinstance(line, Window)
                return line.at
    return None


@pytest.mark.parametrize(
    ("made", "budgets", "at"),
    [
        (Made(), BUDGET, None),
        (Made(latencies=(0.3,) * 40), BUDGET, 11),  # peak at 3, five seconds to be sure, four to stay so
        (Made(latencies=(0.3,) * 40), "- segment.total p95 < 200ms during peak", None),
        (Made(latencies=(0.1,) * 20 + (0.3,) * 20), BUDGET, range(24, 44)),
        (Made(latencies=(0.1,) * 20 + (0.3,) + (0.1,) * 19), BUDGET, None),
        (Made(latencies=(0.3,) * 40, busy=range(40)), BUDGET, None),
    ],
)
def test_when_a_run_is_ended(made: Made, budgets: str, at: int | range | None, tmp_path: Path) -> None:
    found = ended_at(made, tmp_path, budgets)
    assert found == at or (isinstance(at, range) and found in at)


def test_the_load_process_is_asked_once(tmp_path: Path) -> None:
    look = breach_watch(tmp_path, read_page("b.yaml", BUDGET))
    look()
    Made(latencies=(0.3,) * 40, stop=8, footer=False).write(tmp_path)
    look()
    assert not (tmp_path / ABORT_FILE).exists()
    for stop in range(9, 30):  # a second each time
        Made(latencies=(0.3,) * 40, stop=stop, footer=False).write(tmp_path)
        look()
    request = tmp_path / ABORT_FILE
    assert "surely broken" in request.read_text(encoding="utf-8")
    request.unlink()
    look()
    assert not request.exists()


def test_a_watch_that_could_end_nothing_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no budget is marked"):
        breach_watch(tmp_path, read_page("b.yaml", "- stall_ratio < 1%"))
