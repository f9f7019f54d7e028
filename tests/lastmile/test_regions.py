"""The markets: which there are, what they say, and that docs/regions.md says the same."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from loadtests.cities import atlas
from loadtests.errors import InputError
from loadtests.region import SHAPING_FACTS, Access, load_region, network_names, region_codes, with_networks
from tests.house.tree import rows

MARKETS = {
    *("id", "ph", "vn", "th", "my", "sg", "in", "pk", "br", "mx", "co", "ar", "sa"),
    *("ae", "eg", "tr", "ng", "za", "ke", "jp", "kr", "de", "gb", "fr", "es", "us"),
}
PAGE = Path("docs/regions.md")
MOBILE = load_region("in").access["mobile"]


def test_the_markets_that_were_promised_are_there() -> None:
    assert set(region_codes()) >= MARKETS
    assert len(MARKETS) == 26


@pytest.mark.parametrize("code", region_codes())
def test_every_market_can_be_shaped(code: str) -> None:
    region = load_region(code)
    assert set(region.access) == {"mobile", "fixed", "bad_coverage"}
    for access in region.access.values():
        assert [fact for fact in SHAPING_FACTS if getattr(access, fact) is None] == []
    assert region.city in atlas().cities
    for provider, name in region.provider_regions.items():
        assert atlas().find(f"{provider}:{name}")


@pytest.mark.parametrize("code", region_codes())
def test_the_mix_is_whole_and_a_tenth_to_a_fifth_of_mobile_viewers_have_bad_coverage(code: str) -> None:
    mix = load_region(code).mix()
    assert sum(mix.values()) == pytest.approx(1)
    assert 0.1 <= mix["bad_coverage"] / (mix["bad_coverage"] + mix["mobile"]) <= 0.2
    assert min(mix.values()) > 0


def test_a_region_without_its_mix_says_so() -> None:
    region = load_region("id").model_copy(update={"mobile_share": None})
    with pytest.raises(ValueError, match="id has no mobile_share"):
        region.mix()


def test_what_a_region_says_goes_before_its_network() -> None:
    assert load_region("in").access["mobile"].rtt_median != load_region("vn").access["mobile"].rtt_median
    assert load_region("in").access["mobile"].spread == load_region("vn").access["mobile"].spread


def test_a_network_that_nobody_wrote_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"regions/xx.yaml: access.dish.network: no network 'space' \(bad_coverage, "):
        with_networks("xx", {"access": {"dish": {"network": "space"}}})
    assert network_names() == ("bad_coverage", "broadband", "cellular")


@pytest.mark.parametrize(("code", "busiest"), [("in", 0.61), ("id", 0.67), ("ph", 0.72), ("my", 0.78), ("us", 0.83)])
def test_the_busiest_hour_is_as_slow_as_opensignal_found_it(code: str, busiest: float) -> None:
    """busy = 1 ÷ (1 + 0.22 (R − 1)), the published best ÷ worst ratios of 2018."""
    access = load_region(code).access["mobile"]
    assert access.evening_ratio is not None
    assert access.factor(22) == pytest.approx(busiest, abs=0.005)
    assert access.factor(3) / access.factor(22) == pytest.approx(access.evening_ratio.value)


@pytest.mark.parametrize("code", region_codes())
def test_over_the_day_the_factor_is_one(code: str) -> None:
    for access in load_region(code).access.values():
        assert sum(access.factor(hour) for hour in range(24)) / 24 == pytest.approx(1)
        assert min(range(24), key=access.factor) in (21, 22)
        assert max(range(24), key=access.factor) == 3


def test_between_two_hours_the_factor_goes_straight_and_at_midnight_it_does_not_jump() -> None:
    assert MOBILE.factor(3.5) == pytest.approx((MOBILE.factor(3) + MOBILE.factor(4)) / 2)
    assert MOBILE.factor(23.9999) == pytest.approx(MOBILE.factor(0), rel=1e-3)
    steps = [MOBILE.factor(minute / 60) for minute in range(24 * 60)]
    assert max(abs(after - before) for before, after in pairwise(steps)) < 0.02


def test_without_a_curve_there_is_no_evening() -> None:
    assert MOBILE.model_copy(update={"relief_by_hour": None}).factor(22) == 1.0
    assert MOBILE.model_copy(update={"evening_ratio": None}).factor(22) == 1.0


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("relief_by_hour", [0.5] * 24),
        ("relief_by_hour", [0, 1]),
        ("memory", 1),
        ("outages", "100%"),
        ("outage", "500ms"),
        ("evening_ratio", 0.9),
        ("spread", -1),
    ],
)
def test_a_fact_out_of_its_range_is_refused(fact: str, value: object) -> None:
    data = MOBILE.model_dump(mode="json")
    data[fact] = data[fact] | {"value": value}
    with pytest.raises(ValidationError, match=fact):
        Access.model_validate(data)


def test_a_path_is_reckoned_from_the_distance() -> None:
    """Jakarta to Singapore, 908 km: 2 × 908 ÷ 199 962 km/s × 2.1 = 19.1 ms."""
    assert atlas().kilometres("jakarta", "singapore") == pytest.approx(908, abs=1)
    assert atlas().kilometres("london", "tokyo") == pytest.approx(9560, rel=0.01)
    path = atlas().path_rtt(load_region("id"), "singapore")
    assert path == pytest.approx(0.0191, abs=0.0001)
    assert atlas().path_rtt(load_region("id"), "tencent:ap-singapore") == path
    assert atlas().path_rtt(load_region("sg"), "singapore") == 0.0


def test_a_measured_path_goes_before_the_distance() -> None:
    region = load_region("id").model_dump(mode="json")
    fact = {"value": "31ms", "source": "our own pings", "as_of": "2026-11", "confidence": "measured"}
    measured = type(load_region("id")).model_validate(region | {"path_rtt": {"singapore": fact}})
    assert atlas().path_rtt(measured, "aws:ap-southeast-1") == 0.031


def test_a_city_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no such city, found 'aws:mars-1'; expected one of jakarta, "):
        atlas().find("aws:mars-1")
    with pytest.raises(ValueError, match="id has neither a city nor a path_rtt to tokyo"):
        atlas().path_rtt(load_region("id").model_copy(update={"city": ""}), "tokyo")


def mbps(access: Access) -> str:
    return f"{access.throughput_median.value / 1e6:.2f}"


def ms(access: Access) -> str:
    assert access.rtt_median is not None
    return f"{access.rtt_median.value * 1e3:g}{'' if access.rtt_median.confidence == 'measured' else ' *'}"


def row(code: str) -> list[str]:
    """What docs/regions.md says of a market."""
    region = load_region(code)
    mobile, fixed = region.access["mobile"], region.access["fixed"]
    assert mobile.evening_ratio is not None
    assert region.mobile_share is not None
    guess = "" if mobile.evening_ratio.confidence == "measured" else " *"
    paths = sorted((atlas().path_rtt(region, pop), pop) for pop in atlas().cities if atlas().cities[pop].providers)
    near = f"{atlas().cities[paths[0][1]].name.en} {paths[0][0] * 1e3:.0f}"
    share = f"{region.mobile_share.value:.0%} *"
    evening = f"{mobile.evening_ratio.value:g}{guess}"
    network = [mbps(mobile), ms(mobile), mbps(fixed), ms(fixed)]
    return [f"`{code}`", region.name.en, *network, share, evening, near, f"{region.egress_usd_per_gb.value:g}"]


def test_the_page_says_of_every_market_what_its_file_says() -> None:
    """To refresh: python -m tests.lastmile.test_regions."""
    table = [line for line in rows(PAGE) if len(line) == len(row("id")) and line[0].startswith("`")]
    assert table == [row(code) for code in region_codes()]


if __name__ == "__main__":
    print("\n".join(f"| {' | '.join(row(code))} |" for code in region_codes()))
