"""Deadlines: days and working days back from the event, thresholds, and whether it is too late."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cdns.notice import Peak, last_day, notices, on
from advisor.cdns.offer import NoticeRule, load_offer

TENCENT, CLOUDFRONT = load_offer("tencent").notices, load_offer("cloudfront").notices
SATURDAY = date(2026, 12, 5)
TODAY = date(2026, 11, 27)


def rule(days: int, *, working: bool = False) -> NoticeRule:
    return NoticeRule(days=days, working=working, source="x", as_of="2026-11", confidence="assumed")


def peak(viewers: float = 0, egress: float = 0, region: float = 0) -> Peak:
    return Peak(viewers=viewers, egress=egress, egress_of_a_region=region)


@pytest.mark.parametrize(
    ("event", "by"),
    [
        (SATURDAY, date(2026, 12, 1)),  # Wednesday, Thursday, Friday lie between
        (date(2026, 12, 4), date(2026, 11, 30)),  # Friday: Tuesday to Thursday
        (date(2026, 12, 7), date(2026, 12, 1)),  # Monday: Wednesday to Friday
        (date(2026, 12, 8), date(2026, 12, 2)),  # Tuesday: Thursday, Friday, Monday
        (date(2026, 12, 10), date(2026, 12, 6)),  # Thursday: Monday to Wednesday, so Sunday will do
        (date(2027, 1, 1), date(2026, 12, 28)),
    ],
)
def test_three_whole_working_days_lie_between(event: date, by: date) -> None:
    assert last_day(event, rule(3, working=True)) == by


def test_two_weeks_are_fourteen_days() -> None:
    assert last_day(SATURDAY, rule(14)) == date(2026, 11, 21)


def test_the_beginning_of_the_calendar_is_no_trouble() -> None:
    assert last_day(date(1, 1, 2), rule(366, working=True)) == date.min
    assert last_day(date(1, 1, 2), rule(3)) == date.min


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 366))
def test_so_many_working_days_lie_between_and_not_one_more(event: date, days: int) -> None:
    by = last_day(event, rule(days, working=True))
    between = [by + timedelta(days=step) for step in range(1, (event - by).days)]
    assert sum(day.weekday() < 5 for day in between) == days
    assert between[0].weekday() < 5, "a later day would leave one fewer"


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        (peak(egress=50e9, region=10e9), []),
        (peak(egress=50.1e9), ["notice_passed_egress"]),
        (peak(region=10.1e9), ["notice_passed_region"]),
        (peak(egress=60e9, region=60e9), ["notice_passed_egress", "notice_passed_region"]),
    ],
)
def test_tencent_wants_to_know_of_surges_and_of_nothing_else(asked: Peak, keys: list[str]) -> None:
    found = notices(TENCENT, asked, SATURDAY, TODAY)
    assert [message.key for notice in found for message in notice.passed] == keys


def test_aws_wants_to_know_above_half_a_million_viewers() -> None:
    assert notices(CLOUDFRONT, peak(viewers=500_000), SATURDAY, TODAY) == ()
    (found,) = notices(CLOUDFRONT, peak(viewers=500_001), SATURDAY, TODAY)
    assert (found.send_by, found.standing) == (date(2026, 11, 21), "late")


def test_a_rule_without_a_threshold_always_holds() -> None:
    (found,) = notices((rule(5),), peak(), SATURDAY, TODAY)
    assert found.passed == ()


def test_it_is_in_time_up_to_the_last_day_and_late_after_it() -> None:
    (found,) = notices(TENCENT, peak(egress=60e9), SATURDAY, date(2026, 12, 1))
    assert found.standing == "open"
    assert on(found, date(2026, 12, 2)).standing == "late"
    assert on(found, date(2026, 12, 1)).standing == "open"


def test_without_a_date_nobody_can_say() -> None:
    (found,) = notices(TENCENT, peak(egress=60e9), None, TODAY)
    assert (found.send_by, found.standing) == (None, "undated")
    assert on(found, TODAY).standing == "undated"
