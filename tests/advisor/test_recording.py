"""A run folded straight from its lines is, to the last bit, what its windows as models come to."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advising import advise
from advisor.measured.reading import read_recording, stretches_of
from advisor.measured.recording import PATIENCE, Recording, recorded
from loadtests.errors import RunError
from loadtests.results import Footer, Line, Players, Totals, Window, text_of
from loadtests.run import RUN_FILE, lines_of, read_run
from tests.advisor.runs import Town, lines, write
from tests.contract.lines import counts, players, requests

SMALL = Town(seed=9, baseline=20, peak=40, quiet=12, ramp=10, hold=15, fall=3)
HEADER = next(lines(SMALL))
KINDS = st.dictionaries(st.sampled_from(["segment", "playlist", "master"]), requests, max_size=3)
PLACES = st.tuples(st.integers(0, 45), st.sampled_from(["id", "in", "br", "vn", ""]), st.sampled_from(["a", "b"]))
FRACTIONS = st.integers(0, 10_000_000).map(lambda number: number / 3e6)


@st.composite
def any_window(draw: st.DrawFn) -> Window:
    """Of any second, region and cohort, known or not, with seconds that do not add up exactly."""
    at, region, cohort = draw(PLACES)
    played: Players = draw(players).model_copy(
        update={"play_seconds": draw(FRACTIONS), "stall_seconds": draw(FRACTIONS), "viewers": draw(counts)}
    )
    return Window.model_validate(
        {"at": at, "region": region, "cohort": cohort, "requests": draw(KINDS), "players": played}
    )


def file_of(folder: Path, found: list[Line]) -> Path:
    """A run file of these lines."""
    folder.mkdir(exist_ok=True)
    path = folder / RUN_FILE
    path.write_text("".join(f"{text_of(line)}\n" for line in found), encoding="utf-8")
    return path


def both(path: Path, most: int | None = None) -> tuple[Recording, Recording]:
    """Read in both ways, the first in as many stretches at once."""
    return read_recording(path, most), recorded(read_run(path))


AT_ONCE = pytest.mark.parametrize("most", [1, 2, 3, 7])


@settings(max_examples=60)
@given(found=st.lists(any_window(), max_size=25))
def test_random_windows_in_any_order_come_to_the_same(found: list[Window], tmp_path_factory: object) -> None:
    assert isinstance(tmp_path_factory, pytest.TempPathFactory)
    end = {"complete": True, "ending": "finished", "at": 50, "workers_expected": 1, "workers_heard": 1}
    footer = Footer.model_validate({**end, "totals": Totals.of(found)})
    fast, slow = both(file_of(tmp_path_factory.mktemp("run"), [HEADER, *found, footer]))
    assert fast == slow
    assert repr(fast) == repr(slow)


@settings(max_examples=40)
@given(found=st.lists(any_window(), max_size=25), most=st.integers(2, 4))
def test_and_so_they_do_second_by_second_in_stretches(found: list[Window], most: int, tmp_path_factory: object) -> None:
    assert isinstance(tmp_path_factory, pytest.TempPathFactory)
    found.sort(key=lambda window: window.at)
    path = file_of(tmp_path_factory.mktemp("run"), [HEADER, *found])
    fast, slow = both(path, most)
    assert fast == slow
    assert repr(fast) == repr(slow)


@AT_ONCE
@pytest.mark.parametrize("town", [SMALL, Town(seed=3), Town(seed=5, rps=200, busy=range(30, 33), jitter=0.1)])
def test_a_town_comes_to_the_same_and_so_does_the_advice(town: Town, most: int, tmp_path: Path) -> None:
    path = write(town, tmp_path)
    fast, slow = both(path, most)
    with path.open("rb") as file:
        cuts = stretches_of(file, most)
    assert (len(cuts), cuts[0].begin, cuts[-1].end) == (most, 0, path.stat().st_size)
    assert all(before.end == after.begin for before, after in itertools.pairwise(cuts))
    assert fast == slow
    assert advise([fast]) == advise([read_run(tmp_path)])


@AT_ONCE
def test_windows_far_out_of_order_are_found_again(most: int, tmp_path: Path) -> None:
    run = read_run(write(SMALL, tmp_path / "run"))
    found = list(lines_of(run))
    windows = [line for line in found if isinstance(line, Window)]
    random.Random(1).shuffle(windows)
    assert max(b.at - a.at for a, b in itertools.pairwise(windows)) > PATIENCE
    mixed = [found[0], *windows, *(line for line in found[1:] if not isinstance(line, Window))]
    assert read_recording(file_of(tmp_path / "mixed", mixed), most) == recorded(run)


@AT_ONCE
def test_one_window_that_is_late_is_in_no_stretch_but_counts(most: int, tmp_path: Path) -> None:
    run = read_run(write(SMALL, tmp_path / "run"))
    found = list(lines_of(run))
    early = next(line for line in found if isinstance(line, Window) and line.at == 3)
    found.remove(early)
    found.insert(max(i for i, line in enumerate(found) if isinstance(line, Window)) + 1, early)
    assert read_recording(file_of(tmp_path / "mixed", found), most) == recorded(run)


def test_a_pipe_is_read_once_and_still_found_again(tmp_path: Path) -> None:
    run = read_run(write(SMALL, tmp_path / "run"))
    found = list(lines_of(run))
    mixed = [found[0], *reversed([line for line in found if isinstance(line, Window)]), found[-1]]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", str(file_of(tmp_path / "mixed", mixed)), str(pipe)]):
        assert read_recording(pipe).whole == recorded(run).whole


@AT_ONCE
def test_a_run_that_was_killed_comes_to_the_same(most: int, tmp_path: Path) -> None:
    path = write(SMALL, tmp_path, footer=False)
    path.write_bytes(path.read_bytes()[:-20])
    fast, slow = both(path, most)
    assert fast == slow
    assert "cut in the middle" in fast.cut


DAMAGE: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "no JSON": lambda text: "hello\n" + text,
    "another line": lambda text: text.replace('"line":"window"', '"line":"widow"', 1),
    "a word for a number": lambda text: text.replace('"at":3,', '"at":"x",', 1),
    "a negative second": lambda text: text.replace('"at":3,', '"at":-3,', 1),
    "an unknown field": lambda text: text.replace('"play_seconds"', '"playing"', 1),
    "an unknown kind": lambda text: text.replace('"playlist"', '"video"', 1),
    "a sketch that does not add up": lambda text: text.replace('"bins":{', '"bins":{"7":3,', 1),
    "a count that does not": lambda text: text.replace('"joins":', '"joins":1', 1),
    "two headers": lambda text: text.partition("\n")[0] + "\n" + text,
    "a line behind the end": lambda text: text + text.splitlines(keepends=True)[1],
    "a cut line inside": lambda text: text.replace("}\n", "\n", 1),
    "no text": lambda text: text.replace('"region":"id"', '"region":"\ud800"', 1),
    "a count that does not, at the end": lambda text: '"joins":1'.join(text.rsplit('"joins":', 1)),
    "an unknown field at the end": lambda text: '"playing"'.join(text.rsplit('"play_seconds"', 1)),
    "a count beyond all numbers": lambda text: text.replace('"ttfb":{"count":', '"ttfb":{"count":' + 400 * "9", 1),
    "a second header further on": lambda text: text[: text.rindex('{"line":"window"')] + text,
    "a newer one": lambda text: text.replace('"schema_version":1', '"schema_version":99', 1),
}


@AT_ONCE
@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_broken_is_refused_in_the_same_words(damage: str, most: int, tmp_path: Path) -> None:
    path = write(SMALL, tmp_path)
    text = DAMAGE[damage](path.read_text(encoding="utf-8"))
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    said = []
    for read in (read_run, partial(read_recording, most=most)):
        with pytest.raises(RunError) as caught:
            read(path)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert said[0].startswith(str(path))


def test_standard_input_from_a_file_is_read_from_where_it_stands(tmp_path: Path) -> None:
    path = write(SMALL, tmp_path)
    text = path.read_text(encoding="utf-8")
    (tmp_path / "banner").write_text("a line for somebody else\n" + text, encoding="utf-8")
    code = (
        "import os; from advisor.measured.reading import read_recording; "
        "os.read(0, 25); print(read_recording('-', 3).seconds)"
    )
    with (tmp_path / "banner").open("rb") as given:
        done = subprocess.run([sys.executable, "-c", code], stdin=given, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (str(read_run(path).seconds), "")


@AT_ONCE
@pytest.mark.parametrize("region", ["id", "in"])
def test_windows_of_another_form_among_ours_count_in_every_stretch(region: str, most: int, tmp_path: Path) -> None:
    path = write(SMALL, tmp_path)
    form = re.compile(rf'"at":(\d+),"region":"{region}"')
    path.write_text(form.sub(rf'"at": \1,"region":"{region}"', path.read_text(encoding="utf-8")), encoding="utf-8")
    fast, slow = both(path, most)
    assert fast == slow


@AT_ONCE
def test_seconds_that_no_phase_has_lend_no_start_ups(most: int, tmp_path: Path) -> None:
    run = read_run(write(SMALL, tmp_path / "run"))
    found = list(lines_of(run))
    phases = tuple(phase for phase in run.header.phases if phase.name != "ramp")
    found[0] = run.header.model_copy(update={"phases": phases})
    fast, slow = both(file_of(tmp_path / "hole", found), most)
    assert fast == slow


def test_a_window_written_by_another_program_is_read_by_its_model(tmp_path: Path) -> None:
    """Spaces, another order of keys, numbers as words: whatever the contract takes."""
    path = write(SMALL, tmp_path)
    head, *rest = path.read_text(encoding="utf-8").splitlines()
    again = [json.dumps(dict(reversed(json.loads(line).items()))) for line in rest]
    path.write_text("\n".join([head, *again]).replace('"joins": 0,', '"joins": "0",') + "\n", encoding="utf-8")
    fast, slow = both(path)
    assert fast == slow
