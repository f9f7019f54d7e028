"""docs/run-format.md: its lines are lines of a run, and it names every field and every kind of error."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from loadtests.results import (
    LINE,
    SCHEMA_VERSION,
    Ending,
    Footer,
    Generator,
    Header,
    Note,
    Players,
    Requests,
    Simulated,
    Target,
    Totals,
    Window,
)
from loadtests.session import ErrorKind, RequestKind
from loadtests.sketch import Sketch
from tests.house.tree import blocks, inline_code, prose, read

PAGE = Path("docs/run-format.md")


def test_the_examples_are_one_line_of_each_kind_and_valid() -> None:
    lines = [LINE.validate_json(block.text) for block in blocks(PAGE, "json")]
    assert [type(line) for line in lines] == [Header, Window, Generator, Target, Note, Footer]


@pytest.mark.parametrize(
    "model", [Header, Simulated, Window, Requests, Players, Generator, Target, Note, Footer, Totals]
)
def test_every_field_of_every_line_is_named(model: type[BaseModel]) -> None:
    assert set(model.model_fields) - inline_code(prose(PAGE)) == set()


def test_every_kind_and_ending_is_named() -> None:
    named = inline_code(prose(PAGE))
    assert {*get_args(ErrorKind), *get_args(RequestKind), *get_args(Ending)} - named == set()
    sketch = Sketch()
    sketch.add(1.0)
    assert set(sketch.as_dict()) - named == set()


def test_the_schema_version_of_the_page_is_the_one_written() -> None:
    assert f"The schema version is **{SCHEMA_VERSION}**" in read(PAGE)
