"""Prices of data out of EC2 are made from the price list: by region and tier, and unknown where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from moto import mock_aws

from advisor.clouds.aws import login
from advisor.clouds.egress_file import EgressMarket, egress_text, look_up_egress
from advisor.egress.prices import load_list, parse_list
from tests.clouds.answers import Asked, answering, refusing
from tests.clouds.counter import counter
from tests.clouds.edge_answers import OUT, egress_products, entry, listing
from tests.clouds.test_catalog_refresh import run

DAY = date(2026, 11, 27)
REGIONS = ("ap-southeast-3", "sa-east-1", "us-east-1")


@pytest.fixture(autouse=True)
def _in_moto() -> Iterator[None]:
    with mock_aws():
        yield


def found(give: Asked) -> EgressMarket:
    aws = login()
    answering(aws, {"pricing:GetProducts": give})
    return look_up_egress(aws, REGIONS)


def test_prices_read_back_by_region_and_tier() -> None:
    mine = parse_list("mine.yaml", egress_text(found(listing(egress_products())), REGIONS, DAY))
    shipped = load_list("aws-egress")
    assert mine.borders_gb == shipped.borders_gb
    assert mine.per_gb["us-east-1"] == shipped.per_gb["us-east-1"]
    jakarta = mine.tariff("ap-southeast-3")
    assert jakarta is not None
    assert jakarta.charge(10_241) == pytest.approx(10_240 * 0.132 + 0.1221)
    assert (mine.facts.prices.as_of, mine.facts.prices.confidence) == ("2026-11-27", "measured")
    assert (mine.free_to, mine.facts.free) == (shipped.free_to, shipped.facts.free)


def test_a_free_allowance_is_no_price_and_a_region_without_one_is_unknown() -> None:
    market = found(listing(egress_products()))
    text = egress_text(market, REGIONS, DAY)
    assert "sa-east-1" not in market.per_gb
    assert parse_list("mine.yaml", text).tariff("sa-east-1") is None
    assert "# Without a price: sa-east-1.\n" in text


def test_two_products_that_disagree_are_no_price() -> None:
    other = entry("DataTransfer-Out-Bytes", [("0", "Inf", "GB", "0.01")], fromRegionCode="us-east-1", **OUT)
    market = found(listing([*egress_products(), other]))
    assert set(market.per_gb) == {"ap-southeast-3"}
    assert "# Without a price: sa-east-1, us-east-1.\n" in egress_text(market, REGIONS, DAY)


def test_what_may_not_be_asked_is_said() -> None:
    market = found(refusing("AccessDeniedException"))
    assert [one.about for one in market.excuses] == ["pricing:GetProducts"] * 3
    assert market.per_gb == {}


def test_the_command_reads_the_regions_that_the_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "egress.yaml"
    with counter({"GetProducts": listing(egress_products())}) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        code, text = run("refresh", "--egress", str(out), *(word for one in REGIONS for word in ("--region", one)))
        assert code == 0, text
        assert "! sa-east-1: no price of egress was found." in text
        code, text = run("refresh", "--egress", str(out))
        assert code == 0, text
        assert "Reading account 123456789012 in ap-southeast-3, us-east-1." in text
    written = out.read_text(encoding="utf-8")
    with counter({"GetProducts": listing(egress_products()[:1])}) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        code, text = run("refresh", "--egress", str(out))
    assert code == 2
    assert "ap-southeast-3 could not be read this time" in text
    assert out.read_text(encoding="utf-8") == written
    code, text = run("show", str(out), "--region", "ap-southeast-3")
    assert code == 0
    assert "ap-southeast-3  0.132 0.1221 0.1122 0.1012" in text


def test_a_refusal_of_one_file_leaves_the_others_to_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies at --out is no catalogue and there is no price of CloudFront; prices of egress are there."""
    mine, cdn, egress = (tmp_path / name for name in ("mine.yaml", "cdn.yaml", "egress.yaml"))
    mine.write_text(
        (resources.files("advisor") / "egress" / "lists" / "aws-egress.yaml").read_text(encoding="utf-8"), "utf-8"
    )
    words = ("--out", str(mine), "--cdn", str(cdn), "--egress", str(egress), "--region", "us-east-1")
    with counter({"GetProducts": listing(egress_products())}) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        code, text = run("refresh", *words)
    assert code == 2
    assert text.rstrip().splitlines()[-2].endswith(f"{mine} is not a catalogue"), "the first, at the end"
    assert "! neither a price nor a quota of CloudFront was found" in text
    assert parse_list("egress.yaml", egress.read_text(encoding="utf-8")).per_gb["us-east-1"]
    assert not cdn.exists()
    code, text = run("refresh", *words[:-2], "--region", "jakarta")
    assert text.count("there is no AWS region 'jakarta'") == 1


@pytest.mark.parametrize(
    ("words", "message"), [((), "no region given"), (("--region", "jakarta"), "there is no AWS region 'jakarta'")]
)
def test_bad_input_is_refused(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    code, text = run("refresh", "--egress", str(tmp_path / "e.yaml"), *words)
    assert code == 2
    assert message in text
