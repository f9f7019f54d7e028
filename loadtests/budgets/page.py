"""A budgets file: YAML with a list of budgets. Errors name the file, the line and the field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import yaml

from loadtests.budgets.budget import Budget, BudgetError
from loadtests.budgets.grammar import read_budget
from loadtests.document import compose, value_of
from loadtests.errors import InputError

HINT = "docs/budgets.md is the grammar on one page"


class Place(NamedTuple):
    """Where a budget was written."""

    file: str
    line: int = 0
    """From 1; 0 when it has none."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Placed(NamedTuple):
    """A budget and where it was written."""

    budget: Budget
    place: Place


def read_page(file: str, text: str) -> tuple[Placed, ...]:
    """The budgets of a file; InputError when it cannot be read, or holds none."""
    budgets = tuple(_read(file, node) for node in _items(file, compose(file, text)))
    if not budgets:
        raise InputError(f"{file}: no budget in it: a gate without budgets would pass anything", hint=HINT)
    return budgets


def _items(file: str, root: yaml.Node | None) -> Iterator[yaml.Node]:
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value != "budgets":
                place = Place(file, key.start_mark.line + 1)
                raise InputError(f"{place}: unknown key {key.value!r}, expected 'budgets'", hint=HINT)
            root = value
    if root is not None and not isinstance(root, yaml.SequenceNode):
        place = Place(file, root.start_mark.line + 1)
        raise InputError(f"{place}: expected a list of budgets, such as '- startup p95 < 2s'", hint=HINT)
    yield from root.value if root is not None else ()


def _read(file: str, node: yaml.Node) -> Placed:
    place = Place(file, node.start_mark.line + 1)
    try:
        return Placed(read_budget(value_of(file, node)), place)
    except BudgetError as error:
        raise InputError(f"{place}: {error}", hint=HINT) from error
