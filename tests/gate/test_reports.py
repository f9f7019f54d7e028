"""The same verdict in every form: complete, well-formed, and safe whatever the names in it are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

import advisor.gate
from advisor.gate import Gate
from advisor.gate.reports import reports, write_reports
from advisor.gate.reports.annotations import Annotations
from advisor.gate.reports.json import Json
from advisor.gate.reports.markdown import Markdown
from advisor.gate.reports.metrics import Metrics
from advisor.gate.reports.terminal import Terminal
from advisor.gate.sentences import LABELS, SENTENCES
from advisor.gate.verdict import schema
from tests.gate.simulated import Made, verdict

BUDGETS = """segment.total p95 < 200ms during peak
segment.total p95 < 1s per region
cache_hit > 95%
segment.total p95 < baseline + 10%
error_rate < 1% for 10s"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    folder = tmp_path_factory.mktemp("gate")
    before = Made().write(folder / "before")
    now = Made(latencies=(0.3,) * 39 + (0.9,)).write(folder / "now")
    return verdict([now], BUDGETS, [before])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    return verdict([Made().write(tmp_path_factory.mktemp("kept"))], "error_rate < 1%")


def test_the_json_is_what_the_committed_schema_says(gate: Gate, kept: Gate) -> None:
    committed = json.loads(Path(advisor.gate.__file__).with_name("verdict.schema.json").read_text(encoding="utf-8"))
    assert committed == schema(), "renew it with: python -m tests.gate.golden"
    for one in (gate, kept):
        text = Json().render(one, "en")
        jsonschema.validate(json.loads(text), committed)
        assert Gate.model_validate_json(text) == one


def test_annotations_stand_at_their_line(gate: Gate, kept: Gate) -> None:
    lines = Annotations().render(gate, "en").splitlines()
    assert len(lines) == gate.count("FAIL") + gate.count("INVALID")
    assert lines[0].startswith("::error file=b.yaml,line=1,title=FAIL%3A segment.total p95 < 200ms during peak::")
    assert any(line.startswith("::warning file=b.yaml,line=3,") for line in lines)
    assert all(line.count("::") == 2 for line in lines)
    assert Annotations().render(kept, "en").startswith("::notice ")
    assert "%25" in Annotations().render(gate, "en")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_comment_has_a_row_and_a_chart_for_each_budget(gate: Gate, lang: str) -> None:
    text = Markdown().render(gate, lang)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == len(gate.judged) + 2
    assert {row.count(" | ") for row in rows} == {7}
    assert "█" in rows[2]
    assert "+20" in text, "the change against the baseline"
    assert text.count("→") == sum(one.remedy is not None for one in gate.judged)


def test_names_cannot_mark_up(gate: Gate) -> None:
    odd = gate.judged[0].model_copy(update={"budget": "a`|b", "region": "<img>|[x](y)"})
    text = Markdown().render(gate.model_copy(update={"judged": (odd,), "scenario": "*x*"}), "en")
    assert "<img>" not in text
    assert "[x](y)" not in text
    assert "\\*x\\*" in text


def test_the_metrics_are_openmetrics(gate: Gate) -> None:
    text = Metrics().render(gate, "en")
    assert text.endswith("# EOF\n")
    sample = re.compile(r'[a-z_]+\{budget="[^"\n]*",region="[^"\n]*",cohort="[^"\n]*"\} -?[\d.e+-]+')
    for line in text.splitlines():
        assert line.startswith("# ") or sample.fullmatch(line), line


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_terminal_says_what_is_wrong_and_what_to_do(gate: Gate, lang: str) -> None:
    text = Terminal().render(gate, lang)
    for judged in gate.judged:
        assert judged.budget in text
    assert text.splitlines()[-1].startswith({"en": "FAIL: ", "zh": "未通过: "}[lang])
    assert "b.yaml" not in text


def test_every_file_is_written(gate: Gate, tmp_path: Path) -> None:
    written = {path.name for path in write_reports(gate, tmp_path / "new")}
    assert written == {"verdict.json", "verdict.junit.xml", "verdict.md", "verdict.metrics.txt"}
    assert set(reports()) == {"annotations", "json", "junit", "markdown", "metrics", "terminal"}


def test_both_languages_fill_in_the_same_values() -> None:
    for key, (english, chinese) in {**SENTENCES, **LABELS}.items():
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", chinese)), key
