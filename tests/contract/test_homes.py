"""Who drives whom: one home for every viewer, labels kept, the same for everybody who works it out."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.errors import InputError
from loadtests.homes import Homes, deal

REGIONS = ("id", "in", "br")
WORKERS = st.lists(st.sets(st.sampled_from(REGIONS)).map(lambda labels: tuple(sorted(labels))), min_size=1, max_size=6)


def named(labels: list[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {f"w{number}": each for number, each in enumerate(labels)}


@given(WORKERS, st.data())
def test_every_viewer_has_exactly_one_living_home_that_may_carry_it(
    labels: list[tuple[str, ...]], data: st.DataObject
) -> None:
    """Or its region is named as abandoned; whoever is lost, in whatever order."""
    workers = named(labels)
    try:
        homes = deal(REGIONS, workers)
    except InputError:
        return
    for lost in data.draw(st.lists(st.sampled_from(sorted(workers)), unique=True)):
        homes = homes.without(lost)
    for region in REGIONS:
        for number in range(40):
            home = homes.of(region, number)
            if region in homes.abandoned:
                assert home == ""
                continue
            assert home in homes.living(region)
            assert region in workers[home] or not (workers[home] or any(region in each for each in workers.values()))


@given(WORKERS, st.data())
def test_only_the_viewers_of_a_lost_worker_move(labels: list[tuple[str, ...]], data: st.DataObject) -> None:
    workers = named(labels)
    try:
        homes = deal(REGIONS, workers)
    except InputError:
        return
    for lost in data.draw(st.lists(st.sampled_from(sorted(workers)), unique=True)):
        after = homes.without(lost)
        for region in REGIONS:
            for number in range(40):
                before = homes.of(region, number)
                assert before == lost or after.of(region, number) == before
        homes = after


def test_without_labels_a_viewer_belongs_to_its_number_modulo_the_workers() -> None:
    homes = deal(("id", "in"), {"w0": (), "w1": (), "w2": ()})
    assert [homes.of(region, 7) for region in ("id", "in")] == ["w1", "w1"]
    assert [homes.of("id", number) for number in range(4)] == ["w0", "w1", "w2", "w0"]


def test_labelled_workers_carry_their_regions_and_the_others_what_is_left() -> None:
    homes = deal(REGIONS, {"w0": ("id",), "w1": (), "w2": ("id", "in"), "w3": ()})
    assert homes.regions == {"id": ("w0", "w2"), "in": ("w2",), "br": ("w1", "w3")}
    assert [homes.carried(worker) for worker in ("w0", "w1", "w2", "w3")] == [("id",), ("br",), ("id", "in"), ("br",)]
    assert [homes.stride(worker) for worker in ("w0", "w1", "w2")] == [2, 2, 2]


def test_a_worker_without_a_region_carries_nobody() -> None:
    homes = deal(("id",), {"w0": ("id",), "w1": ("jp",), "w2": ()})
    assert homes.carried("w1") == homes.carried("w2") == ()


def test_a_region_that_nobody_may_carry_is_refused_before_any_load() -> None:
    with pytest.raises(InputError) as refused:
        deal(REGIONS, {"w0": ("id",), "w1": ("in",)})
    assert str(refused.value).splitlines() == [
        "no worker may carry br: every worker there has other labels (w0: id; w1: in)",
        "  → start a worker with --region-label br, or one without a label",
    ]
    assert refused.value.exit_code == 2


def test_an_unlabelled_worker_does_not_stand_in_for_a_labelled_one() -> None:
    """It is not in that region, so what it measured would be another network."""
    homes = deal(("id", "in"), {"w0": ("id",), "w1": ()}).without("w0")
    assert homes.abandoned == ("id",)
    assert homes.of("id", 3) == ""
    assert homes.of("in", 3) == "w1"


@pytest.mark.parametrize("order", list(permutations(("w0", "w1", "w2"))))
def test_the_viewers_of_a_lost_worker_are_spread_over_all_that_are_left(order: tuple[str, ...]) -> None:
    homes = deal(("id",), {f"w{number}": () for number in range(4)})
    for lost, least in zip(order, (330, 480, 1000), strict=True):
        homes = homes.without(lost)
        share = Counter(homes.of("id", number) for number in range(1200))
        assert sum(share.values()) == 1200
        assert min(share.values()) >= least * 0.8, f"after {homes.lost}: {share}"


def test_losing_a_worker_twice_is_losing_it_once() -> None:
    homes = deal(("id",), {"w0": (), "w1": ()}).without("w0")
    assert homes.without("w0") is homes
    assert Homes.model_validate(homes.model_dump(mode="json")) == homes
