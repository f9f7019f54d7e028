"""``surgecast gate`` as it is typed: exit codes, files, and what CI sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loadtests.errors import SurgecastError
from loadtests.results import Header
from surgecast.cli import surgecast
from tests.gate.simulated import Made, write_lines

FAST, SLOW = Made(), Made(latencies=(0.3,) * 40)
TEXT = "budgets:\n- segment.total p95 < 200ms during peak\n"


def run(tmp_path: Path, made: Made, *words: str, budgets: str = TEXT, **environment: str) -> Result:
    (tmp_path / "b.yaml").write_text(budgets, encoding="utf-8")
    place = made.write(tmp_path / "run")
    command = ["gate", place, "--budgets", str(tmp_path / "b.yaml"), *words]
    return CliRunner().invoke(surgecast, command, env={"GITHUB_ACTIONS": "", **environment})


@pytest.mark.parametrize(("made", "code"), [(FAST, 0), (SLOW, 99), (Made(footer=False), 3)])
def test_the_exit_code_is_the_verdict(made: Made, code: int, tmp_path: Path) -> None:
    result = run(tmp_path, made)
    assert result.exit_code == code, result.output
    assert json.loads((tmp_path / "run" / "verdict.json").read_text(encoding="utf-8"))["exit_code"] == code


def test_reports_go_where_they_are_asked(tmp_path: Path) -> None:
    out, junit = tmp_path / "out", tmp_path / "j.xml"
    run(tmp_path, FAST, "--out", str(out), "--junit", str(junit), "--lang", "zh")
    assert (out / "verdict.md").read_text(encoding="utf-8").startswith("### ✅ 通过")
    assert junit.read_text(encoding="utf-8") == (out / "verdict.junit.xml").read_text(encoding="utf-8")
    assert not (tmp_path / "run" / "verdict.md").exists()


@pytest.mark.parametrize("words", [("--github",), ()])
def test_github_gets_annotations_and_a_summary(words: tuple[str, ...], tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    result = run(tmp_path, SLOW, *words, GITHUB_ACTIONS="" if words else "true", GITHUB_STEP_SUMMARY=str(summary))
    assert "::error file=" in result.output
    assert summary.read_text(encoding="utf-8").startswith("before\n### ❌ FAIL")


def test_without_github_there_is_none_of_it(tmp_path: Path) -> None:
    assert "::error" not in run(tmp_path, SLOW).output


@pytest.mark.parametrize("budgets", ["- startp p95 < 2s", "- startup p95 < 2s in xx", "", "- [", "x: 1"])
def test_bad_budgets_are_bad_input(budgets: str, tmp_path: Path) -> None:
    result = run(tmp_path, FAST, budgets=budgets)
    assert isinstance(result.exception, SurgecastError)
    assert result.exception.exit_code == 2
    assert "b.yaml" in str(result.exception)


def test_the_scenarios_own_budgets_are_judged_without_a_file(tmp_path: Path) -> None:
    header, *rest = SLOW.lines()
    assert isinstance(header, Header)
    plan = type(header.scenario).model_validate(
        {**header.scenario.model_dump(mode="json"), "gate": ["segment.total p95 < 200ms during peak"]}
    )
    place = write_lines(tmp_path / "own", [header.model_copy(update={"scenario": plan}), *rest])
    result = CliRunner().invoke(surgecast, ["gate", place], env={"GITHUB_ACTIONS": ""})
    assert result.exit_code == 99, result.output
    none = header.model_copy(update={"scenario": plan.model_copy(update={"gate": ()})})
    bare = CliRunner().invoke(surgecast, ["gate", write_lines(tmp_path / "bare", [none, *rest])])
    assert isinstance(bare.exception, SurgecastError)
    assert "no budgets" in str(bare.exception)


def test_a_baseline_is_given_by_its_folder(tmp_path: Path) -> None:
    before = FAST.write(tmp_path / "before")
    result = run(tmp_path, SLOW, "--baseline", before, budgets="- segment.total p95 < baseline + 10%")
    assert result.exit_code == 99
    assert "+20" in result.output
