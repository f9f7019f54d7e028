"""Reports in both languages: complete, safe with hostile runs, self-contained, and legible."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.bccache import bc_magic
from markdown_it import MarkdownIt

from advisor import figures
from advisor.advice import Advice
from advisor.advising import advise
from advisor.interval import Interval
from advisor.pages.charts import NARROW, WIDE, Chart, Line, Shade, draw, text_width, ticks, time_ticks
from advisor.pages.page import answer_excuses, markdown_safe
from advisor.pages.summary import summary
from advisor.plans.refusals import FIX
from advisor.reports import reports, write_reports
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from advisor.texts import LANGS, fill, listed, name_of, say, texts, told
from loadtests.errors import InputError
from loadtests.results import Note
from loadtests.run import Run

HOSTILE = "<script>alert(1)</script> {{ 7*7 }} {0.__class__} ${x} ` | [x](javascript:1) \x1b[31m"
VOID = {"meta", "br", "rect", "line", "path", "link"}


class Page(HTMLParser):
    """The tags of a page; fails on one that is closed without having been opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def hostile(saturated: Run) -> Advice:
    scenario = saturated.header.scenario.model_copy(update={"summary": HOSTILE})
    header = saturated.header.model_copy(
        update={"scenario": scenario, "run_id": HOSTILE, "software": {HOSTILE: HOSTILE}}
    )
    return advise([replace(saturated, header=header, notes=(Note(at=3, kind=HOSTILE, text=HOSTILE),))])


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_sentence_is_in_every_language_with_the_same_values() -> None:
    english = texts("en")
    for lang in LANGS:
        assert set(texts(lang)) == set(english)
        for key, text in texts(lang).items():
            assert text.strip(), key
            assert fields(text) == fields(english[key]), key


def test_every_sentence_is_used() -> None:
    folder = resources.files("advisor")
    code = "".join(path.read_text() for path in Path(str(folder)).rglob("*.py"))
    code += "".join(path.read_text() for path in Path(str(folder)).rglob("*.j2"))
    made = set(re.findall(r"""f['\"]([a-z_0-9]+_)\{""", code) + re.findall(r'"([a-z_0-9]+_)"', code))
    words = set(re.findall(r"\w+", code))

    def is_used(key: str) -> bool:
        """Whether it stands in the code, or is made there from its beginning and a word that stands there too."""
        ends = (key.removeprefix(begins) for begins in made if key.startswith(begins))
        return f'"{key.removesuffix(FIX)}"' in code or any(end in words for end in ends)

    unused = [key for key in texts("en") if not is_used(key)]
    assert unused == []


def test_chinese_is_chinese() -> None:
    latin = {"cdn", "summary_line", "axis_share", "series_p50", "series_p95", "series_p99", "colon"}
    for key, text in texts("zh").items():
        assert key in latin or re.search(r"[\u4e00-\u9fff]", text), key
        assert not re.search(r"[\u4e00-\u9fff] ?[,;:!?](?!\w)", text), f"{key}: Latin punctuation after Chinese"


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InputError, match="'tlh' is not known"):
        texts("tlh")


def test_values_are_put_in_and_never_read() -> None:
    assert HOSTILE in fill("en", "title", scenario=HOSTILE)
    assert "id最大，±{x}" in told(say("warn_wide_demand", region="id", spread="{x}"), "zh", {})


