"""Files of facts: those of a kind that ship in a folder of this package, and what the text of one says as its model."""

from __future__ import annotations

from importlib import resources
from typing import TypeVar

from pydantic import ValidationError

from advisor.offers.catalog import explained
from loadtests.document import read_yaml
from loadtests.errors import InputError
from loadtests.region import Frozen

Facts = TypeVar("Facts", bound=Frozen)


def shipped(folder: str) -> tuple[str, ...]:
    """Names of the files in it, sorted."""
    entries = (resources.files("advisor") / folder).iterdir()
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml")))


def load(kind: type[Facts], folder: str, name: str, hint: str) -> Facts:
    """One of those that ship."""
    place = f"{folder}/{name}.yaml"
    return parsed(kind, place, (resources.files("advisor") / place).read_text(encoding="utf-8"), hint)


def parsed(kind: type[Facts], place: str, text: str, hint: str) -> Facts:
    """The facts in a text; InputError says file, field, expected, found."""
    data = read_yaml(place, text)
    if not isinstance(data, dict):
        raise InputError(f"{place}: expected a mapping of fields, found {type(data).__name__}", hint=hint)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise InputError("\n".join(explained(place, error)), hint=hint) from error
