"""Two shapes together in an account: its nodes that serve or are reserved already count once against the quota."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from advisor.clouds.snapshot import Place
from advisor.plans.bought import Mix
from tests.advisor.questions import demand, planned
from tests.clouds.test_allowed import STANDARD, STANDARD_SPOT, VCPUS, asked, place, reserved, serving

FIRST, SECOND = "c8gn.large", "c6gn.large"
PAIR = {FIRST: 12, SECOND: 3}
"""The cheapest for 27 Gbit/s; 30 vCPUs."""
SIZES = VCPUS | {FIRST: 2, SECOND: 2}


def cheapest(account: Place | None) -> Mix | None:
    return planned(replace(asked(account, FIRST, SECOND), demand=demand(0.9))).offers.mix


def shapes(mix: Mix | None) -> dict[str, int]:
    found = Counter[str]()
    for part in mix.parts if mix else ():
        found[part.offer] += part.nodes
    return dict(found)


def account(others: int, *, running: int = 0, **fields: Any) -> Place:
    """So many vCPUs of others beside so many of the first shape."""
    runs = {"m7g.large": others // 2, FIRST: running}
    return place(running=runs, vcpus=SIZES, **fields)


def test_without_an_account_two_shapes_are_the_cheapest() -> None:
    assert shapes(cheapest(None)) == PAIR


@pytest.mark.parametrize("others", [0, 960, 970, 972])
def test_a_pair_keeps_the_nodes_that_serve_already(others: int) -> None:
    """12 of 15 nodes of 2 vCPUs run: of 1,000, 970 are left to others."""
    mix = cheapest(account(others, running=12, **serving(12, FIRST)))
    assert shapes(mix) == (PAIR if others <= 970 else {})
    for part in () if mix is None else mix.parts:
        assert part.quota == 1000 - others


@pytest.mark.parametrize(("others", "fits"), [(914, True), (916, False)])
def test_no_more_of_them_than_the_pair_has_are_its_own(others: int, fits: bool) -> None:
    """Of 40 that serve 12 are the pair's, and 28 take 56 vCPUs beside it."""
    mix = cheapest(account(others, running=40, **serving(40, FIRST)))
    assert (shapes(mix) == PAIR) is fits


def test_a_pair_keeps_what_is_reserved() -> None:
    """12 free places count against the quota while they are free, and the pair's nodes take them up."""
    held = tuple(one.model_copy(update={"kind": FIRST}) for one in reserved(4, 4, 4))
    mix = cheapest(account(970, reservations=held))
    assert mix is not None
    assert [(part.offer, part.purchase, part.nodes) for part in mix.parts] == [
        (FIRST, "reservation", 12),
        (SECOND, "on_demand", 3),
    ]
    assert cheapest(account(972, reservations=held)) is None


def test_the_scenarios_own_number_is_for_the_plan_alone() -> None:
    full = account(1000, running=12, **serving(12, FIRST))
    for most, wanted in ((30, PAIR), (28, {})):
        question = replace(asked(full, FIRST, SECOND, quota_vcpus={"id": most}), demand=demand(0.9))
        assert shapes(planned(question).offers.mix) == wanted


def test_the_quota_is_that_of_the_standard_families() -> None:
    assert cheapest(account(0, quotas={STANDARD: 28})) is None


def test_every_part_names_its_quota() -> None:
    mix = cheapest(account(0, quotas={STANDARD: 1000}))
    assert mix is not None
    assert [part.pool for part in mix.parts] == [STANDARD, STANDARD]
    asks: dict[str, Any] = {"spare_nodes": 9, "buying": {"spot": "30%", "spot_lost": "50%"}}
    spot = planned(asked(account(0, quotas={STANDARD: 5000, STANDARD_SPOT: 500}), **asks)).offers.mix
    assert spot is not None
    assert [(part.purchase, part.pool) for part in spot.parts] == [("on_demand", STANDARD), ("spot", STANDARD_SPOT)]
