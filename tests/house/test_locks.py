"""The locks pin everything by hash, name every dependency of pyproject.toml, and agree with one another."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import read, told

LOCKS = ("requirements-bootstrap.lock", "requirements.lock", "requirements-dev.lock", "requirements-scan.lock")
PROJECT = tomllib.loads(read("pyproject.toml"))["project"]


class Pin(NamedTuple):
    """One entry of a lock."""

    name: str
    version: str
    hashes: int


def pins(lock: str) -> Iterator[Pin]:
    for entry in re.split(r"\n(?=\S)", read(lock).strip()):
        head = re.match(r"([\w.-]+(?:\[[\w,]+\])?)==([\w.!+]+)", entry)
        assert head is not None, f"{lock}: not pinned: {entry[:80]}"
        yield Pin(
            canonicalize_name(head[1].partition("[")[0]), head[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}", entry))
        )


def unmet(requirements: list[str], lock: str) -> list[str]:
    pinned = {pin.name: pin.version for pin in pins(lock)}
    wanted = [Requirement(text) for text in requirements]
    return [
        f"{lock}: {one}: pinned {pinned.get(canonicalize_name(one.name), 'nowhere')}"
        for one in wanted
        if canonicalize_name(one.name) not in pinned or not one.specifier.contains(pinned[canonicalize_name(one.name)])
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_is_pinned_by_hash(lock: str) -> None:
    entries = list(pins(lock))
    assert entries
    assert [pin.name for pin in entries if pin.hashes == 0] == []


def test_every_dependency_is_pinned_to_a_version_that_it_allows() -> None:
    extras = [text for extra in PROJECT["optional-dependencies"].values() for text in extra]
    wrong = unmet(PROJECT["dependencies"], "requirements.lock")
    wrong += unmet([*PROJECT["dependencies"], *extras], "requirements-dev.lock")
    wrong += unmet(["uv", "setuptools>=77"], "requirements-bootstrap.lock")
    wrong += unmet(["checkov"], "requirements-scan.lock")
    assert not wrong, told([*wrong, "renew the locks with: make lock"])


def test_both_locks_pin_the_same_versions() -> None:
    shipped = {pin.name: pin.version for pin in pins("requirements.lock")}
    developed = {pin.name: pin.version for pin in pins("requirements-dev.lock")}
    assert {name: version for name, version in shipped.items() if developed.get(name) != version} == {}


def test_what_reads_files_is_packaged() -> None:
    """A wheel must hold the YAML, schema, media and template files that the code reads at run time."""
    data = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["package-data"]
    assert {"regions/*.yaml", "scenarios/*.yaml", "staging/media/**/*", "py.typed"} <= set(data["loadtests"])
    assert {"reports/**/*", "py.typed"} <= set(data["advisor"])
