"""The sentences of a rating: ``texts/LANG.yaml``."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml


@cache
def words(lang: str) -> dict[str, str]:
    """All sentences of one language, by key."""
    text = (resources.files("loadtests.rating") / "texts" / f"{lang}.yaml").read_text(encoding="utf-8")
    return {str(key): str(value) for key, value in yaml.safe_load(text).items()}


def fill(lang: str, key: str, **values: str) -> str:
    """The sentence ``key`` with its values in place. Values are only put in, never read as a template."""
    return words(lang)[key].format_map(values)
