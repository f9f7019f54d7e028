"""A run file: written once, readable whatever happened to its writer, never believed when it was changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.errors import RunError
from loadtests.results import SCHEMA_VERSION, Footer, Header, Line, Totals, Window, text_of
from loadtests.run import RUN_FILE, RunReader, RunWriter, lines_of, read_run
from tests.contract.lines import a_header, a_run, a_window

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small whole run."""
    with RunWriter(tmp_path / "run") as writer:
        writer.write(a_run())
    return tmp_path / "run"


def texts(lines: list[Line]) -> list[str]:
    return [text_of(line) + "\n" for line in lines]


def written(folder: Path, *lines: str) -> Path:
    """A run file of these lines, as they are."""
    folder.mkdir(exist_ok=True)
    (folder / RUN_FILE).write_text("".join(lines), encoding="utf-8", newline="\n")
    return folder


# -- there and back ---------------------------------------------------------------------------------------------------


def test_a_run_reads_back_as_it_was_written(folder: Path) -> None:
    run = read_run(folder)
    assert list(lines_of(run)) == a_run()
    assert (run.seconds, run.cut) == (3, "")


def test_a_run_written_again_is_the_same_file(folder: Path, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "again") as writer:
        writer.write(lines_of(read_run(folder)))
    assert (tmp_path / "again" / RUN_FILE).read_bytes() == (folder / RUN_FILE).read_bytes()


READ_STDIN = "from loadtests.run import lines_of, read_run; print(*map(repr, lines_of(read_run('-'))), sep='\\n')"


