"""What CDNs charge: tier borders to the cent, the vendors' own examples, and laws over every tariff."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from advisor.cdns.offer import load_offer, offer_names
from advisor.cdns.tariff import Tariff, Tiers
from advisor.interval import Interval

SHIPPED = [
    (name, zone, tariff)
    for name in offer_names()
    for zone in load_offer(name).zones
    if (tariff := load_offer(name).tariff(zone)) is not None
]
EUROPE = load_offer("cloudfront").tariff("europe")
TENCENT = load_offer("tencent")
KINDS: tuple[Tiers, ...] = ("marginal", "reached")

volumes = st.floats(0, 1e8)
shares = st.floats(0, 0.99)


@st.composite
def tariffs(draw: st.DrawFn, kinds: tuple[Tiers, ...] = KINDS) -> Tariff:
    borders = sorted(draw(st.sets(st.floats(1, 1e7), max_size=5)))
    prices = draw(st.lists(st.floats(0, 2), min_size=len(borders) + 1, max_size=len(borders) + 1))
    return Tariff(tiers=draw(st.sampled_from(kinds)), borders=tuple(borders), prices=tuple(prices))


def around(mid: float, share: float) -> Interval:
    return Interval(low=mid * (1 - share), mid=mid, high=mid * (1 + share), coverage=0.9, samples=30)


@pytest.mark.parametrize(
    ("gb", "usd"),
    [
        (0, 0.0),
        (10_240, 870.40),
        (10_241, 870.48),
        (51_200, 870.40 + 40_960 * 0.080),
        (153_600, 870.40 + 3_276.80 + 102_400 * 0.060),
        (512_000, 870.40 + 3_276.80 + 6_144.00 + 358_400 * 0.040),
        (1_048_576, 870.40 + 3_276.80 + 6_144.00 + 14_336.00 + 536_576 * 0.030),
        (5_242_880, 870.40 + 3_276.80 + 6_144.00 + 14_336.00 + 16_097.28 + 4_194_304 * 0.025),
        (5_242_881, 870.40 + 3_276.80 + 6_144.00 + 14_336.00 + 16_097.28 + 104_857.60 + 0.020),
    ],
)
def test_each_part_of_the_month_has_its_own_tiers_price(gb: float, usd: float) -> None:
    assert EUROPE is not None
    assert EUROPE.charge(gb) == pytest.approx(usd, abs=1e-6)


def test_what_was_used_before_moves_the_event_up_the_tiers() -> None:
    assert EUROPE is not None
    assert EUROPE.charge(1_000, used=9_740) == pytest.approx(500 * 0.085 + 500 * 0.080)
    assert EUROPE.charge(1_000, used=5_242_880) == pytest.approx(1_000 * 0.020)


def yuan(zone: str, gb: float) -> float:
    tariff = TENCENT.tariff(zone)
    assert tariff is not None
    charged = tariff.charge(gb)
    assert charged is not None
    return charged / TENCENT.dollars


def test_tencents_own_example_comes_out_at_2800_yuan() -> None:
    """1 TB in Hong Kong (AP1) and 6 TB in Russia (Europe) in one day, as its price page reckons."""
    assert yuan("asia-1", 1_000) + yuan("europe", 6_000) == pytest.approx(2_800)


def test_a_tier_that_is_reached_prices_the_whole_day() -> None:
    assert yuan("europe", 1_999) == pytest.approx(1_999 * 0.44)
    assert yuan("europe", 2_000) == pytest.approx(2_000 * 0.39), "the border belongs to the next tier"
    tariff = TENCENT.tariff("europe")
    assert tariff is not None
    found = tariff.cost(Interval.exact(2_000.0))
    assert found is not None
    ends = found.low / TENCENT.dollars, found.mid / TENCENT.dollars, found.high / TENCENT.dollars
    assert ends == pytest.approx((780, 780, 880)), "a gigabyte less would have cost more"


def test_a_tier_without_a_price_is_unknown_and_not_free() -> None:
    fastly = load_offer("fastly").tariff("north-america-europe")
    assert fastly is not None
    assert fastly.charge(10_000) == pytest.approx(1_200)
    assert fastly.charge(10_001) is None
    assert fastly.cost(around(9_000, 0.2)) is None, "its high end has no price"


@given(tariffs(("marginal",)), volumes, volumes, volumes)
def test_more_traffic_never_costs_less(tariff: Tariff, one: float, other: float, used: float) -> None:
    little, much = tariff.charge(min(one, other), used), tariff.charge(max(one, other), used)
    assert little is not None
    assert much is not None
    assert little <= much


@given(tariffs(), volumes, volumes, shares, st.floats(0, 1e7))
def test_the_ends_of_a_cost_never_fall_as_traffic_grows(
    tariff: Tariff, one: float, other: float, share: float, used: float
) -> None:
    little, much = (tariff.cost(around(mid, share), used) for mid in sorted((one, other)))
    assert little is not None
    assert much is not None
    assert little.low <= much.low * (1 + 1e-9) + 1e-9
    assert little.high <= much.high * (1 + 1e-9) + 1e-9
    assert all(math.isfinite(end) and end >= 0 for end in (little.low, little.mid, little.high))


@given(tariffs(), volumes, shares, st.floats(0, 1), st.integers(0, 5))
def test_a_cheaper_tier_never_costs_more(tariff: Tariff, volume: float, share: float, discount: float, at: int) -> None:
    prices = list(tariff.prices)
    prices[at % len(prices)] = (prices[at % len(prices)] or 0.0) * discount
    cheaper = tariff.model_copy(update={"prices": tuple(prices)}).cost(around(volume, share))
    before = tariff.cost(around(volume, share))
    assert cheaper is not None
    assert before is not None
    for now, then in ((cheaper.low, before.low), (cheaper.mid, before.mid), (cheaper.high, before.high)):
        assert now <= then * (1 + 1e-9)


@pytest.mark.parametrize(("name", "zone", "tariff"), SHIPPED, ids=[f"{name}-{zone}" for name, zone, _ in SHIPPED])
def test_prices_that_ship_fall_with_volume_and_are_no_gift(name: str, zone: str, tariff: Tariff) -> None:
    known = [price for price in tariff.prices if price is not None]
    assert all(price > 0 for price in known), (name, zone)
    assert all(one >= other for one, other in pairwise(known)), (name, zone)


@pytest.mark.parametrize(
    ("borders", "prices"), [((10.0,), (1.0,)), ((10.0, 10.0), (1.0, 1.0, 1.0)), ((20.0, 10.0), (1.0, 1.0, 1.0))]
)
def test_tiers_that_cannot_be_are_refused(borders: tuple[float, ...], prices: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match=r"expected 2 prices|must ascend"):
        Tariff(tiers="marginal", borders=borders, prices=prices)
