"""Terraform as the tests run it: a CLI configuration of their own, no registry, no credentials of anybody's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import ROOT

FOLDER = ROOT / "terraform"
MODULES = tuple(sorted(path.name for path in (FOLDER / "modules").iterdir()))
LIVE = tuple(sorted(path.name for path in (FOLDER / "live").iterdir()))
PROVIDER = Path("registry.terraform.io", "hashicorp", "aws")
VERSION = "5."


@cache
def terraform() -> str:
    """The program. Debian has no package of it, so where it is missing its tests are skipped, in CI too."""
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("terraform is not on PATH (1.9 or newer; Debian has no package of it)")
    return found


@cache
def plugins() -> Path:
    """A filesystem mirror with the AWS provider, or the test is skipped."""
    for folder in _mirrors():
        if any(one.name.startswith(VERSION) for one in _versions(folder)):
            return folder
    pytest.skip("no AWS provider 5.x on this machine: set TF_PLUGIN_DIR to a mirror (terraform providers mirror DIR)")


def _mirrors() -> Iterator[Path]:
    """Where TF_PLUGIN_DIR says, where Terraform looks by itself, and where machines have such things."""
    if named := os.environ.get("TF_PLUGIN_DIR"):
        yield Path(named)
    yield Path.home() / ".terraform.d" / "plugins"
    for place in ("/usr/local/share/terraform", "/usr/share/terraform", "/opt"):
        yield from sorted(path for path in Path(place).glob("*") if path.is_dir())


def _versions(folder: Path) -> list[Path]:
    try:
        return list((folder / PROVIDER).iterdir())
    except OSError:
        return []


@dataclass(frozen=True)
class Terraform:
    """Terraform in a folder; ``env`` on top of an environment without anything of AWS or Terraform."""

    folder: Path
    mirror: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        config = self.folder / "cli.tfrc"
        if not config.exists():
            config.parent.mkdir(parents=True, exist_ok=True)
            mirror = f'filesystem_mirror {{ path = "{self.mirror}" }}' if self.mirror else "direct {}"
            config.write_text(f"disable_checkpoint = true\nprovider_installation {{\n  {mirror}\n}}\n")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        fake = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
        own = {"TF_CLI_CONFIG_FILE": str(config), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "HOME": str(self.folder)}
        return subprocess.run(
            [terraform(), *words],
            cwd=self.folder,
            env=clean | fake | own | dict(self.env),
            capture_output=True,
            text=True,
        )

    def done(self, *words: str) -> str:
        """Its output; the test fails where Terraform does."""
        made = self(*words)
        assert made.returncode == 0, made.stdout + made.stderr
        return made.stdout

    def outputs(self) -> dict[str, Any]:
        """What the state's outputs are."""
        return {name: one["value"] for name, one in json.loads(self.done("output", "-json")).items()}


def copied(into: Path) -> Path:
    """The whole folder, so that nothing is written beside the committed files."""
    return shutil.copytree(FOLDER, into / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfvars*"))
