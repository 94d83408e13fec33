"""Closed ranges of dates, as writes replace them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple


class DateRange(NamedTuple):
    """From first to last, both included."""

    first: date
    last: date


def as_ranges(dates: Iterable[date], calendar: Sequence[date]) -> list[DateRange]:
    """The fewest closed ranges that hold these dates of a calendar and no other date of it."""
    wanted = sorted(set(dates))
    position = {day: index for index, day in enumerate(sorted(set(calendar) | set(wanted)))}
    ranges: list[DateRange] = []
    for day in wanted:
        if ranges and position[day] == position[ranges[-1].last] + 1:
            ranges[-1] = DateRange(ranges[-1].first, day)
        else:
            ranges.append(DateRange(day, day))
    return ranges


def single_days(dates: Iterable[date]) -> list[DateRange]:
    """A range for each date, for rows between which others stand."""
    return [DateRange(day, day) for day in sorted(set(dates))]


def within(column: str, ranges: Sequence[DateRange]) -> str:
    """SQL that holds for the rows of these ranges."""
    if not ranges:
        return "false"
    return "(" + " OR ".join(f"({column} >= DATE'{r.first}' AND {column} <= DATE'{r.last}')" for r in ranges) + ")"


def envelope(ranges: Sequence[DateRange]) -> DateRange | None:
    """The one range that holds them all."""
    return DateRange(min(r.first for r in ranges), max(r.last for r in ranges)) if ranges else None
