"""Who imports whom: the contracts are complete and explained, and a fresh advisor knows neither locust nor gevent."""

from __future__ import annotations

import configparser
import subprocess
import sys
from functools import cache

import pytest

from tests.house.tree import ROOT, module_name, plugin_folders, read, rows, sources

HEAVY = ("locust", "gevent", "geventhttpclient", "uvicorn", "boto3", "kubernetes", "click")
NEEDS_LOCUST = ("loadtests.wiring", "loadtests.locustfile")


@cache
def contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read_string(read(".importlinter"))
    return parser


def words(section: str, key: str) -> list[str]:
    return contracts()[section][key].split()


def run_python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_every_contract_is_explained_in_the_architecture() -> None:
    names = [section["name"] for title, section in contracts().items() if title.startswith("importlinter:contract:")]
    explained = [row[0] for row in rows("docs/architecture.md")]
    assert len(names) >= 8
    assert [name for name in names if not any(cell.startswith(name) for cell in explained)] == []


def test_the_doors_of_the_contract_are_those_of_the_page() -> None:
    doors = {word for word in words("importlinter:contract:doors", "ignore_imports") if word.startswith("loadtests.")}
    (row,) = (row[0] for row in rows("docs/architecture.md") if row[0].startswith("advisor enters loadtests"))
    assert {f"loadtests.{name.strip('` ')}" for name in row.partition(":")[2].split(",")} == doors


def test_every_plugin_folder_is_under_the_contract() -> None:
    assert set(words("importlinter:contract:plugins", "modules")) == {f"{folder}.*" for folder in plugin_folders()}


def test_the_libraries_of_importlinter_are_those_of_the_tree() -> None:
    assert words("importlinter", "root_packages") == sorted(
        {path.parts[0] for path in sources()}, key=["loadtests", "advisor", "surgecast"].index
    )


def test_importing_the_advisor_brings_neither_locust_nor_gevent() -> None:
    """Plugins are found by name, which no import graph shows: so all are loaded, in a fresh process."""
    modules = [module_name(path) for path in sources("advisor")]
    code = f"""
import sys
from importlib import import_module
for name in {modules!r}: import_module(name)
from loadtests import plugins
for folder in {plugin_folders()!r}:
    for name in plugins.names(folder): plugins.find(folder, name)
from loadtests.scenario import read_scenario
read_scenario("viral-goal")
print(*sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    assert run_python(code) == ""


@pytest.mark.parametrize("locust", [False, True])
def test_every_module_can_be_imported_by_itself_and_keeps_its_promises(locust: bool) -> None:
    """In a process of its own: importing Locust patches the standard library."""
    modules = [
        name
        for path in sources()
        if (name := module_name(path)).startswith(NEEDS_LOCUST) == locust and not name.endswith("__main__")
    ]
    code = f"""
{"import locust" if locust else ""}
from importlib import import_module
for name in {modules!r}:
    module = import_module(name)
    assert module.__doc__, name + ": no docstring"
    missing = [public for public in getattr(module, "__all__", ()) if not hasattr(module, public)]
    assert not missing, f"{{name}}.__all__ names {{missing}}"
print(len({modules!r}))
"""
    assert int(run_python(code)) == len(modules) > 5


def test_packages_that_re_export_say_what_is_public() -> None:
    """A package whose ``__init__`` imports names from its own modules lists them in ``__all__``, and no others."""
    code = f"""
from importlib import import_module
for name in {[module_name(path) for path in sources() if path.name == "__init__.py"]!r}:
    package = import_module(name)
    public = getattr(package, "__all__", None)
    if public is not None:
        assert list(public) == sorted(public, key=lambda word: (word.isupper(), word)), name + ".__all__ is not sorted"
        for word in public:
            assert getattr(package, word).__doc__, name + "." + word + " has no docstring"
"""
    run_python(code)
