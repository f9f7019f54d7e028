"""Deadlines: days and working days back from the event, thresholds, and whether it is too late."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from advisor.cdns import notice
from advisor.cdns.calendar import is_worked, not_decreed
from advisor.cdns.notice import Notice, Peak, last_day
from advisor.cdns.offer import NoticeRule, load_offer
from advisor.cdns.page import notice_values

TENCENT, CLOUDFRONT = load_offer("tencent").notices, load_offer("cloudfront").notices
SATURDAY = date(2026, 12, 5)
TODAY = date(2026, 11, 27)


def rule(days: int, *, working: bool = False) -> NoticeRule:
    return NoticeRule(days=days, working=working, source="x", as_of="2026-11", confidence="assumed")


def noon(day: date) -> datetime:
    """In UTC, and on the same day in nearly every country."""
    return datetime.combine(day, time(12), UTC)


def notices(rules: tuple[NoticeRule, ...], peak: Peak, event: date | None, today: date) -> tuple[Notice, ...]:
    return notice.notices(rules, peak, None if event is None else noon(event), noon(today))


def on(found: Notice, today: date) -> Notice:
    return notice.on(found, noon(SATURDAY), noon(today))


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


def chinese(days: int, country: str = "CN") -> NoticeRule:
    return rule(days, working=True).model_copy(update={"country": country, "timezone": "UTC"})


@pytest.mark.parametrize(
    ("event", "by", "off", "worked"),
    [
        # National Day is 1 to 7 October, and Sunday 20 September is worked for it; 25 September is Mid-Autumn.
        ((2026, 10, 8), (2026, 9, 27), [(10, 1), (10, 2), (10, 5), (10, 6), (10, 7)], []),
        ((2026, 10, 1), (2026, 9, 27), [], []),
        ((2026, 9, 28), (2026, 9, 21), [(9, 25)], []),
        ((2026, 9, 22), (2026, 9, 17), [], [(9, 20)]),
        ((2026, 10, 11), (2026, 10, 7), [], [(10, 10)]),
        # The Spring Festival is 15 to 23 February; the Saturdays 14 and 28 February are worked.
        ((2026, 2, 24), (2026, 2, 11), [(2, 16), (2, 17), (2, 18), (2, 19), (2, 20), (2, 23)], [(2, 14)]),
    ],
)
def test_chinas_holidays_do_not_count_and_weekends_that_are_worked_do(
    event: tuple[int, int, int], by: tuple[int, int, int], off: list[tuple[int, int]], worked: list[tuple[int, int]]
) -> None:
    (found,) = notices((chinese(3),), peak(), date(*event), TODAY)
    assert found.send_by == date(*by)
    assert [(day.month, day.day) for day in found.off] == off
    assert [(day.month, day.day) for day in found.worked] == worked
    assert found.not_decreed == ()


def test_without_the_calendar_the_letter_before_national_day_would_be_a_week_late() -> None:
    event = date(2026, 10, 8)
    assert last_day(event, rule(3, working=True)) - last_day(event, chinese(3)) == timedelta(days=7)
    assert all(one.country == "CN" for one in TENCENT if one.working)


@pytest.mark.parametrize(
    ("event", "years"),
    [
        (date(2099, 10, 8), (2099,)),
        (date(2099, 1, 3), (2098, 2099)),
        (date(2026, 12, 24), ()),
        (date(2098, 12, 28), (2098, 2099)),  # New Year's Day of 2099 may be made up for on the Sunday before
        (date(9999, 12, 31), (9999, 10000)),
        (date(2010, 10, 8), ()),
    ],
)
def test_a_year_that_is_not_decreed_yet_is_said(event: date, years: tuple[int, ...]) -> None:
    (found,) = notices((chinese(3),), peak(), event, TODAY)
    assert found.not_decreed == years
    assert not_decreed(event, event, "US") == ()


def test_another_countrys_holidays_count_by_its_own_calendar() -> None:
    """Thanksgiving is Thursday, 26 November 2026."""
    (found,) = notices((chinese(3, "US"),), peak(), date(2026, 11, 28), TODAY)
    assert (found.send_by, found.off) == (date(2026, 11, 23), (date(2026, 11, 26),))


def test_a_country_without_a_calendar_is_refused() -> None:
    said = rule(3, working=True).model_dump()
    with pytest.raises(ValidationError, match="no calendar of this country is known"):
        NoticeRule.model_validate(said | {"country": "XX"})
    with pytest.raises(ValidationError, match="country CN needs the timezone in which its days begin"):
        NoticeRule.model_validate(said | {"country": "CN"})
    with pytest.raises(ValidationError, match="'Asia/Beijing' is not an IANA time zone"):
        NoticeRule.model_validate(said | {"country": "CN", "timezone": "Asia/Beijing"})


@given(st.dates(date(1990, 1, 1), date(2110, 1, 1)), st.integers(1, 30), st.sampled_from(["CN", "US", "ID", "AE"]))
def test_so_many_days_of_the_calendar_lie_between(event: date, days: int, country: str) -> None:
    (found,) = notices((chinese(days, country),), peak(), event, TODAY)
    assert found.send_by is not None
    between = [found.send_by + timedelta(days=step) for step in range(1, (event - found.send_by).days)]
    assert sum(is_worked(day, country) for day in between) == days
    plain = sum(day.weekday() < 5 for day in between)
    assert plain - len(found.off) + len(found.worked) == days


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_letter_says_which_days_do_not_count(lang: str) -> None:
    (found,) = notices((chinese(3),), peak(), date(2026, 10, 8), TODAY)
    (early,) = notices((chinese(3),), peak(), date(2099, 10, 8), TODAY)
    country = {"en": "the calendar of China", "zh": "按中国的日历"}[lang]
    for one, shown in ((found, ("2026-10-01", "2026-10-07", country)), (early, ("2099",))):
        told = notice_values(lang, one)["before"]
        assert all(part in told for part in shown), told


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("starts", "by"),
    [
        ("2026-12-05T00:30:00+09:00", date(2026, 11, 30)),  # 23:30 on Friday in Beijing: Tuesday to Thursday
        ("2026-12-04T20:30:00-03:00", date(2026, 12, 1)),  # 07:30 on Saturday in Beijing
        ("2026-12-04T15:30:00Z", date(2026, 11, 30)),
        ("2026-12-04T16:00:00Z", date(2026, 12, 1)),
    ],
)
def test_an_event_is_on_the_vendors_day_wherever_it_is_told_from(starts: str, by: date) -> None:
    (found,) = notice.notices(TENCENT, peak(egress=60e9), moment(starts), noon(TODAY))
    assert found.send_by == by


def test_without_a_known_zone_an_event_is_on_the_earlier_day_and_it_is_asked_on_the_later() -> None:
    large = peak(viewers=600_000)
    for starts in ("2026-12-05T00:30:00+09:00", "2026-12-04T20:30:00-05:00"):
        (found,) = notice.notices(CLOUDFRONT, large, moment(starts), moment("2026-11-20T23:30:00Z"))
        assert found.send_by == date(2026, 11, 20)
    (eastern,) = notice.notices(CLOUDFRONT, large, moment("2026-12-05T00:30:00+09:00"), moment("2026-11-20T14:59:00Z"))
    assert (eastern.standing, eastern.today) == ("open", date(2026, 11, 20))
    late = notice.on(eastern, moment("2026-12-05T00:30:00+09:00"), moment("2026-11-20T15:00:00Z"))
    assert (late.standing, late.today) == ("late", date(2026, 11, 21))


def test_today_is_the_vendors_day_too() -> None:
    starts = moment("2026-12-05T12:30:00Z")
    for now, standing in (("2026-12-01T15:59:59Z", "open"), ("2026-12-01T16:00:00Z", "late")):
        (found,) = notice.notices(TENCENT, peak(egress=60e9), starts, moment(now))
        assert found.standing == standing


@pytest.mark.parametrize("starts", ["9999-12-31T23:30:00Z", "0001-01-01T00:30:00+14:00", "9999-12-31T23:30:00-05:00"])
def test_the_ends_of_the_calendar_are_no_trouble_in_any_zone(starts: str) -> None:
    for rules in (TENCENT, CLOUDFRONT):
        (found,) = notice.notices(rules, peak(viewers=600_000, egress=60e9), moment(starts), noon(TODAY))
        assert found.send_by is not None
