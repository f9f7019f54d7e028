"""The pictures in the docs are what the code draws."""

from __future__ import annotations

import re

import pytest

from loadtests import plugins
from loadtests.surge import preset_names
from tests.house.tree import read
from tests.shapes.gallery import FOLDER, drawings

PICTURES = drawings()


def numbers(svg: str) -> list[float]:
    return [float(one) for one in re.findall(r"-?\d+\.\d", svg)]


@pytest.mark.parametrize("name", PICTURES)
def test_a_committed_picture_is_what_the_code_draws(name: str) -> None:
    """Words and order exactly; numbers within a tenth of a pixel, for another machine may round the other way."""
    committed, drawn = (FOLDER / name).read_text(encoding="utf-8"), PICTURES[name]
    assert re.sub(r"-?\d+\.\d", "N", committed) == re.sub(r"-?\d+\.\d", "N", drawn), (
        "run: python -m tests.shapes.gallery"
    )
    assert numbers(committed) == pytest.approx(numbers(drawn), abs=0.11), "run: python -m tests.shapes.gallery"


def test_the_page_shows_every_picture_and_the_folder_holds_no_other() -> None:
    shown = set(re.findall(r"images/shapes/(\w+\.svg)", read("docs/surges.md")))
    assert shown == set(PICTURES) == {file.name for file in FOLDER.iterdir()}
    wanted = {*plugins.names("loadtests.shapes"), *(f"preset_{name}" for name in preset_names())}
    assert {name.removesuffix(".svg") for name in PICTURES} == wanted
