"""docs/terraform.md is true: its scenario is read, its account file is declared, its bundle is enough for a worker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from advisor.carrying.terraform import FILE
from loadtests.run import Run
from tests.house.tree import ROOT, blocks
from tests.terraform.conftest import Advised, advised
from tests.terraform.test_variables import echo, read
from tests.terraform.tool import FOLDER, Terraform, terraform

PAGE = Path("docs/terraform.md")
WORKER = FOLDER / "modules" / "load-generators" / "worker.sh.tftpl"
GIVEN = {
    "bundle": {"bucket": "my-bundles", "key": "surgecast.tar.gz", "sha256": "0" * 64},
    "label": "id",
    "master": {"host": "10.20.0.5", "port": 5557},
    "region": "ap-southeast-3",
    "ttl_minutes": 47,
}


def test_its_scenario_leads_to_variables(town: Run, tmp_path: Path) -> None:
    (said,) = (yaml.safe_load(block.text) for block in blocks(PAGE, "yaml"))
    advised(town, said["launch"], starts_at=said["starts_at"].isoformat()).export(tmp_path)
    surge = read(tmp_path)["surge"]
    assert None not in (
        surge["nodes"],
        surge["event"],
        surge["generators"],
        surge["cdn"],
        surge["cdn"]["shield_region"],
    )


def test_its_sample_is_what_is_written(known: Advised, tmp_path: Path) -> None:
    known.export(tmp_path)
    data = read(tmp_path)
    value, why, reason = next(block.text for block in blocks(PAGE, "json")).splitlines()
    assert json.loads(f"{{{value}}}")["generators"] == data["surge"]["generators"]
    assert json.loads(f"{{{why}}}")["generators.machines"] == data["why"]["generators.machines"]
    begins = json.loads(f"{{{reason}}}")["machines_network"]["en"].rstrip(" …")
    assert data["reasons"]["machines_network"]["en"].startswith(begins)


def test_its_account_file_is_what_the_root_declares(known: Advised, tmp_path: Path) -> None:
    (text,) = (block.text for block in blocks(PAGE, "hcl"))
    known.export(tmp_path)
    run = echo(tmp_path, read(tmp_path))
    (run.folder / "terraform.tfvars").write_text(text, encoding="utf-8")
    (run.folder / "account.tf").write_text(
        'output "account" {\n  value = [var.cluster.name, var.load.master.port, var.delivery.aliases]\n}\n'
    )
    told = run.done("apply", "-auto-approve", "-no-color")
    assert "undeclared" not in told
    assert run.outputs()["account"] == ["live", 5557, ["live.example.com"]]


def rendered(tmp_path: Path) -> str:
    """The user data as Terraform makes it."""
    shutil.copy(WORKER, tmp_path / WORKER.name)
    (tmp_path / "given.auto.tfvars.json").write_text(json.dumps({"given": GIVEN}))
    (tmp_path / "main.tf").write_text(
        f'variable "given" {{ type = any }}\noutput "script" {{ value = templatefile("{WORKER.name}", var.given) }}\n'
    )
    run = Terraform(tmp_path)
    run.done("apply", "-auto-approve")
    return str(run.outputs()["script"])


def test_a_machine_ends_itself_before_anything_can_fail(tmp_path: Path) -> None:
    """The script as bash runs it, on a machine that has nothing but a way to shut down."""
    script = rendered(tmp_path)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "shutdown").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/ends\n')
    (tools / "shutdown").chmod(0o755)
    (tools / "mkdir").write_text("#!/bin/sh\nexit 1\n")
    (tools / "mkdir").chmod(0o755)
    made = subprocess.run(["/bin/bash", "-c", script], env={"PATH": str(tools)}, capture_output=True, text=True)
    assert made.returncode != 0
    assert (tmp_path / "ends").read_text().split() == ["-h", "+47"]


def test_the_script_is_bash(tmp_path: Path) -> None:
    made = subprocess.run(["/bin/bash", "-n"], input=rendered(tmp_path), capture_output=True, text=True)
    assert (made.returncode, made.stderr) == (0, "")


@pytest.mark.slow
def test_the_bundle_is_enough_for_a_worker_and_its_options_are_known(tmp_path: Path) -> None:
    """What step 4 packs beside the wheels: the locustfile is loaded from there, and refuses only what is made up."""
    (packed,) = re.findall(r"^tar .*surgecast\.tar\.gz (.+)$", (ROOT / PAGE).read_text(encoding="utf-8"), re.MULTILINE)
    for name in set(packed.split()) - {"wheelhouse"}:
        kind = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        kind(ROOT / name, tmp_path / name)
    (command,) = re.findall(r"^ExecStart=\S+/locust (.+)$", rendered(tmp_path), re.MULTILINE)
    words = command.replace("/opt/surgecast", str(tmp_path)).split()
    env = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST")}
    env |= {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    # `advisor` is not in the bundle: where it is asked for, there is none
    (tmp_path / "advisor.py").write_text("raise ImportError('the bundle has no advisor')\n")
    made = subprocess.run(
        [sys.executable, "-m", "locust", *words, "--made-up"], env=env, cwd=tmp_path, capture_output=True, text=True
    )
    assert made.returncode == 2
    assert "unrecognized arguments: --made-up" in made.stderr
    assert (
        str(tmp_path / "loadtests")
        in subprocess.run(
            [sys.executable, "-c", "import loadtests; print(list(loadtests.__path__))"],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        ).stdout
    )


def test_terraform_is_the_one_that_the_page_asks_for() -> None:
    said = json.loads(subprocess.run([terraform(), "version", "-json"], capture_output=True, text=True).stdout)
    major, minor = (int(part) for part in said["terraform_version"].split(".")[:2])
    assert (major, minor) >= (1, 9)
    assert FILE.endswith(".auto.tfvars.json")
