"""The calendar: which exposures explain which return, and which dates are on a grid."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple


class Alignment(NamedTuple):
    """One row of the panel: when exposures are known, what they explain, where they come from."""

    exposure_date: date  # t-1
    return_date: date | None  # t, the next date of the calendar; None for the newest
    source_date: date | None  # the date that the source gives the exposures; None: none is young enough
    age: int  # periods from the source's date to the return; 1 is fresh; 0 without exposures


def align(calendar: Sequence[date], source_dates: Sequence[date], *, starts_period: bool, max_age: int) -> list[Alignment]:
    """X(t-1) beside r(t), by the calendar [model 1].

    Args:
        calendar: dates of the returns, ascending.
        source_dates: dates that the source gives its exposures, ascending.
        starts_period: the source dates exposures by the return that they explain, not by when they were known.
        max_age: periods for which exposures may be carried forward; 1 carries none.

    Returns:
        A row for each date of the calendar; with `starts_period` one more for the first return, known the day before it.
    """
    if not calendar:
        return []
    opening = [calendar[0] - timedelta(days=1)] if starts_period else []
    known = [*opening, *calendar]
    rows = []
    for position, exposure_date in enumerate(known):
        return_date = known[position + 1] if position + 1 < len(known) else None
        found = bisect_right(source_dates, (return_date or exposure_date) if starts_period else exposure_date)
        if starts_period and return_date is None:  # the first after the calendar explains the return that is still to come
            found = min(found + 1, len(source_dates))
        source_date = source_dates[found - 1] if found else None
        age = 0 if source_date is None else _age(calendar, source_date, return_date, starts_period=starts_period)
        if age > max_age:
            source_date, age = None, 0
        rows.append(Alignment(exposure_date, return_date, source_date, age))
    return rows


def _age(calendar: Sequence[date], source_date: date, return_date: date | None, *, starts_period: bool) -> int:
    """Periods of the calendar after the source's date up to the return, counting a newest return that is still to come."""
    end = len(calendar) + 1 if return_date is None else bisect_right(calendar, return_date)
    if starts_period:
        return 1 if source_date > calendar[-1] else end - bisect_right(calendar, source_date) + 1
    return end - bisect_right(calendar, source_date)


def on_grid(dates: Sequence[date], every: Literal["day", "week", "month"]) -> list[date]:
    """The dates that a grid keeps: all, or the last of each ISO week or month so far."""
    if every == "day":
        return list(dates)
    period = {day: (day.isocalendar()[:2] if every == "week" else (day.year, day.month)) for day in dates}
    return [day for day, after in zip(dates, [*dates[1:], None], strict=True) if after is None or period[after] != period[day]]


def month_ends(dates: Sequence[date]) -> list[date]:
    """The last date of each month that is over: one of a later month has come."""
    return [day for day, after in pairwise(dates) if (day.year, day.month) != (after.year, after.month)]
