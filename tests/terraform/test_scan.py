"""A static security scan finds nothing in terraform/ but what is excused in place, and does find what is bad."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import ROOT
from tests.needs import needs_file
from tests.terraform.tool import MODULES, copied

CHECKOV = ROOT / ".venv" / "scan" / "bin" / "checkov"
BAD = """
resource "aws_security_group" "open" {
  description = "Open to everybody."

  ingress {
    description = "All."
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_ebs_volume" "plain" {
  availability_zone = "ap-southeast-3a"
  size              = 20
  encrypted         = false
}
"""
FOUND_IN_BAD = {"CKV_AWS_24", "CKV_AWS_3"}
"""SSH from everywhere, and a disk that is not encrypted."""


def scanned(folder: Path) -> dict[str, Any]:
    """What checkov says of every Terraform file below a folder; no policy is fetched for it."""
    checkov = needs_file(CHECKOV, "make scan installs checkov in an environment of its own")
    words = [checkov, "--directory", folder, "--framework", "terraform", "--skip-download", "--output", "json"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BC_", "CKV_", "PRISMA_"))}
    made = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=clean, cwd=folder)
    assert made.stdout.startswith("{"), made.stdout + made.stderr
    return dict(json.loads(made.stdout))


@pytest.mark.slow
def test_nothing_is_found_in_ours_and_what_is_bad_beside_it_is(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    bad = folder / "modules" / "bad" / "main.tf"
    bad.parent.mkdir()
    bad.write_text(BAD, encoding="utf-8")
    found = scanned(folder)
    failed = [one for one in found["results"]["failed_checks"] if "/bad/" not in one["file_path"]]
    assert [f"{one['check_id']} {one['resource']} ({one['file_path']}): {one['check_name']}" for one in failed] == []
    assert found["summary"]["parsing_errors"] == 0
    caught = {one["check_id"] for one in found["results"]["failed_checks"]}
    assert caught >= FOUND_IN_BAD
    looked_at = {one["file_path"] for one in found["results"]["passed_checks"]}
    assert all(any(f"/modules/{module}/" in path for path in looked_at) for module in MODULES)
    excused = found["results"]["skipped_checks"]
    assert excused
    assert all(len(one["check_result"]["suppress_comment"].split()) > 3 for one in excused)
