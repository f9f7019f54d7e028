"""A whole number parted among several: the sums hold, nobody is favoured, and the choice that fits is the best one."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.plans.parted import Option, cheapest_first, chosen, filled, in_rows, parted

law = settings(max_examples=150, deadline=None)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=6)
options = st.lists(
    st.builds(
        Option[str],
        st.sampled_from(["a", "b", None]),
        st.integers(0, 50),
        st.integers(1, 40).map(float),
        st.booleans(),
        st.integers(1, 9),
    ),
    max_size=5,
)


def test_remainders_go_to_the_largest_and_of_equal_ones_to_the_first() -> None:
    assert parted(10, [1, 1, 1]) == [4, 3, 3]
    assert parted(7, [5, 3, 2]) == [4, 2, 1]
    assert parted(0, [5, 3]) == [0, 0]
    assert parted(5, [0, 0]) == [3, 2], "alike where nobody has a weight"
    assert parted(5, []) == []
    assert parted(3, [Fraction(1, 3), Fraction(2, 3)]) == [1, 2]


@law
@given(st.integers(0, 10**6), weights)
def test_all_of_it_is_parted_and_each_is_within_one_of_its_exact_part(total: int, weights: list[int]) -> None:
    found = parted(total, weights)
    assert sum(found) == total
    if sum(weights):
        exact = [Fraction(total * weight, sum(weights)) for weight in weights]
        assert all(abs(part - own) < 1 for part, own in zip(found, exact, strict=True))


@law
@given(st.integers(0, 1000), st.lists(st.tuples(st.integers(0, 300), st.integers(1, 99)), min_size=1, max_size=5))
def test_gaps_are_filled_before_anybody_gets_more(total: int, each: list[tuple[int, int]]) -> None:
    gaps, weights = [gap for gap, _ in each], [weight for _, weight in each]
    found = filled(total, gaps, weights)
    assert sum(found) == total
    if total <= sum(gaps):
        assert all(part <= gap for part, gap in zip(found, gaps, strict=True))
    else:
        assert all(part >= gap for part, gap in zip(found, gaps, strict=True))


def worth(weights: list[Fraction], picks: list[Option[str] | None]) -> tuple[Fraction, int, float]:
    unserved = sum((weight for weight, pick in zip(weights, picks, strict=True) if pick is None), Fraction(0))
    taken = [pick for pick in picks if pick is not None]
    return unserved, sum(not pick.is_priced for pick in taken), sum(pick.cost for pick in taken)


def fits(picks: list[Option[str] | None], rooms: dict[str, int]) -> bool:
    return all(sum(pick.taken for pick in picks if pick and pick.pool == name) <= room for name, room in rooms.items())


@law
@given(
    st.lists(st.tuples(st.integers(1, 9), options), min_size=1, max_size=4), st.integers(0, 120), st.integers(0, 120)
)
def test_no_other_choice_that_fits_is_better(each: list[tuple[int, list[Option[str]]]], a: int, b: int) -> None:
    """Against every choice there is."""
    rooms, weights = {"a": a, "b": b}, [Fraction(weight) for weight, _ in each]
    known = [cheapest_first([one if one.is_priced else one._replace(cost=0.0) for one in named]) for _, named in each]
    found = chosen(weights, known, rooms)
    assert fits(found, rooms)
    every = [list(picks) for picks in product(*([*one, None] for one in known))]
    assert worth(weights, found) == min(worth(weights, picks) for picks in every if fits(picks, rooms))


@law
@given(options, st.integers(0, 120), st.integers(0, 120))
def test_what_is_left_out_is_never_what_would_be_chosen(named: list[Option[str]], a: int, b: int) -> None:
    rooms, known = {"a": a, "b": b}, [one if one.is_priced else one._replace(cost=0.0) for one in named]
    all_of, few = ([*chosen([Fraction(1)], [one], rooms)] for one in (known, cheapest_first(known)))
    assert worth([Fraction(1)], all_of) == worth([Fraction(1)], few)


def test_as_many_as_possible_are_served_before_anything_is_saved() -> None:
    def one(taken: int, cost: float) -> Option[str]:
        return Option("a", taken, cost, is_priced=True, nodes=1)

    cheap, lean = one(60, 1.0), one(50, 9.0)
    assert chosen([Fraction(1)] * 2, [[cheap, lean], [cheap, lean]], {"a": 110}) == [cheap, lean]
    assert chosen([Fraction(1)] * 2, [[cheap, lean], [cheap, lean]], {"a": 100}) == [lean, lean]
    assert chosen([Fraction(1), Fraction(3)], [[cheap], [cheap]], {"a": 60}) == [None, cheap], "the larger audience"
    assert chosen([], [], {"a": 60}) == []


def test_rows_go_to_who_has_least_of_what_it_wants() -> None:
    assert in_rows(96, [[48, 96], [48, 96]]) == [48, 48]
    assert in_rows(48, [[48, 96], [48, 96]]) == [48, 0], "a row is not parted"
    assert in_rows(96, [[48, 96, 144, 192], [48]]) == [96, 0]
    assert in_rows(144, [[48, 96, 144, 192], [48]]) == [96, 48]
    assert in_rows(100, [[64], [], [48]]) == [64, 0, 0]
    assert in_rows(100, [[0, 90], [0, 24]]) == [90, 0], "what serves already is in the first row"
    assert in_rows(0, []) == []


@law
@given(st.integers(0, 300), st.integers(0, 60), st.lists(st.tuples(st.integers(1, 9)), min_size=1, max_size=4))
def test_more_never_gives_anybody_fewer_rows_that_are_alike(total: int, more: int, each: list[tuple[int]]) -> None:
    steps = [[12 * (row + 1) for row in range(rows)] for (rows,) in each]
    before, after = in_rows(total, steps), in_rows(total + more, steps)
    assert sum(before) <= total
    assert all(has <= had for has, had in zip(before, after, strict=True))
    short = [at for at, had in enumerate(before) if had < steps[at][-1]]
    assert not short or total - sum(before) < 12, "nothing is left that one more row would fit in"
