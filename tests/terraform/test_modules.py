"""Modules and roots by Terraform's own word: formatted, valid, and refusing what their limits forbid."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.tree import blocks
from tests.terraform.conftest import Advised
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


WIRED = """
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

run "the_page_leads_to_a_plan" {
  command = plan

  assert {
    condition     = length(module.nodes) == length(var.surge.nodes)
    error_message = "A group of nodes is left out."
  }

  assert {
    condition     = length(module.load_generators) + length(module.cdn) == 2
    error_message = "A module is left out."
  }

  assert {
    condition     = output.because["cdn.shield_region"].zh != ""
    error_message = "A value has no reason."
  }
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["viral-goal", "a-very-long-name" * 4])
def test_the_page_leads_to_a_plan_of_all_three(known: Advised, tmp_path: Path, scenario: str) -> None:
    """docs/terraform.md from its second step to its fifth, with what is left open there filled in."""
    live = copied(tmp_path) / "live"
    known._replace(scenario=known.scenario.model_copy(update={"name": scenario})).export(live)
    (text,) = (block.text for block in blocks(Path("docs/terraform.md"), "hcl"))
    account = text.replace('sha256 = "…"', f'sha256 = "{"0" * 64}"').replace("certificate/…", "certificate/0a1b")
    (live / "id" / "terraform.tfvars").write_text(account, encoding="utf-8")
    (live / "id" / "wired.tftest.hcl").write_text(WIRED)
    run = Terraform(live / "id", plugins())
    run.done("init", "-backend=false")
    assert "1 passed, 0 failed." in run.done("test", "-no-color")