def from_stdin(content: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", READ_STDIN], cwd=ROOT, input=content, capture_output=True)


def test_a_run_can_be_named_by_its_folder_its_file_or_a_dash(folder: Path) -> None:
    by_folder = read_run(folder)
    assert read_run(str(folder / RUN_FILE)) == by_folder
    by_dash = from_stdin((folder / RUN_FILE).read_bytes()).stdout.decode().splitlines()
    assert by_dash == [repr(line) for line in lines_of(by_folder)]


def test_a_named_pipe_is_read(folder: Path, tmp_path: Path) -> None:
    """As in ``surgecast advise <(zcat run.jsonl.gz)``."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", str(folder / RUN_FILE), str(pipe)]):
        assert read_run(pipe) == read_run(folder)


def test_the_same_second_of_two_workers_is_merged(tmp_path: Path) -> None:
    lines: list[Line] = [a_header(), a_window(0, count=2), a_window(1), a_window(0, count=5)]
    run = read_run(written(tmp_path, *texts(lines)))
    assert [window.at for window in run.windows] == [0, 1]
    assert run.windows[0].requests["segment"].count == 7
    assert run.footer is None


def test_the_writer_keeps_the_totals(tmp_path: Path) -> None:
    seen = [a_window(at) for at in range(5)]
    with RunWriter(tmp_path) as writer:
        writer.write([a_header(), *seen])
        assert writer.totals == Totals.of(seen)


# -- append-only ------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_and_changes_nothing(folder: Path) -> None:
    before = (folder / RUN_FILE).read_bytes()
    with pytest.raises(RunError, match="holds a run already"):
        RunWriter(folder)
    assert (folder / RUN_FILE).read_bytes() == before


def test_every_line_is_with_the_kernel_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        writer.write([a_header(), a_window(0)])
        assert (tmp_path / RUN_FILE).read_bytes().count(b"\n") == 2


def test_a_run_whose_writer_is_killed_can_be_read(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.contract.writing", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        seen = len(child.stdout.read(20))
        os.kill(child.pid, signal.SIGKILL)
        seen += len(child.stdout.read())
    run = read_run(tmp_path)
    assert run.footer is None
    assert run.seconds in (seen, seen + 1)
    whole = [window for window in run.windows if window.at < seen]
    assert whole == [a_window(at, cohort=cohort) for at in range(seen) for cohort in ("fixed", "mobile")]


@pytest.mark.parametrize("missing", [1, 2, 50])
def test_a_last_line_that_is_cut_is_left_out_and_said(missing: int, folder: Path) -> None:
    file = folder / RUN_FILE
    file.write_bytes(file.read_bytes()[:-missing])
    run = read_run(folder)
    assert run.footer is None
    assert run.cut == f"line {len(a_run())} is cut in the middle"
    assert len(run.windows) == 6


# -- not believed -----------------------------------------------------------------------------------------------------


def refused(folder: Path) -> str:
    with pytest.raises(RunError) as caught:
        read_run(folder)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value.message


def test_a_line_cut_in_the_middle_of_the_file_is_refused(folder: Path) -> None:
    lines = texts(a_run())
    lines[3] = lines[3][:40]
    assert "line 4: Invalid JSON" in refused(written(folder, *lines))


def test_an_empty_file_is_no_run(tmp_path: Path) -> None:
    assert "no header" in refused(written(tmp_path))


def test_only_half_a_header_is_no_run(tmp_path: Path) -> None:
    assert "no header" in refused(written(tmp_path, text_of(a_header())[:100]))


def test_a_newer_schema_is_refused_and_named(tmp_path: Path) -> None:
    newer = json.loads(text_of(a_header())) | {"schema_version": SCHEMA_VERSION + 1, "unheard_of": True}
    assert f"written with run schema {SCHEMA_VERSION + 1}" in refused(written(tmp_path, json.dumps(newer) + "\n"))


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("hello\n", "line 1 is not JSON"),
        ("\n", "line 1 is not JSON"),
        ("[" * 100_000 + "\n", "line 1 is not JSON"),
        ("[]\n", "line 1 is not a run header"),
        ('{"line":"window"}\n', "line 1 is not a run header"),
        ('{"line":"header"}\n', "written with run schema None"),
        ('{"line":"header","schema_version":"1"}\n', "written with run schema 1"),
        ('{"line":"header","schema_version":1}\n', "line 1: header.run_id: Field required"),
    ],
)
def test_what_is_no_run_is_refused(first: str, message: str, tmp_path: Path) -> None:
    assert message in refused(written(tmp_path, first))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"line":"weather"}', "does not match any of the expected tags"),
        ('{"at":1}', "Unable to extract tag"),
        ('{"line":"window","at":-1,"region":"id","cohort":"m"}', "window.at"),
        ('{"line":"window","at":1,"region":"id","cohort":"m","colour":"red"}', "window.colour"),
        ('{"line":"window","at":1,"region":"id","cohort":"m","requests":{"video":{}}}', "window.requests.video"),
        ('{"line":"note","at":NaN,"kind":"x","text":"y"}', "note.at"),
        ("", "Invalid JSON"),
    ],
)
def test_a_line_that_is_none_of_ours_is_refused_by_number(line: str, message: str, tmp_path: Path) -> None:
    found = refused(written(tmp_path, text_of(a_header()) + "\n", line + "\n"))
    assert "line 2: " in found
    assert message in found


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_bytes(b"\x1f\x8b\x08\x00\xff\xfe")
    assert "not a text file" in refused(tmp_path)


def test_no_file_at_all(tmp_path: Path) -> None:
    assert "no run here" in refused(tmp_path)
    assert "no run here" in refused(tmp_path / "nowhere")


def test_standard_input_that_is_not_text() -> None:
    assert b"standard input: " in from_stdin(b"\x1f\x8b\xff\xfe\n").stderr.splitlines()[-2]


def test_totals_that_do_not_match_are_refused(folder: Path) -> None:
    lines = texts(a_run())
    for change in ([*lines[:2], *lines[3:]], [*lines[:2], lines[1], *lines[2:]]):
        assert "the windows add up to" in refused(written(folder, *change))


def test_lines_behind_the_footer_and_a_second_header_are_refused(folder: Path) -> None:
    lines = texts(a_run())
    assert "stands behind the footer" in refused(written(folder, *lines, lines[1]))
    assert "a second header" in refused(written(folder, lines[0], *lines))


def test_lines_behind_a_cut_one_are_refused(tmp_path: Path) -> None:
    reader = RunReader("somewhere")
    reader.add(text_of(a_header()) + "\n")
    reader.add('{"line":"win')
    with pytest.raises(RunError, match="with more lines behind it"):
        reader.add(text_of(a_window(0)) + "\n")


def test_the_header_names_everything_that_a_run_depends_on() -> None:
    told = a_header()
    assert isinstance(told, Header)
    assert set(told.regions) == set(told.scenario.regions)
    assert told.phases[-1].end == told.scenario.surge.duration
    assert {"surgecast", "python"} <= set(told.software)
    assert all(
        isinstance(line, Window | Header | Footer) or line.line in ("generator", "target", "note") for line in a_run()
    )
