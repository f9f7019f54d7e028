"""Windows of the same second add up in any order; totals are their sums."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.results import LINE, Players, Requests, Totals, Window, add, text_of
from tests.contract.lines import a_window, players, requests, windows

EMPTY = Window(at=7, region="id", cohort="mobile")


@given(windows(), windows())
def test_merging_is_commutative(a: Window, b: Window) -> None:
    assert a.merge(b) == b.merge(a)


@given(windows(), windows(), windows())
def test_merging_is_associative(a: Window, b: Window, c: Window) -> None:
    assert a.merge(b).merge(c) == a.merge(b.merge(c))


@given(windows())
def test_a_window_of_nothing_changes_nothing(a: Window) -> None:
    assert a.merge(EMPTY) == EMPTY.merge(a) == a


@given(windows(), windows())
def test_merging_leaves_both_as_they_were(a: Window, b: Window) -> None:
    before = text_of(a), text_of(b)
    a.merge(b)
    assert (text_of(a), text_of(b)) == before


@pytest.mark.parametrize("other", [a_window(2), a_window(1, cohort="fixed")])
def test_other_seconds_and_cohorts_do_not_merge(other: Window) -> None:
    with pytest.raises(ValueError, match="cannot merge windows"):
        a_window(1).merge(other)


@given(requests, requests)
def test_every_field_of_requests_is_added(a: Requests, b: Requests) -> None:
    both = add(a, b)
    for name in ("count", "cancelled", "bytes", "head_bytes", "refused_bytes"):
        assert getattr(both, name) == getattr(a, name) + getattr(b, name)
    assert both.failed == a.failed + b.failed
    assert both.ttfb.count == a.ttfb.count + b.ttfb.count


@given(players, players)
def test_every_field_of_players_is_added(a: Players, b: Players) -> None:
    both = add(a, b)
    for name in Players.model_fields:
        one, other, sum_ = (getattr(part, name) for part in (a, b, both))
        if isinstance(one, int | float):
            assert sum_ == one + other
    assert sum(both.failures.values()) == sum(a.failures.values()) + sum(b.failures.values())


@given(st.lists(windows(st.integers(0, 5)), max_size=6), st.data())
def test_totals_do_not_depend_on_how_windows_are_grouped(some: list[Window], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(some)))
    whole = Totals.of(some)
    assert whole == add(Totals.of(some[:cut]), Totals.of(some[cut:]))
    assert whole == Totals.of(reversed(some))
    assert whole.bytes == sum(sums.bytes for window in some for sums in window.requests.values())


@given(windows())
def test_a_window_reads_back_from_its_line(window: Window) -> None:
    assert LINE.validate_json(text_of(window)) == window


def test_what_is_zero_or_empty_is_not_written() -> None:
    assert text_of(EMPTY) == '{"line":"window","at":7,"region":"id","cohort":"mobile"}'
