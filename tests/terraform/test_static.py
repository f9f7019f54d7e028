"""Rules that every module and root keeps, read from the files themselves: no Terraform, no provider, no account."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hcl2
import pytest

from advisor.clouds.quotas import limits
from loadtests.launch import MOST_ZONES, Launch
from tests.house.tree import files, read
from tests.terraform.tool import FOLDER, LIVE, MODULES

LIMITLESS = {"bool", "map(string)"}
"""Types of which every value will do; tags are held to AWS's rules where they come in."""


def blocks(folder: Path, kind: str) -> Iterator[tuple[str, Any]]:
    """Every block of a kind: its labels joined by a dot, and its body."""
    for file in sorted(folder.glob("*.tf")):
        for block in hcl2.loads(file.read_text(encoding="utf-8")).get(kind, []):
            yield from labelled(block)


def labelled(block: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Any]]:
    for label, body in block.items():
        if label.startswith('"'):
            yield from labelled(body, f"{name}.{label.strip(chr(34))}".removeprefix("."))
        else:
            yield name, block
            return


def resources(module: str, kind: str) -> list[Any]:
    return [body for name, body in blocks(FOLDER / "modules" / module, "resource") if name.startswith(f"{kind}.")]


def named(body: Any, name: str) -> Iterator[Any]:
    """Everything called so, however deep."""
    if isinstance(body, dict):
        for key, value in body.items():
            if key.strip('"') == name:
                yield value
            yield from named(value, name)
    elif isinstance(body, list):
        for one in body:
            yield from named(one, name)


def test_a_scenario_has_no_more_zones_than_the_nodes_may() -> None:
    """One limit: what a scenario may say, Terraform takes, and what it may not is refused there already."""
    (rule,) = dict(blocks(FOLDER / "modules" / "nodes", "variable"))["zones"]["validation"]
    assert f"var.zones <= {MOST_ZONES} " in rule["condition"]
    assert Launch(zones=MOST_ZONES).zones == MOST_ZONES


def test_a_managed_group_is_as_large_as_eks_lets_it_be_by_default() -> None:
    found = dict(blocks(FOLDER / "modules" / "nodes", "variable"))["nodes_per_group"]
    assert found["default"] == limits().nodes_per_group.usual.value
    (check,) = [body for name, body in blocks(FOLDER / "modules" / "nodes", "check") if "groups" in name]
    assert f"local.count <= {limits().groups_per_cluster.usual.value}" in str(check)


@pytest.mark.parametrize("module", MODULES)
def test_every_variable_says_what_it_is_and_what_it_takes(module: str) -> None:
    found = dict(blocks(FOLDER / "modules" / module, "variable"))
    assert found
    for name, body in found.items():
        assert body["description"], name
        kind = body["type"]
        optional = body.get("default", 0) in (None, "[]") or name.endswith("_ids")
        assert "validation" in body or kind.strip('"${}') in LIMITLESS or optional, f"{module}.{name} takes anything"


@pytest.mark.parametrize("module", MODULES)
def test_every_output_says_what_it_is(module: str) -> None:
    assert all(body["description"] for _, body in blocks(FOLDER / "modules" / module, "output"))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_no_provider_no_backend_and_no_account(module: str) -> None:
    folder = FOLDER / "modules" / module
    assert list(blocks(folder, "provider")) == []
    text = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.tf"))
    assert "backend" not in text
    assert not re.search(r"\b[0-9]{12}\b", text)


@pytest.mark.parametrize("module", ["load-generators", "nodes"])
def test_machines_keep_their_metadata_and_their_disks_to_themselves(module: str) -> None:
    (template,) = resources(module, "aws_launch_template")
    (options,) = template["metadata_options"]
    assert options["http_tokens"].strip('"') == "required"
    assert options["http_put_response_hop_limit"] == 1
    disks = list(named(template, "ebs"))
    assert disks
    assert all(one["encrypted"] is True for (one,) in disks)


def test_nothing_comes_in_and_nothing_goes_everywhere() -> None:
    (group,) = resources("load-generators", "aws_security_group")
    assert not {"ingress", "egress"} & set(group)
    assert resources("load-generators", "aws_vpc_security_group_ingress_rule") == []
    assert resources("load-generators", "aws_security_group_rule") == []
    for module in MODULES:
        text = "".join(file.read_text(encoding="utf-8") for file in (FOLDER / "modules" / module).glob("*.tf"))
        assert "0.0.0.0/0" not in text
        assert "::/0" not in text


def test_no_policy_allows_everything() -> None:
    for module in MODULES:
        for name, body in blocks(FOLDER / "modules" / module, "data"):
            for actions in named(body, "actions"):
                assert not any("*" in action for action in actions), name
            for allowed in named(body, "resources"):
                assert '"*"' not in allowed, name


def test_only_new_tls() -> None:
    (live,) = resources("cdn", "aws_cloudfront_distribution")
    assert [one.strip('"') for one in named(live, "minimum_protocol_version")] == ["TLSv1.2_2021"]
    assert {one.strip('"') for one in named(live, "viewer_protocol_policy")} == {"redirect-to-https"}
    assert {one.strip('"') for one in named(live, "origin_protocol_policy")} == {"https-only"}


def test_roots_are_equal_so_that_one_can_be_copied() -> None:
    first = FOLDER / "live" / LIVE[0]
    names = sorted(path.name for path in first.glob("*.tf"))
    for region in LIVE[1:]:
        folder = FOLDER / "live" / region
        assert sorted(path.name for path in folder.glob("*.tf")) == names
        assert all((folder / name).read_bytes() == (first / name).read_bytes() for name in names)


def test_a_root_holds_modules_and_no_resources() -> None:
    folder = FOLDER / "live" / LIVE[0]
    assert list(blocks(folder, "resource")) == []
    used = {body["source"].strip('"').rpartition("/")[2] for _, body in blocks(folder, "module")}
    assert used == set(MODULES)


def test_no_state_no_lock_and_no_plan_is_committed() -> None:
    ours = [path for path in files() if path.parts[0] == "terraform"]
    assert {path.suffix for path in ours} <= {".tf", ".hcl", ".tftpl", ".md"}
    assert not any(path.name in (".terraform.lock.hcl", "terraform.tfvars") for path in ours)
    assert not any("registry" in read(path) for path in ours)
