"""Working days as a country keeps them: weekends, public holidays, and the weekend days that are worked for them.

The calendars are those of the library ``holidays``. Where a government decrees the year's calendar (China's State
Council, each November for the next year), a year that the library does not have yet has its fixed holidays only, and
is said.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from holidays import HolidayBase

WEEKDAYS: Final = range(5)
"""Monday to Friday."""
DECREED: Final = frozenset({"CN"})
"""Countries whose calendar is decreed year by year."""
NEW_YEAR: Final = 25
"""From this day of December on New Year's Day may be made up for (none was earlier in China, 2001 to 2026)."""


def is_kept(country: str) -> bool:
    """Whether the library keeps a calendar of a country (ISO 3166-1, two letters)."""
    import holidays  # a quarter of a second, and only where a vendor counts working days

    return country in holidays.list_supported_countries(include_aliases=False)


def is_worked(day: date, country: str = "") -> bool:
    """Whether a day is a working day in a country; without one Monday to Friday are."""
    calendar = _calendar(country, day.year) if country else None
    return day.weekday() in WEEKDAYS if calendar is None else calendar.is_working_day(day)


def not_decreed(first: date, last: date, country: str) -> tuple[int, ...]:
    """Years whose calendar bears on the days from ``first`` to ``last`` and is not known yet."""
    if country not in DECREED:
        return ()
    end = last.year + (last.month == 12 and last.day >= NEW_YEAR)
    return tuple(year for year in range(first.year, end + 1) if not _is_decreed(country, year))


def _is_decreed(country: str, year: int) -> bool:
    calendar = _calendar(country, year)
    return calendar is not None and year in calendar.special_public_holidays


@cache
def _calendar(country: str, year: int) -> HolidayBase | None:
    """Of a year and the next one, whose first holiday may be made up for in December; None where there is none."""
    import holidays

    found = holidays.country_holidays(country, years=(year, year + 1), expand=False)
    return found if found.start_year <= year < found.end_year else None
