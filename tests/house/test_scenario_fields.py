"""docs/scenarios.md has a row for every field of a scenario, with the default that the code has."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from loadtests import plugins
from loadtests.plugins import Plugin, only_class
from loadtests.region import Fact, Region, region_codes
from loadtests.results import Header
from loadtests.scenario import Scenario, bundled_names, read_scenario
from loadtests.session import LadderStep
from loadtests.shapes import Shape
from loadtests.traces import Trace
from tests.house.tree import blocks, inline_code, prose, rows, told

PAGE = Path("docs/scenarios.md")
PLUGINS = {
    "stream": ("loadtests.protocols", "protocol"),
    "player": ("loadtests.players", "player"),
    "surge": ("loadtests.shapes", "shape"),
    "faults": ("loadtests.faults", "fault"),
    "target.observe": ("loadtests.observers", "observer"),
}
PLACEHOLDERS = {"regions": "CODE", "cohorts": "NAME", "access": "KIND"}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation: itself, of a union, of a dict's values."""
    if get_origin(annotation) is None and isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from models_in(argument)


def default_of(field: FieldInfo, model: type[BaseModel]) -> object:
    """The default as a scenario would spell it; ``...`` where there is none."""
    if field.is_required():
        return ...
    name = next(name for name, known in model.model_fields.items() if known is field)
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "section"
    return model.model_construct(**{name: value}).model_dump(mode="json", include={name}, warnings=False)[name]


def fields_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every field below a model as ``a.b.c`` with its default."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        yield path, default_of(field, model)
        if path in PLUGINS or path == "gate":  # a budget is a sentence, with a page of its own
            continue
        inner = [found for found in models_in(field.annotation) if not issubclass(found, Plugin | Fact | Trace)]
        key = f"{PLACEHOLDERS[name]}." if get_origin(field.annotation) is dict and inner else ""
        for found in inner:
            yield from fields_of(found, f"{path}.{key}")


def known_fields() -> Iterator[tuple[str, str, object]]:
    """Every field with its default, and the plugin that has it; plugins of a kind may differ."""
    yield from (("", path, default) for path, default in fields_of(Scenario))
    for section, (folder, key) in PLUGINS.items():
        for name in plugins.names(folder):
            yield name, f"{section}.{key}", ...
            for path, default in fields_of(plugins.find(folder, name), f"{section}."):
                yield name, path, default


def spelled(default: object) -> set[str]:
    """How a default may stand in the table."""
    if default is ...:
        return {"required"}
    if isinstance(default, bool):
        return {f"`{str(default).lower()}`"}
    if default in (None, [], {}):
        return {"none"}
    return {"empty"} if default == "" else {"as below"} if default == "section" else {f"`{default}`"}


def documented() -> dict[tuple[str, str], str]:
    """Plugin, if the table is one's, and field to its default; a table without one is for all plugins of a kind."""
    table: dict[tuple[str, str], str] = {}
    plugin = ""
    for row in rows(PAGE):
        if row[0].startswith("field"):
            plugin = next(iter(inline_code(row[0])), "")
        elif len(row) == 4 and row[0].startswith("`"):
            table |= {(plugin, name): row[2] for name in inline_code(row[0])}
    return table


def test_every_field_of_a_scenario_has_a_row_with_its_default() -> None:
    table = documented()
    wrong = []
    for plugin, path, default in known_fields():
        said = table.get((plugin, path), table.get(("", path)))
        if said is None:
            wrong.append(f"{plugin} {path}: no row")
        elif said not in spelled(default):
            wrong.append(f"{plugin} {path}: the page says {said}, the code {' or '.join(spelled(default))}")
    assert not wrong, told(wrong)


def test_the_page_has_no_field_that_the_code_has_not() -> None:
    known = {(plugin, path) for plugin, path, _ in known_fields()}
    assert set(documented()) - known - {("", path) for _, path in known} == set()


def test_every_field_of_a_region_file_has_a_row() -> None:
    named = set().union(*(inline_code(row[0]) for row in rows(PAGE) if len(row) == 3))
    wanted = {path for path, _ in fields_of(Region)} - {"name"} | set(Fact.model_fields)
    assert wanted - named == set()


def test_regions_steps_and_plugins_of_the_page_are_those_that_ship() -> None:
    text = prose(PAGE)
    listed = re.search(r"Codes that ship: (.+?)\.", text)
    assert listed is not None
    assert inline_code(listed[1]) == set(region_codes())
    assert set(get_args(LadderStep)) <= inline_code(text)
    for folder, _ in PLUGINS.values():
        assert set(plugins.names(folder)) <= inline_code(text), folder


@pytest.mark.parametrize("name", bundled_names())
def test_every_bundled_scenario_loads_and_comes_back_from_its_own_text(name: str) -> None:
    scenario = read_scenario(name)
    assert scenario.name == name
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario
    assert "scenario" in Header.model_fields


def test_the_region_of_the_page_is_a_region() -> None:
    (block,) = blocks(PAGE, "yaml")
    region = Region.model_validate(yaml.safe_load(block.text))
    assert region.code not in region_codes(), "the example must not look like one that ships"


def test_the_shape_of_the_page_is_a_shape(tmp_path: Path) -> None:
    (block,) = blocks(PAGE, "python")
    file = tmp_path / "encore.py"
    file.write_text(block.text, encoding="utf-8")
    spec = spec_from_file_location("encore", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["encore"] = module
    try:
        spec.loader.exec_module(module)
        shape = only_class(module).model_validate({"baseline": 100, "peak": 2000})
    finally:
        del sys.modules["encore"]
    assert isinstance(shape, Shape)
    assert (shape.viewers(-1), shape.viewers(29), shape.viewers(31), shape.viewers(shape.duration)) == (0, 100, 2000, 0)
    assert [phase.name for phase in shape.phases()] == ["baseline", "peak"]
