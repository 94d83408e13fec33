"""The calendar: which exposures explain which return, which dates are on a grid, and which months are complete."""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from sigmalake.errors import ConfigError, DataError

Frequency = Literal["period", "month"]
"""Of the returns that a model is estimated from: the calendar's own, or compounded by calendar month."""


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

    Raises:
        DataError: there is no day before the first return.
    """
    if not calendar:
        return []
    if starts_period and calendar[0] == date.min:
        raise DataError(
            f"the first return is dated {calendar[0]}, and its exposures, which start its period, are known the day before, "
            "which no calendar has; correct the date, or leave the row out"
        )
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
    if every == "day" or not dates:
        return list(dates)
    period = {day: (day.isocalendar()[:2] if every == "week" else (day.year, day.month)) for day in dates}
    ended = [day for day, after in pairwise(dates) if period[after] != period[day]]
    return [*ended, *dates[-1:]]


def month_ends(dates: Sequence[date]) -> list[date]:
    """The last date of each month that is over: one of a later month has come."""
    return [day for day, after in pairwise(dates) if (day.year, day.month) != (after.year, after.month)]


_PERIODS_A_YEAR = {(1, 4): 252.0, (5, 9): 52.0, (26, 33): 12.0, (80, 100): 4.0}  # by the days from one date to the next


def periods_per_year(calendar: Sequence[date]) -> float:
    """252, 52, 12 or 4, by the median of the days from one date of returns to the next.

    Raises:
        ConfigError: the dates are no days, weeks, months or quarters.
    """
    days = float(np.median(np.diff(np.array(calendar, dtype="datetime64[D]")).astype(float))) if len(calendar) > 1 else np.nan
    counts = [count for (least, most), count in _PERIODS_A_YEAR.items() if least <= days <= most]
    if not counts:
        raise ConfigError(
            f"the number of periods in a year does not follow from dates that are {days:g} days apart; give --periods-per-year, "
            "in Python periods_per_year"
        )
    return counts[0]


class Month(NamedTuple):
    """A calendar month's dates, by their positions in a calendar."""

    first: int
    last: int  # itself included


_RECENT = 60  # dates that tell the weekdays of a calendar: one Saturday of years ago is none of them


def complete_months(calendar: Sequence[date], opening: date | None = None) -> list[Month]:
    """The months whose returns are all there, ascending.

    A month counts when the return of its first date begins in the month before, and it is over. The last one is over when none
    of its days to come falls on a weekday on which the calendar has had dates of late (**choice**: a month that ends on a
    holiday is told from a month that goes on by the next date only, and counts from then on).

    Args:
        calendar: dates of returns, ascending.
        opening: the date from which the first return counts; None: unknown, and the first month does not count.
    """
    starts = [i for i, day in enumerate(calendar) if i == 0 or _number(day) != _number(calendar[i - 1])]
    months = [Month(first, after - 1) for first, after in pairwise([*starts, len(calendar)])]
    before = [opening, *calendar]
    return [m for m in months if _follows(before[m.first], calendar[m.first]) and _is_over(m, calendar)]


def months_until(months: Sequence[Month], position: int, count: int) -> Sequence[Month]:
    """The newest `count` of the complete months that end at a position of the calendar or before it."""
    end = bisect_right(months, position, key=lambda month: month.last)
    return months[max(0, end - count) : end]


def _number(day: date) -> int:
    return 12 * day.year + day.month


def _follows(before: date | None, day: date) -> bool:
    return before is not None and _number(day) == _number(before) + 1


def _is_over(month: Month, calendar: Sequence[date]) -> bool:
    if month.last + 1 < len(calendar):
        return True
    newest = calendar[month.last]
    to_come = range(newest.day + 1, monthrange(newest.year, newest.month)[1] + 1)
    return {newest.replace(day=day).weekday() for day in to_come}.isdisjoint(day.weekday() for day in calendar[-_RECENT:])
