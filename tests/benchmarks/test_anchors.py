"""The claims about public data, asserted: they cannot rot."""

from __future__ import annotations

from statistics import median

import pytest

from benchmarks.anchors import OPTIMISTIC, Summary, halves, ours, plain_usl, splits
from benchmarks.rig.curves import LAWS, ROLES, public, random_curves


def test_from_half_to_twice_ours_is_nearer_than_the_plain_usl() -> None:
    found = list(halves())
    assert [name for name, *_ in found] == ["cisco", "ray_tracer", "spec_sdm91"]
    assert median(our.mape for _, our, _ in found) <= 0.08
    assert median(our.mape for _, our, _ in found) < median(plain.mape for *_, plain in found)
    assert max(our.end for _, our, _ in found) <= OPTIMISTIC


def test_the_plain_usl_is_the_published_one() -> None:
    """Figures of an independent least-squares fit: MAPE 10.9, 4.7 and 16.4 %, ends -18.4, -6.7 and -24.2 %."""
    plain = [one for *_, one in halves()]
    assert [one.mape for one in plain] == pytest.approx([0.109, 0.047, 0.164], abs=6e-4)
    assert [one.end for one in plain] == pytest.approx([-0.184, -0.067, -0.242], abs=6e-4)


@pytest.mark.parametrize("reach", [1.5, 2.0])
def test_on_every_split_of_the_anchors(reach: float) -> None:
    summary = Summary.of(list(splits(public("anchor"), reach, ours)))
    assert summary.mape <= 0.08
    assert summary.most_optimistic <= OPTIMISTIC
    assert summary.coverage >= 0.90


def test_on_curves_that_nothing_was_tuned_with() -> None:
    summary = Summary.of(list(splits(public("blind"), 1.51, ours)))
    assert summary.coverage >= 0.90
    assert summary.most_optimistic <= OPTIMISTIC
    assert Summary.of(list(splits(public("check"), 2.0, ours))).coverage >= 0.90


def test_on_random_curves_of_other_laws() -> None:
    summary = Summary.of(list(splits(random_curves(16, seed=7), 2.0, ours)))
    plain = Summary.of(list(splits(random_curves(16, seed=7), 2.0, plain_usl)))
    assert summary.coverage >= 0.90
    assert summary.optimistic <= plain.optimistic


def test_data_say_where_they_are_from() -> None:
    assert [len(public(role)) for role in ROLES] == [3, 6, 2]
    for curve in (one for role in ROLES for one in public(role)):
        assert len(curve.loads) == len(curve.rates) > 6
        assert (curve.loads[1:] > curve.loads[:-1]).all()
    assert {one.name for one in random_curves(40, seed=1)} == set(LAWS)
