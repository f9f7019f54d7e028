"""Every sentence for people, in every language: ``reports/texts/LANG/*.yaml``, and messages that name a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal, TypeAlias, get_args

import yaml

from loadtests.errors import InputError
from loadtests.region import Frozen, Names

Lang: TypeAlias = Literal["en", "zh"]
LANGS: Final[tuple[Lang, ...]] = get_args(Lang)


class Message(Frozen):
    """A sentence by its key and the values in it; ``text`` is the sentence in English."""

    key: str
    values: dict[str, str]
    text: str


_SAFE: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def texts(lang: str) -> dict[str, str]:
    """All sentences of one language, by key; InputError when there is no such language."""
    if lang not in LANGS:
        raise InputError(f"language {lang!r} is not known", hint=f"one of: {', '.join(LANGS)}")
    found: dict[str, str] = {}
    for file in sorted((resources.files("advisor") / "reports" / "texts" / lang).iterdir(), key=lambda one: one.name):
        part = yaml.load(file.read_text(encoding="utf-8"), _SAFE)  # noqa: S506 - the same in C where there is one
        if twice := sorted(found.keys() & part.keys()):
            raise InputError(f"{lang}/{file.name}: {', '.join(twice)} stands in another file too", hint="keep one")
        found |= {str(key): str(value) for key, value in part.items()}
    return found


@dataclass(frozen=True)
class Sentences:
    """Those of a room of its own, ``PACKAGE/texts/LANG.yaml``, on top of those of the advice."""

    package: str

    def words(self, lang: str) -> dict[str, str]:
        """All sentences of one language, by key; InputError when there is no such language."""
        return _with(self.package, lang)

    def fill(self, lang: str, key: str, **values: str) -> str:
        """The sentence ``key`` with its values in place. Values are only put in, never read as a template."""
        return self.words(lang)[key].format_map(values)

    def say(self, key: str, **values: str) -> Message:
        """A message that every page shows in its own language."""
        return Message(key=key, values=values, text=self.fill("en", key, **values))

    def told(self, message: Message, lang: str) -> str:
        """A message in one language."""
        return self.fill(lang, message.key, **message.values)


@cache
def _with(package: str, lang: str) -> dict[str, str]:
    known = texts(lang)
    text = (resources.files(package) / "texts" / f"{lang}.yaml").read_text(encoding="utf-8")
    return known | {str(key): str(value) for key, value in yaml.safe_load(text).items()}


def listed(lang: str, names: Iterable[str]) -> str:
    """Names side by side, parted as the language parts them."""
    return ("、" if lang == "zh" else ", ").join(names)


def fill(lang: str, key: str, **values: str) -> str:
    """The sentence ``key`` with its values in place. Values are only put in, never read as a template."""
    return texts(lang)[key].format_map(values)


def say(key: str, **values: str) -> Message:
    """A message that every report shows in its own language."""
    return Message(key=key, values=values, text=fill("en", key, **values))


def told(message: Message, lang: str, names: Mapping[str, Names]) -> str:
    """A message in one language, with its region or regions by the names that people call them."""
    values = dict(message.values)
    if (code := values.get("region", "")) in names:
        values["region"] = name_of(names[code], lang)
    if "regions" in values:
        codes = values["regions"].split(", ")
        values["regions"] = listed(lang, (name_of(names[one], lang) if one in names else one for one in codes))
    return fill(lang, message.key, **values)


def name_of(names: Names, lang: str) -> str:
    """A region's name in one language."""
    return names.zh if lang == "zh" else names.en
