"""The shapes that ship are those that EC2 told of, as moto bundles them; only prices are from elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from benchmarks.catalogs.ec2 import FAMILIES, FILE, SIZES, facts_of, offered, prices_in, shapes, usual, written

TEXT = FILE.read_text(encoding="utf-8")
OFFERS: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["offers"]
PRICES = {name: said["usd_per_hour"] for name, said in OFFERS.items() if "usd_per_hour" in said}


def test_the_file_is_what_the_generator_writes() -> None:
    """After a newer moto: python -m benchmarks.catalogs.ec2"""
    assert written(TEXT, PRICES) == TEXT


def test_it_lists_every_size_of_every_family_that_there_is() -> None:
    assert set(OFFERS) == set(shapes())
    assert {name.partition(".")[0] for name in OFFERS} == set(FAMILIES)
    assert {name.partition(".")[2] for name in OFFERS} == set(SIZES)
    assert len(OFFERS) > 200


def test_a_shape_says_its_sustained_link_and_a_burst_only_where_it_has_one() -> None:
    known = shapes()
    assert facts_of(known["c7gn.4xlarge"]) == {
        "vcpus": 16,
        "memory_gib": 32,
        "arch": "arm64",
        "in_region": "50Gbps",
        "interfaces": 8,
        "addresses": 30,
    }
    assert facts_of(known["c6i.large"]) == {
        "vcpus": 2,
        "memory_gib": 4,
        "arch": "x86_64",
        "in_region": "0.781Gbps",
        "burst": "12.5Gbps",
        "interfaces": 3,
        "addresses": 10,
    }


def test_zones_are_counted_where_it_is_offered_and_nought_elsewhere() -> None:
    zones = offered()
    assert zones["c7gn.4xlarge"]["ap-southeast-3"] == 0
    assert zones["c7g.4xlarge"]["ap-southeast-3"] == 3
    assert all(0 <= count <= 6 for each in zones.values() for count in each.values())
    assert min(usual(zones).values()) >= 2


def test_prices_of_a_text_are_read_and_a_shape_without_one_has_none() -> None:
    prices = prices_in('"c7g.large": 0.072500, "c7g.xlarge": 0.145000,\n"not a shape": 3, "m5n.large": 1')
    assert prices == {"c7g.large": 0.0725, "c7g.xlarge": 0.145}
    told = yaml.safe_load(written(TEXT, prices))["offers"]
    assert [name for name, said in told.items() if "usd_per_hour" in said] == list(prices)


def test_what_stands_above_the_shapes_is_kept() -> None:
    text = written(TEXT.replace("name: ec2", "name: ec2  # by hand"), {})
    assert text.startswith(TEXT[: TEXT.index("name: ec2")] + "name: ec2  # by hand\n")
    assert text.count("\nzones: ") == 1


@pytest.mark.parametrize("name", sorted(OFFERS)[::25])
def test_the_price_of_a_shape_goes_with_its_size_within_a_family(name: str) -> None:
    """A wrong digit would show: EC2 charges a family by its vCPUs."""
    family = name.partition(".")[0]
    each = [said["usd_per_hour"] / said["vcpus"] for other, said in OFFERS.items() if other.startswith(f"{family}.")]
    assert max(each) == pytest.approx(min(each), rel=0.02)
