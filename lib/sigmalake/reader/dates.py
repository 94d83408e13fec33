"""Dates in the forms that users give them, and as the index of a frame."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from sigmalake.errors import ConfigError

Day = date | np.datetime64 | str
"""A date as it may be given: ISO text, a date, a datetime, a pandas Timestamp or numpy's datetime64."""

Instant = datetime | date | np.datetime64 | str
"""An instant as it may be given: ISO text, a datetime, a pandas Timestamp or numpy's datetime64; a date is its midnight."""


def as_date(day: Day) -> date:
    """The date of a day; of a time with a zone, its local date.

    Raises:
        ConfigError: it is no date.
    """
    if isinstance(day, np.datetime64):
        day = pd.Timestamp(day)
    if isinstance(day, str):
        try:
            return datetime.fromisoformat(day.strip()).date()
        except ValueError:
            raise ConfigError(f"{day!r} is not a date; write it as 2024-03-04") from None
    if not isinstance(day, date) or pd.isna(day):
        raise ConfigError(f"{day!r} is not a date; give text such as '2024-03-04', a date or a Timestamp")
    return day.date() if isinstance(day, datetime) else day


def as_instant(instant: Instant) -> datetime:
    """The instant in UTC, to the microsecond; without a zone it is UTC.

    Raises:
        ConfigError: it is no instant.
    """
    try:
        found = pd.Timestamp(instant).floor("us")
        known = isinstance(instant, str | date | np.datetime64) and not pd.isna(found)
    except (TypeError, ValueError, OverflowError):
        known = False
    if not known:
        raise ConfigError(f"{instant!r} is not an instant; write it as 2024-03-04T17:30+00:00, or without a zone for UTC")
    zoned = found.tz_localize(UTC) if found.tzinfo is None else found.tz_convert(UTC)
    return zoned.to_pydatetime()


def date_index(days: Iterable[date]) -> pd.DatetimeIndex:
    """Dates as a DatetimeIndex called `date`."""
    listed = list(days)
    try:
        return pd.DatetimeIndex(pd.to_datetime(listed), name="date")
    except pd.errors.OutOfBoundsDatetime:  # before 1677-09-22 or after 2262-04-11, which nanoseconds do not reach
        return pd.DatetimeIndex(np.array(listed, dtype="datetime64[s]"), name="date")


def last_until(days: Sequence[date], day: date) -> date | None:
    """The last of some ascending dates that is not after a day; None: there is none."""
    position = bisect_right(days, day)
    return days[position - 1] if position else None


def nearest(day: date, known: Sequence[date]) -> str:
    """Describe ascending dates for a message: first, last and number."""
    if not known:
        return "there are none"
    around = [*[d for d in known if d < day][-1:], *[d for d in known if d > day][:1]]
    return f"nearest: {', '.join(map(str, around))}; newest: {known[-1]}"


def bounds(start: Day | None, end: Day | None) -> tuple[date | None, date | None]:
    """Both ends of a range as dates; None stays open."""
    return None if start is None else as_date(start), None if end is None else as_date(end)
