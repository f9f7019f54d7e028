"""When a vendor must be told of a surge, and whether that can still be done.

Days before the event count without the day of the event. Of working days so many *whole* ones lie between the day of
sending and the day of the event, by the calendar of the vendor's country (`advisor.cdns.calendar`); where the rule
names none, Saturdays and Sundays are no working days and public holidays are not known (assumed to be working days:
check the vendor's calendar). A moment's day is the one that the vendor has then. Where the rule names no time zone, an
event is on the earlier of its local day and that of UTC, and it is asked on the later one, so that no letter is late.
The moment at which it is asked comes in as a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Literal
from zoneinfo import ZoneInfo

from advisor import figures
from advisor.cdns.calendar import WEEKDAYS, is_worked, not_decreed
from advisor.cdns.offer import NoticeRule
from advisor.texts import Message, say
from loadtests.region import Frozen

DAY: Final = timedelta(days=1)
YEAR: Final = 366


class Peak(Frozen):
    """What one CDN is asked to carry, as thresholds see it: high ends."""

    viewers: float
    egress: float
    """bit/s, of all regions."""
    egress_of_a_region: float
    """bit/s, of the largest."""


class Notice(Frozen):
    """One thing that a vendor wants to be told beforehand."""

    rule: NoticeRule
    passed: tuple[Message, ...]
    """The thresholds that the event passes; empty where the vendor always wants to know."""
    send_by: date | None
    """The last day on which it is in time; None where the scenario does not say when the event is."""
    standing: Literal["open", "late", "undated"]
    """``open``: it can still be sent in time on the day it was asked; ``late``: no more; ``undated``: no date."""
    today: date | None = None
    """The day on which it was asked, where the vendor is; None in advice from before."""
    off: tuple[date, ...] = ()
    """Mondays to Fridays between sending and the event that are holidays, and do not count."""
    worked: tuple[date, ...] = ()
    """Saturdays and Sundays between them that are worked to make up for holidays, and count."""
    not_decreed: tuple[int, ...] = ()
    """Years whose calendar bears on it and is not known yet: only their fixed holidays are left out."""


def last_day(event: date, rule: NoticeRule) -> date:
    """The last day on which a notice is in time."""
    if event.toordinal() <= 2 * rule.days + YEAR:
        return date.min  # the calendar begins there
    if not rule.working:
        return event - rule.days * DAY
    day, left = event, rule.days
    while left:
        day -= DAY
        left -= is_worked(day, rule.country)
    return day - DAY


def notices(rules: tuple[NoticeRule, ...], peak: Peak, starts: datetime | None, now: datetime) -> tuple[Notice, ...]:
    """The notices that a vendor wants of an event that starts then."""
    return tuple(_notices(rules, peak, starts, now))


def _notices(rules: tuple[NoticeRule, ...], peak: Peak, starts: datetime | None, now: datetime) -> Iterator[Notice]:
    for rule in rules:
        passed = tuple(_passed(rule, peak))
        if passed or (rule.viewers is None and rule.egress is None and rule.egress_of_a_region is None):
            event = None if starts is None else min(_days(starts, rule))
            send_by = None if event is None else last_day(event, rule)
            notice = on(Notice(rule=rule, passed=passed, send_by=send_by, standing="undated"), starts, now)
            yield notice if event is None or send_by is None else _by_calendar(notice, send_by, event)


def _by_calendar(notice: Notice, send_by: date, event: date) -> Notice:
    """With the days on which the vendor's country differs from Monday to Friday."""
    rule = notice.rule
    if not (rule.working and rule.country):
        return notice
    between = [send_by + step * DAY for step in range(1, (event - send_by).days)]
    other = [day for day in between if is_worked(day, rule.country) != is_worked(day)]
    found = {
        "off": tuple(day for day in other if day.weekday() in WEEKDAYS),
        "worked": tuple(day for day in other if day.weekday() not in WEEKDAYS),
        "not_decreed": not_decreed(send_by, event, rule.country),
    }
    return notice.model_copy(update=found)


def on(notice: Notice, starts: datetime | None, now: datetime) -> Notice:
    """The same notice, asked at another moment."""
    today = max(_days(now, notice.rule, now.tzinfo if starts is None else starts.tzinfo))
    return notice.model_copy(update={"standing": _standing(notice.send_by, today), "today": today})


def _days(moment: datetime, rule: NoticeRule, local: tzinfo | None = None) -> tuple[date, ...]:
    """The vendor's day at that moment; the local one (by itself that of the moment) and UTC's where it is not known."""
    zones = (local or moment.tzinfo, UTC) if rule.timezone is None else (ZoneInfo(rule.timezone),)
    try:
        return tuple(moment.astimezone(zone).date() for zone in zones)
    except OverflowError:  # the calendar begins or ends there
        return (moment.date(),)


def _standing(send_by: date | None, today: date) -> Literal["open", "late", "undated"]:
    if send_by is None:
        return "undated"
    return "open" if today <= send_by else "late"


def _passed(rule: NoticeRule, peak: Peak) -> Iterator[Message]:
    if rule.viewers is not None and peak.viewers > rule.viewers:
        yield say("notice_passed_viewers", found=f"{peak.viewers:,.0f}", limit=f"{rule.viewers:,}")
    for key, found, limit in (
        ("notice_passed_egress", peak.egress, rule.egress),
        ("notice_passed_region", peak.egress_of_a_region, rule.egress_of_a_region),
    ):
        if limit is not None and found > limit:
            yield say(key, found=figures.bits(found), limit=figures.bits(limit))
