"""``run.schema.json`` is the contract for other programs: committed, true, and changed on purpose only."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from loadtests.results import LINE, SCHEMA_VERSION, Line, Window, schema, text_of
from tests.contract.lines import a_header, a_run, windows

REFRESH = (
    'python -c "import json; from loadtests.results import schema; '
    'print(json.dumps(schema(), indent=1, ensure_ascii=False))" > loadtests/run.schema.json'
)


def committed() -> dict[str, Any]:
    text = (resources.files("loadtests") / "run.schema.json").read_text(encoding="utf-8")
    read: dict[str, Any] = json.loads(text)
    return read


VALIDATOR = jsonschema.Draft202012Validator(committed())


def test_the_schema_is_committed() -> None:
    assert committed() == schema(), f"if this is meant, think of SCHEMA_VERSION, then: {REFRESH}"


def test_the_schema_is_one_and_names_its_version() -> None:
    jsonschema.Draft202012Validator.check_schema(committed())
    assert str(SCHEMA_VERSION) in committed()["title"]


def test_every_kind_of_line_is_in_it() -> None:
    kinds = {LINE.validate_json(text_of(line)).line for line in a_run()}
    assert (
        set(committed()["discriminator"]["mapping"])
        == kinds
        == {"header", "window", "generator", "target", "note", "footer"}
    )


@pytest.mark.parametrize("line", a_run(), ids=lambda line: line.line)
def test_every_line_of_a_written_run_keeps_to_it(line: Line) -> None:
    VALIDATOR.validate(json.loads(text_of(line)))


@given(windows())
def test_every_window_keeps_to_it(window: Window) -> None:
    VALIDATOR.validate(json.loads(text_of(window)))


@pytest.mark.parametrize(
    "change",
    [
        {"line": "weather"},
        {"line": None},
        {"at": -1},
        {"at": "soon"},
        {"colour": "red"},
        {"requests": {"video": {}}},
        {"requests": {"segment": {"errors": {"bad_luck": 1}}}},
        {"requests": {"segment": {"ttfb": {"sum": 1.0}}}},
        {"players": {"viewers": -1}},
    ],
)
def test_what_a_reader_refuses_the_schema_refuses(change: dict[str, object]) -> None:
    line = {"line": "window", "at": 1, "region": "id", "cohort": "mobile"}
    VALIDATOR.validate(line)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(line | change)


def test_a_line_without_its_kind_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({"at": 1, "region": "id", "cohort": "mobile"})


def test_the_headers_quantities_carry_their_units() -> None:
    """A bare number would be read as who knows what; the schema says so too."""
    header = json.loads(text_of(a_header()))
    header["scenario"]["stay"]["median"] = 480
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(header)
