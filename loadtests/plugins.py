"""Finds what multiplies in kind: one file, one frozen class, the file's name is its public name.

A plugin folder is a package such as ``loadtests.shapes``. Its ``__init__`` holds the base class that says what
the kind can do; every other file holds one subclass, whose fields are its settings. Nothing is registered by
hand, and a file that does not hold exactly one class is a loud error, not a missing option.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import cache
from types import ModuleType

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema


class Plugin(BaseModel):
    """Base of every plugin: frozen settings, unknown ones refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def plugin_name(cls) -> str:
        """The public name: the name of the file that holds the class."""
        return cls.__module__.rpartition(".")[2]


@cache
def names(folder: str) -> tuple[str, ...]:
    """Public names of the plugins in a package such as ``loadtests.shapes``, sorted."""
    package = importlib.import_module(folder)
    return tuple(sorted(info.name for info in pkgutil.iter_modules(package.__path__)))


def find(folder: str, name: str) -> type[Plugin]:
    """The plugin class ``name`` of ``folder``; ValueError with the nearest known name when there is none."""
    known = names(folder)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no {folder.rpartition('.')[2]} called {name!r} (known: {', '.join(known)}){guess}")
    return only_class(importlib.import_module(f"{folder}.{name}"))


def only_class(module: ModuleType) -> type[Plugin]:
    """The one plugin class that a file defines."""
    found = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Plugin) and member.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define exactly one plugin class, found {len(found)}")
    return found[0]


def build(folder: str, key: str, settings: object) -> Plugin:
    """Make a plugin from scenario text: ``{key: name, …settings}`` or the bare name."""
    if isinstance(settings, Plugin):
        return settings
    if isinstance(settings, str):
        settings = {key: settings}
    if not isinstance(settings, dict) or not isinstance(settings.get(key), str):
        raise ValueError(f"expected '{key}: NAME' with its settings, one of {', '.join(names(folder))}")
    rest = {field: value for field, value in settings.items() if field != key}
    return find(folder, settings[key]).model_validate(rest)


def describe(key: str, plugin: Plugin) -> dict[str, object]:
    """The scenario text of a plugin, as `build` reads it."""
    return {key: plugin.plugin_name(), **plugin.model_dump(mode="json")}


def plugin_field(folder: str, key: str, read: Callable[[object], object] | None = None) -> tuple[object, ...]:
    """What makes a field hold a plugin: read as `build` does (or as ``read`` does), written as `describe` does."""
    return (
        BeforeValidator(read or (lambda settings: build(folder, key, settings))),
        PlainSerializer(lambda plugin: describe(key, plugin), return_type=dict),
        WithJsonSchema({"type": "object", "required": [key], "properties": {key: {"type": "string"}}}),
    )
