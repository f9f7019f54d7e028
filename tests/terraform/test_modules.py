"""Modules and roots by Terraform's own word: formatted, valid, and refusing what their limits forbid."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terraform.tool import FOLDER, LIVE, MODULES, Terraform, copied, plugins


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("tree"))


def test_everything_is_formatted(tmp_path: Path) -> None:
    Terraform(tmp_path).done("fmt", "-check", "-recursive", "-diff", str(FOLDER))


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_a_module_does_what_it_says_and_refuses_what_it_must(tree: Path, module: str) -> None:
    """Its own tests against a provider that is mocked: ``terraform/modules/*/tests``."""
    run = Terraform(tree / "modules" / module, plugins())
    run.done("init", "-backend=false")
    told = run.done("test", "-no-color")
    assert "0 failed." in told
    assert "Success! 0 passed" not in told


@pytest.mark.slow
def test_a_root_is_valid(tree: Path) -> None:
    """One stands for all: they are equal (test_static.py)."""
    run = Terraform(tree / "live" / LIVE[0], plugins())
    run.done("init", "-backend=false")
    assert "Success!" in run.done("validate")
