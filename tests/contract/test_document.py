"""A key that stands twice in a YAML file is an error with both lines, in every file that people write."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from loadtests.budgets import read_page
from loadtests.document import read_yaml
from loadtests.errors import InputError
from loadtests.region import load_region, region_codes
from loadtests.scenario import BUNDLED, read_scenario


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        read_yaml("mine.yaml", text)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 1\n", "mine.yaml:3: key 'a' is written twice, first in line 1"),
        ("a:\n  b:\n  - c: 1\n    d: 2\n    c: 3\n", "mine.yaml:5: key 'c' is written twice, first in line 3"),
        ("a: 1\n'a': 2\n", "mine.yaml:2: key 'a' is written twice, first in line 1"),
        ("{a: 1, a: 2}", "mine.yaml:1: key 'a' is written twice, first in line 1"),
        ("a: 1\na: 2\na: 3\n", "mine.yaml:2: key 'a' is written twice, first in line 1"),
        ("x: &x {a: 1}\n? {<<: *x, <<: *x}\n: 1\n", "mine.yaml:2: key '<<' is written twice, first in line 2"),
    ],
)
def test_a_key_written_twice_is_named_with_both_lines(text: str, message: str) -> None:
    assert refused(text) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: {b: 1}\nc: {b: 1}\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &a {b: 1, c: 2}\nd: {<<: *a, b: 3}\n", {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}),
        ("1: a\n'1': b\n", {1: "a", "1": "b"}),
        ("", None),
    ],
)
def test_what_is_not_twice_is_read(text: str, value: object) -> None:
    assert read_yaml("mine.yaml", text) == value


@pytest.mark.parametrize("text", ["a: [1", "a: 2026-13-45", "2026-13-45: a", "{" * 5000, "? [a]\n: 1\n", "a: 1\n--- b"])
def test_what_is_no_yaml_names_the_file(text: str) -> None:
    assert refused(text).startswith("mine.yaml: not YAML: ")


def test_a_scenario_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    text = (resources.files("loadtests") / "scenarios" / f"{BUNDLED}.yaml").read_text(encoding="utf-8")
    file, line = tmp_path / "mine.yaml", len(text.splitlines()) + 1
    file.write_text(f"{text}name: other\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"mine\.yaml:{line}: key 'name' is written twice, first in line 2"):
        read_scenario(file)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("budgets:\n- stall_ratio < 1%\nbudgets:\n- error_rate < 1%\n", 3),
        ("- metric: error_rate\n  below: 1%\n  below: 9%\n", 3),
    ],
)
def test_budgets_with_a_key_twice_are_refused(text: str, line: int) -> None:
    with pytest.raises(InputError, match=rf"b\.yaml:{line}: key '\w+' is written twice"):
        read_page("b.yaml", text)


def test_a_region_with_a_key_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (resources.files("loadtests") / "regions" / "id.yaml").read_text(encoding="utf-8")
    assert "id" in region_codes(), "kept for other tests, so before the folder is another"
    (tmp_path / "regions").mkdir()
    (tmp_path / "regions" / "id.yaml").write_text(f"{text}code: xx\n", encoding="utf-8")
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(InputError, match=r"regions/id\.yaml:\d+: key 'code' is written twice, first in line \d+"):
        load_region.__wrapped__("id")
