"""The sentences of the backtest: ``texts/LANG.yaml`` here, on top of those of the advice."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml

from advisor.texts import Message, texts


@cache
def words(lang: str) -> dict[str, str]:
    """All sentences of one language, by key; InputError when there is no such language."""
    known = texts(lang)
    text = (resources.files("advisor.backtest") / "texts" / f"{lang}.yaml").read_text(encoding="utf-8")
    return known | {str(key): str(value) for key, value in yaml.safe_load(text).items()}


def fill(lang: str, key: str, **values: str) -> str:
    """The sentence ``key`` with its values in place. Values are only put in, never read as a template."""
    return words(lang)[key].format_map(values)


def say(key: str, **values: str) -> Message:
    """A message that every page shows in its own language."""
    return Message(key=key, values=values, text=fill("en", key, **values))
