"""The command: what it prints and writes in both languages, safe with hostile runs, for people and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from string import Formatter

import jsonschema
import pytest
from click.testing import CliRunner, Result
from markdown_it import MarkdownIt

from advisor.compare import show
from advisor.compare.comparison import Comparison, schema
from advisor.compare.measures import MEASURES
from advisor.compare.pages import as_json, html, markdown, write_pages
from advisor.compare.reading import read_outcomes
from advisor.compare.table import compare
from advisor.compare.terminal import terminal
from advisor.compare.words import fill, words
from advisor.foreign import Outcomes
from advisor.texts import LANGS, texts
from loadtests.errors import SurgecastError
from surgecast.cli import surgecast
from tests.advisor.runs import write
from tests.advisor.test_reports import HOSTILE, Page
from tests.compare.conftest import town

Light = Callable[[int], Outcomes]
SAMPLES = Path(__file__).parents[1] / "foreign" / "samples"
SCHEMA = resources.files("advisor.compare") / "compare.schema.json"


@pytest.fixture(scope="module")
def hostile(light: Light) -> tuple[Comparison, list[Outcomes]]:
    first, other = light(1), light(2)
    places = {code: names.model_copy(update={"en": HOSTILE, "zh": HOSTILE}) for code, names in other.places.items()}
    bad = replace(other, name=HOSTILE, tool=HOSTILE, places=places, unfinished=HOSTILE, traits={"workers": HOSTILE})
    return compare([first, bad]), [first, bad]


def own(lang: str) -> dict[str, str]:
    known = texts(lang)
    return {key: text for key, text in words(lang).items() if key not in known or text != known[key]}


def test_every_sentence_is_in_every_language_with_the_same_values() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert set(own("en")) == set(own("zh"))
    for key, text in own("en").items():
        assert fields(text) == fields(own("zh")[key]), key
    assert set(own("en")) & set(texts("en")) == set(), "sentences of the advice are used as they are"


def test_chinese_is_chinese() -> None:
    for key, text in own("zh").items():
        assert key == "compare_line" or re.search(r"[\u4e00-\u9fff]", text), key
        assert not re.search(r"[\u4e00-\u9fff] ?[,;:!?](?!\w)", text), f"{key}: Latin punctuation after Chinese"


def test_every_sentence_is_used() -> None:
    folder = Path(str(resources.files("advisor")))
    code = "".join(path.read_text() for name in ("*.py", "*.j2") for path in folder.rglob(name))
    made = ("measure_", "verdict_", "span_", "other_", "limit_", "compare_silent", "compare_empty")
    assert [key for key in own("en") if f'"{key}"' not in code and not key.startswith(made)] == []
    assert {f"measure_{measure.name}" for measure in MEASURES} <= set(own("en"))


@pytest.mark.parametrize("lang", LANGS)
def test_a_page_is_whole_and_asks_for_nothing(worse: Comparison, light: Light, lang: str) -> None:
    text = html(worse, [light(1), light(2)], lang)
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert [tag for tag, _ in page.tags].count("svg") > 12
    assert fill(lang, "measure_segment_p95") in text
    assert "nan" not in text.lower().replace("finance", "")


@pytest.mark.parametrize("lang", LANGS)
def test_what_runs_say_never_marks_up(hostile: tuple[Comparison, list[Outcomes]], lang: str) -> None:
    comparison, runs = hostile
    text = html(comparison, runs, lang)
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert Page(text).open == []
    rendered = MarkdownIt("commonmark").enable("table").render(markdown(comparison, lang))
    assert "<script>" not in rendered
    assert "<a " not in rendered
    assert "\x1b" not in terminal(comparison, lang)
    assert json.loads(as_json(comparison))["runs"][1]["name"] == HOSTILE


@pytest.mark.parametrize("lang", LANGS)
def test_tables_of_the_markdown_page_are_tables(worse: Comparison, lang: str) -> None:
    rendered = MarkdownIt("commonmark").enable("table").render(markdown(worse, lang))
    assert rendered.count("<table>") >= 1
    assert rendered.count("<tr>") >= 24
    assert len(markdown(worse, lang)) < 20_000, "a comment on a pull request holds 65,536 characters"


def test_the_json_keeps_to_the_committed_schema(worse: Comparison) -> None:
    data, contract = json.loads(as_json(worse)), json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(data, contract)
    assert Comparison.model_validate(data) == worse
    assert contract == json.loads(json.dumps(schema())), "write advisor/compare/compare.schema.json anew"


def test_the_terminal_shows_the_verdict_and_every_measure(worse: Comparison) -> None:
    text = terminal(worse, "en")
    assert "worse" in text
    assert "! In 5 seconds of run B (7%) the load generator was the limit" in text
    for row in worse.tables[0].part(""):
        assert fill("en", f"measure_{row.measure}") in text
    assert max(len(line) for line in text.splitlines()) < 200


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-1.5e6, "bit/s", "-1.5 Mbit/s"),
        (0.0123, "share", "1.23%"),
        (-0.25, "s", "-250 ms"),
        (1234.0, "requests/s", "1,234 req/s"),
        (0.5, "1/s", "0.5/s"),
        (300.0, "viewers", "300"),
    ],
)
def test_quantities_read_as_people_write_them(value: float, unit: str, text: str) -> None:
    assert show.quantity(value, unit) == text  # type: ignore[arg-type]


def run(*words: object) -> Result:
    return CliRunner().invoke(surgecast, ["compare", *map(str, words)])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    places = [tmp_path_factory.mktemp(name) for name in ("before", "after")]
    for seed, place in enumerate(places, 1):
        write(town(seed), place)
    return places


def test_the_command_prints_the_table_and_writes_three_files(folders: list[Path], tmp_path: Path) -> None:
    plain = run(*folders)
    assert (plain.exit_code, list(tmp_path.iterdir())) == (0, [])
    written = run(*folders, "--out", tmp_path / "out", "--lang", "zh")
    assert written.exit_code == 0
    names = {"compare.html", "compare.md", "compare.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert all(name in written.output for name in names)
    assert "分片下载时间" in written.output


def test_our_run_and_another_tools_file_can_be_compared(folders: list[Path]) -> None:
    found = run(folders[0], SAMPLES / "k6_summary_export.json")
    assert found.exit_code == 0
    assert "B was made with k6, A with surgecast" in found.output
    assert "(as reported)" in found.output
    assert "not recorded" in found.output


def test_a_reported_figure_is_shown_and_never_tested(folders: list[Path]) -> None:
    found = compare([read_outcomes(str(folders[0])), read_outcomes(str(SAMPLES / "k6_summary_export.json"))])
    (table,) = found.tables
    rows = {row.measure: row for row in table.part("")}
    assert table.span == "all"
    assert [shown.basis for shown in rows["request_p95"].shown] == ["estimated", "reported"]
    assert rows["request_p95"].changes[0].verdict == "untested"
    assert rows["request_p95"].changes[0].difference is not None
    assert [shown.basis for shown in rows["stalls"].shown] == ["estimated", "silent"]
    assert table.tested == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: found an empty file, expected a surgecast run"),
        (b"hello\n", "line 1: found 'hello', expected a surgecast run"),
        (b'{"line": "window"}\n', "line 1 is not a run header"),
        (b"\x1f\x8b\x08\x00\x00", "line 1: found"),
        (b'{"some": "json"}', "line 1: found"),
    ],
)
def test_a_file_that_is_nothing_known_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    found = run(tmp_path / "file", tmp_path / "file")
    assert isinstance(found.exception, SurgecastError)
    assert found.exception.exit_code == 2
    assert message in str(found.exception)
    assert str(tmp_path / "file") in str(found.exception)


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    found = run(tmp_path / "none", tmp_path / "none")
    assert isinstance(found.exception, SurgecastError)
    assert "no such file or run folder" in str(found.exception)


def test_pages_are_written_into_a_folder_that_is_made(worse: Comparison, light: Light, tmp_path: Path) -> None:
    files = write_pages(worse, [light(1), light(2)], tmp_path / "a" / "b", "en")
    assert all(file.is_file() for file in files)
