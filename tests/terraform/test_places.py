"""Where Terraform builds for a market: the region of its nodes, and what is said where no node may stand there."""

from __future__ import annotations

from pathlib import Path

from advisor.models import Excuse
from advisor.texts import LANGS, say
from loadtests.run import Run
from tests.terraform.conftest import LAUNCH, advised
from tests.terraform.test_variables import read


def test_a_place_that_residency_forbids_says_so(town: Run, tmp_path: Path) -> None:
    """Load generators and a distribution may stand there; what is written for nodes is nothing."""
    written = advised(town, LAUNCH | {"residency": {"id": ["NZ"]}}).export(tmp_path)
    data = read(tmp_path)
    assert (data["surge"]["provider_region"], data["surge"]["nodes"]) == ("ap-southeast-3", None)
    assert data["surge"]["generators"]["machines"] > 0
    why = data["reasons"][data["why"]["provider_region"]]
    assert all("NZ" in why[lang] and "ap-southeast-3" in why[lang] for lang in LANGS)
    assert why != read(tmp_path, "in")["reasons"]["place"]
    assert not any("nodes stand" in one["en"] or "节点所在" in one["zh"] for one in data["reasons"].values())
    assert "excuse_residency" in [one.reason.key for one in written["id"].excuses]


def test_all_stands_where_the_rule_puts_the_nodes_where_no_nodes_can_be_named_too(town: Run, tmp_path: Path) -> None:
    lost = Excuse(about="id", reason=say("tf_no_offer"), remedy=say("remedy_tf_no_offer"))
    advised(town, LAUNCH | {"residency": {"id": ["SG"]}}).export(tmp_path, nodes=lost)
    data = read(tmp_path)
    assert (data["surge"]["provider_region"], data["surge"]["nodes"]) == ("ap-southeast-1", None)
    assert data["why"]["provider_region"] == "place"
