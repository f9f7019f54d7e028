"""What the README tells a newcomer to type can be typed, and what it shows them exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from loadtests.scenario import Scenario, read_scenario
from tests.house.tree import Block, blocks, pages, prose, read, rows

READMES = (Path("README.md"), Path("README.zh-CN.md"))


@pytest.mark.parametrize("page", READMES, ids=str)
def test_the_scenario_of_the_readme_is_valid_and_short(page: Path) -> None:
    (block,) = blocks(page, "yaml")
    scenario = Scenario.model_validate(yaml.safe_load(block.text))
    assert len(block.text.splitlines()) <= 12
    assert not scenario.is_claimed, "the README says that the claim is made on the command line"


def commands_of(page: Path) -> list[str]:
    return [line for block in blocks(page, "sh") for line in block.text.splitlines()]


def test_both_readmes_say_the_same_commands_and_link_the_same_pages() -> None:
    english, chinese = READMES

    def typed(page: Path) -> list[str]:
        return [line.split("#")[0].strip() for line in commands_of(page)]

    def linked(page: Path) -> set[str]:
        return set(re.findall(r"\]\(([^)#]+)", read(page))) - {str(one) for one in READMES}

    assert typed(english) == typed(chinese)
    assert linked(english) == linked(chinese)
    assert len(rows(english)) == len(rows(chinese))
    assert prose(english).count("\n- ") == prose(chinese).count("\n- ")


def make_calls() -> Iterator[tuple[Block, str]]:
    for page in pages():
        for block in blocks(page, "sh"):
            for line in block.text.splitlines():
                if line.startswith("make "):
                    yield block, line.split()[1]


def test_every_make_target_in_the_docs_exists() -> None:
    known = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    calls = list(make_calls())
    assert {"rehearse", "test"} <= {target for _, target in calls}
    assert [(str(block.page), target) for block, target in calls if target not in known] == []


def test_the_two_commands_are_the_first_thing_to_type() -> None:
    first = commands_of(READMES[0])[:2]
    assert [line.split()[1] for line in first] == ["rehearse", "test"]


def test_the_bundled_rehearsal_takes_the_two_minutes_that_the_readme_says() -> None:
    assert "two minutes" in read("README.md")
    assert read_scenario("viral-goal").surge.duration == pytest.approx(120, abs=15)


def test_headings_go_down_one_level_at_a_time() -> None:
    for page in pages():
        levels = [len(match[1]) for match in re.finditer(r"^(#+) ", prose(page), re.MULTILINE)]
        assert levels[0] == 1, page
        assert all(after <= before + 1 for before, after in pairwise(levels)), page