@pytest.mark.parametrize("lang", LANGS)
def test_writes_all_three_files(advice: Advice, tmp_path: Path, lang: str) -> None:
    paths = write_reports(advice, tmp_path / "deep" / "er", lang)
    assert {path.name for path in paths} == {"advice.json", "report.md", "report.html"}
    assert all(path.stat().st_size > 2000 for path in paths)


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_is_well_formed_and_asks_for_nothing(advice: Advice, lang: str) -> None:
    page = Page(Html().render(advice, lang))
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "video", "use", "image"}
    for _, attributes in page.tags:
        assert not {"src", "srcset", "xlink:href"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#"), "a link may lead within the page only"
        assert not any(name.startswith("on") for name in attributes)
    css = (resources.files("advisor.reports") / "templates" / "style.css").read_text()
    assert "url(" not in css
    assert "@import" not in css


@pytest.mark.parametrize(("lang", "tag"), [("en", "en"), ("zh", "zh-CN")])
def test_the_page_says_its_language_and_its_answer(advice: Advice, lang: str, tag: str) -> None:
    text = Html().render(advice, lang)
    assert f'<html lang="{tag}">' in text
    assert f"{advice.totals.nodes:,}" in text
    assert texts(lang)["verdict_broke"] in text
    assert text.index(texts(lang)["answer"]) < text.index(texts(lang)["facts"])


@pytest.mark.parametrize("lang", LANGS)
def test_a_hostile_run_cannot_add_a_tag_to_the_page(advice: Advice, hostile: Advice, lang: str) -> None:
    text = Html().render(hostile, lang)
    assert "<script" not in text
    assert "{{ 7*7 }}" in text
    assert {tag for tag, _ in Page(text).tags} == {tag for tag, _ in Page(Html().render(advice, lang)).tags} | {
        "br"
    } - {"br"}


@pytest.mark.parametrize("lang", LANGS)
def test_a_hostile_run_cannot_mark_up_the_markdown(hostile: Advice, lang: str) -> None:
    text = Markdown().render(hostile, lang)
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<script" not in html
    assert "<a " not in html
    assert "<code" not in html


@given(st.text(max_size=40))
def test_no_text_has_meaning_in_markdown(text: str) -> None:
    html = MarkdownIt("commonmark", {"html": True}).render("x " + markdown_safe(text) + " x")
    assert set(re.findall(r"<(\w+)", html)) == {"p"}


def test_every_markdown_row_has_as_many_cells_as_its_head(advice: Advice) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", Markdown().render(advice, "en"), re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(widths) == 1, table


@pytest.mark.parametrize("lang", LANGS)
def test_an_unfinished_run_is_said_first_everywhere(saturated: Run, lang: str) -> None:
    unfinished = advise([replace(saturated, footer=None)], accept_unfinished=True)
    warning = told(unfinished.warnings[0], lang, unfinished.names)
    page, note = Html().render(unfinished, lang), Markdown().render(unfinished, lang)
    assert page.index(warning) < page.index(texts(lang)["answer"])
    assert note.index(markdown_safe(warning)) < note.index(texts(lang)["answer"])
    assert warning in summary(unfinished, lang)


def test_an_unsaturated_run_shows_its_excuses(quiet: Run) -> None:
    for lang in LANGS:
        advice = advise([quiet])
        text = Html().render(advice, lang)
        assert texts(lang)["answer_no_nodes"] in text
        remedy = fill(lang, "remedy_rehearse_more", enough=f"{advice.totals.viewers // 2:,}")
        places = listed(lang, [name_of(region.name, lang) for region in advice.regions])
        assert answer_excuses(advice, lang)[0].startswith(places), "said once for all regions"
        assert answer_excuses(advice, lang)[0].endswith(remedy)
        assert remedy in text


def test_the_summary_is_short_and_cannot_command_a_terminal(advice: Advice, hostile: Advice) -> None:
    lines = summary(advice).splitlines()
    assert lines[0].startswith("The rehearsed peak broke")
    assert any(line.startswith("Indonesia: ") and "Gbit/s" in line for line in lines)
    assert len(lines) < 12
    assert "\x1b" not in summary(hostile)


def test_every_file_in_the_folder_is_a_report() -> None:
    assert [type(report).plugin_name() for report in reports()] == ["html", "json", "markdown"]
    assert all(type(report).__doc__ for report in reports())


@given(st.floats(min_value=1e-6, max_value=1e15))
def test_ticks_are_round_few_and_reach_the_top(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert found[-1] >= most * (1 - 1e-9)
    assert 2 <= len(found) <= 8


@given(st.integers(0, 50), st.integers(2, 40_000))
def test_time_labels_never_overlap(start: int, seconds: int) -> None:
    for frame, count in ((WIDE, 12), (NARROW, 6)):
        at = time_ticks(start, start + seconds, count)
        places = [(frame.x(one, start, start + seconds), text_width(f"{one:g}")) for one in at]
        gaps = [right - left - (a + b) / 2 for (left, a), (right, b) in pairwise(places)]
        assert all(gap > 2 for gap in gaps)


def labels(svg: str) -> Iterator[tuple[float, str]]:
    for x, text in re.findall(r'<text x="([\d.]+)" y="15.0" text-anchor="middle">(.*?)</text>', svg):
        yield float(x), text


def test_a_phase_name_that_does_not_fit_is_left_out() -> None:
    shades = (Shade(0, 1, "phase p0", "a very long name"), Shade(1, 100, "phase p1", "峰值"))
    chart = Chart("t", "s", range(100), (Line("l", [1.0] * 100, "s0"),), shades)
    assert [text for _, text in labels(str(draw(chart, WIDE)))] == ["峰值"]


def test_a_gap_in_the_data_is_a_gap_in_the_curve() -> None:
    values = [1.0, 2.0, None, 3.0, None]
    svg = str(draw(Chart("<t>", "s", range(5), (Line("l", values, "s0"),)), NARROW))
    assert svg.count("M") == 2
    assert "nan" not in svg.lower()
    assert 'aria-label="&lt;t&gt;"' in svg


def test_a_chart_without_data_is_still_a_chart() -> None:
    assert str(draw(Chart("t", "s", (), (Line("l", [], "s0"),)), WIDE)).endswith("</svg>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (figures.bits(38.2e6), "38.2 Mbit/s"),
        (figures.bits(1e9), "1 Gbit/s"),
        (figures.bits(0), "0 bit/s"),
        (figures.volume(1234), "1.23 TB"),
        (figures.volume(0.5), "500 MB"),
        (figures.number(1234.5), "1,234"),
        (figures.number(0.0123), "0.0123"),
        (figures.percent(0.005), "0.5%"),
        (figures.percent(1), "100%"),
        (figures.seconds(0.23), "230 ms"),
        (figures.dollars(1234.5), "US$1,234"),
        (figures.dollars(3.2), "US$3.20"),
        (figures.rate(12.3, "requests/s"), "12.3 req/s"),
        (figures.span(Interval(low=9e8, mid=1e9, high=2e9, coverage=0.9, samples=1), "bit/s"), "0.9–2 Gbit/s"),
        (figures.span(Interval(low=1, mid=2, high=3, coverage=0.9, samples=1), "USD"), "US$1.00–US$3.00"),
    ],
)
def test_figures_read_as_people_write_them(text: str, expected: str) -> None:
    assert text == expected


def test_reports_say_how_many_had_had_enough(advice: Advice) -> None:
    lost = {"slow_start": 1234, "stalls": 56}
    first, *others = advice.verdict.regions
    verdict = advice.verdict.model_copy(update={"regions": (first.model_copy(update={"abandoned": lost}), *others)})
    shown = advice.model_copy(update={"verdict": verdict})
    for report in (Markdown(), Html()):
        for lang in LANGS:
            text = report.render(shown, lang)
            assert "1,234" in text
            assert "56" in text
            assert text != report.render(advice, lang)


COMPILING = """
from advisor.pages.page import environment
for html in (True, False):
    for name in ("report.html.j2", "report.md.j2"):
        environment(html=html).get_template(name)
"""


@pytest.mark.parametrize("forbidden", ["", "1"])
def test_templates_are_compiled_to_where_modules_are_unless_python_may_not(forbidden: str, tmp_path: Path) -> None:
    kept = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": forbidden}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", COMPILING], env={**os.environ, **kept}, check=True)
    found = [path.name.split("-")[0] for path in tmp_path.rglob("*.cache")]
    assert sorted(found) == ([] if forbidden else ["html", "html", "markdown", "markdown"])


def test_a_place_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = {"PYTHONPYCACHEPREFIX": str(tmp_path / "file"), "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", COMPILING], env={**os.environ, **kept}, check=True)


@pytest.mark.parametrize("rest", [b"", b"rubbish"])
def test_a_compiled_template_that_is_cut_is_compiled_again(rest: bytes, tmp_path: Path) -> None:
    kept = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", COMPILING], env=kept, check=True)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.cache")}
    for path in files:
        path.write_bytes(bc_magic + rest)
    subprocess.run([sys.executable, "-c", COMPILING], env=kept, check=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.cache")} == files
