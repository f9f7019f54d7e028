"""Region files are facts with their sources; plugin folders hold one class per file, and a broken one is loud."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from loadtests import plugins
from loadtests.errors import InputError
from loadtests.region import Fact, Region, load_region, region_codes

FOLDERS = ("loadtests.protocols", "loadtests.players", "loadtests.shapes")
PLUGINS = [(folder, name) for folder in FOLDERS for name in plugins.names(folder)]


def facts(model: BaseModel) -> Iterator[Fact[Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, Fact):
            yield value
        elif isinstance(value, dict):
            for part in value.values():
                if isinstance(part, BaseModel):
                    yield from facts(part)


@pytest.mark.parametrize("code", region_codes())
def test_a_region_loads_and_every_fact_says_where_it_is_from(code: str) -> None:
    region = load_region(code)
    assert region.code == code
    found = list(facts(region))
    assert len(found) >= 20
    for fact in found:
        assert min(fact.value) == 0 if isinstance(fact.value, tuple) else fact.value >= 0
        assert len(fact.source) > 10
        assert fact.as_of[:2] == "20"
        assert fact.confidence in ("measured", "derived", "assumed")


@pytest.mark.parametrize("code", region_codes())
def test_a_region_reads_back(code: str) -> None:
    region = load_region(code)
    assert Region.model_validate(yaml.safe_load(yaml.safe_dump(region.model_dump(mode="json")))) == region


def test_a_region_nobody_wrote_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"region 'xx' is not known \(known: ae, "):
        load_region("xx")


@pytest.mark.parametrize(
    "change", [{"timezone": "Mars/Olympus"}, {"colour": "red"}, {"egress_usd_per_gb": {"value": 0.1}}, {"name": "X"}]
)
def test_a_region_without_its_sources_is_refused(change: dict[str, object]) -> None:
    data = load_region("id").model_dump(mode="json")
    with pytest.raises(ValidationError):
        Region.model_validate(data | change)


@pytest.mark.parametrize(("folder", "name"), PLUGINS)
def test_a_plugin_file_holds_one_class_with_a_docstring(folder: str, name: str) -> None:
    plugin = plugins.find(folder, name)
    assert plugin.plugin_name() == name
    assert plugin.__doc__
    assert plugin.model_config["frozen"]
    assert plugin.model_config["extra"] == "forbid"
    base = importlib.import_module(folder)
    assert any(parent.__module__ == base.__name__ for parent in plugin.__mro__[1:])


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_nearest_name_is_suggested(folder: str) -> None:
    name = plugins.names(folder)[0]
    with pytest.raises(ValueError, match=f"did you mean '{name}'"):
        plugins.find(folder, f"{name}x")


@pytest.fixture
def garden(tmp_path: Path) -> Iterator[Path]:
    """A plugin folder to plant files in, importable as ``garden``."""
    (tmp_path / "garden").mkdir()
    (tmp_path / "garden" / "__init__.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    yield tmp_path / "garden"
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "garden"]:
        del sys.modules[name]
    plugins.names.cache_clear()


ROSE = '''
from loadtests.plugins import Plugin
class Rose(Plugin):
    """A rose."""
    thorns: int = 3
'''


def test_a_file_is_all_it_takes(garden: Path) -> None:
    (garden / "rose.py").write_text(ROSE)
    assert plugins.names("garden") == ("rose",)
    rose = plugins.build("garden", "flower", {"flower": "rose", "thorns": 5})
    assert plugins.describe("flower", rose) == {"flower": "rose", "thorns": 5}
    assert plugins.build("garden", "flower", "rose") == plugins.build("garden", "flower", {"flower": "rose"})
    assert plugins.build("garden", "flower", rose) is rose


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", TypeError, "garden.rose must define exactly one plugin class, found 0"),
        (ROSE + "class Thorn(Rose):\n    pass\n", TypeError, "exactly one plugin class, found 2"),
        ("import nothing_like_this", ImportError, "nothing_like_this"),
        ("class Rose(", SyntaxError, "never closed"),
        (ROSE.replace("int = 3", "int = many"), NameError, "many"),
    ],
)
def test_a_broken_file_is_a_loud_error_not_a_missing_option(
    text: str, error: type[Exception], message: str, garden: Path
) -> None:
    (garden / "rose.py").write_text(text)
    assert plugins.names("garden") == ("rose",)
    with pytest.raises(error, match=message):
        plugins.build("garden", "flower", "rose")


def test_what_a_file_imports_is_not_its_own(garden: Path) -> None:
    (garden / "rose.py").write_text(ROSE)
    (garden / "wild.py").write_text("from garden.rose import Rose\nclass Wild(Rose):\n    pass\n")
    assert plugins.find("garden", "wild").__name__ == "Wild"
