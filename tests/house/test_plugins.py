"""Every plugin folder is walked: each file holds one documented class, has a row in the docs and a test."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from loadtests import plugins
from tests.house.tree import ROOT, files, inline_code, plugin_folders, read, rows

PLUGINS = [(folder, name) for folder in plugin_folders() for name in plugins.names(folder)]
TABLE = Path("docs/architecture.md")


@cache
def said_by_tests() -> str:
    """What all tests but those of the house say."""
    return "\n".join(
        read(path)
        for path in files()
        if path.parts[0] == "tests" and path.suffix == ".py" and "house" not in path.parts
    )


def test_the_folders_are_those_that_the_contributing_page_names() -> None:
    named = {code.strip("/").replace("/", ".") for code in inline_code(read("CONTRIBUTING.md")) if code.endswith("/")}
    assert set(plugin_folders()) == {name for name in named if name.startswith(("loadtests.", "advisor."))}


@pytest.mark.parametrize(("folder", "name"), PLUGINS)
def test_a_plugin_is_one_frozen_documented_class(folder: str, name: str) -> None:
    plugin = plugins.find(folder, name)
    assert plugin.plugin_name() == name
    assert plugin.model_config.get("frozen") is True
    assert plugin.model_config.get("extra") == "forbid"
    assert plugin.__doc__
    assert import_module(f"{folder}.{name}").__doc__
    assert not inspect.isabstract(plugin), "a method of its kind is missing"


@pytest.mark.parametrize(("folder", "name"), PLUGINS)
def test_a_plugin_has_a_row_in_the_docs_and_a_test_that_names_it(folder: str, name: str) -> None:
    assert any(f"`{name}`" in row[:2] for row in rows(TABLE)), f"no row for `{name}` in {TABLE}"
    class_name = plugins.find(folder, name).__name__
    assert f"{folder}.{name}" in said_by_tests() or class_name in said_by_tests() or f'"{name}"' in said_by_tests(), (
        f"no test names {folder}.{name}"
    )


def test_the_table_of_plugins_names_no_other() -> None:
    section = read(TABLE).partition("## Plugins that ship")[2].partition("\n## ")[0]
    named = [line.split("|")[2].strip(" `") for line in section.splitlines() if line.startswith("| ")][1:]
    assert sorted(named) == sorted(name for _, name in PLUGINS)


def test_every_setting_of_a_plugin_says_what_it_is() -> None:
    """A field is followed by a docstring, unless its name and the class docstring's picture say it all."""
    silent = []
    for folder, name in PLUGINS:
        tree = ast.parse((ROOT / folder.replace(".", "/") / f"{name}.py").read_text(encoding="utf-8"))
        (kind,) = (
            node
            for node in tree.body
            if isinstance(node, ast.ClassDef) and node.name == plugins.find(folder, name).__name__
        )
        drawn = "::" in (ast.get_docstring(kind) or "")
        for node, after in zip(kind.body, [*kind.body[1:], None], strict=True):
            is_field = isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
            explained = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if is_field and not explained and not drawn:
                silent.append(f"{folder}.{name}: {ast.unparse(node)}")
    assert silent == []
