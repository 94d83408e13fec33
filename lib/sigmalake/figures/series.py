"""Series over dates as a figure holds them: one array of days, and no more points than can be seen."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST_POINTS = 1300  # of a line: five years of days; a line is some 1,000 pixels long

Days = NDArray[np.datetime64]


def days_of(index: pd.Index) -> Days:
    """The dates, a day each, which plotly writes as short text."""
    days: Days = index.to_numpy().astype("datetime64[D]")
    return days


def small(values: object) -> NDArray[np.float32]:
    """Numbers to be looked at, seven digits each."""
    return np.asarray(values, dtype=np.float32)


def weekly(index: pd.Index) -> tuple[NDArray[np.int64], bool]:
    """The positions of a line's points: every date, or where they are too many the last date of each week.

    Returns:
        Ascending positions, the last date among them, and whether some were left out.
    """
    n = len(index)
    if n <= MOST_POINTS:
        return np.arange(n), False
    weeks = (days_of(index).astype(np.int64) + 3) // 7  # 1970-01-01 was a Thursday: weeks begin on Monday
    last = np.append(weeks[1:] != weeks[:-1], True)
    return np.flatnonzero(last), True


WEEKLY_NOTE = "Lines show the last date of each week."


def rolling_mean(values: pd.Series, window: int) -> pd.Series:
    """Mean of the last `window` dates, from a third of them on; dates without a value count as absent."""
    return values.rolling(window, min_periods=max(1, window // 3)).mean()


def quarter(index: pd.Index) -> int:
    """Dates in three months at the pace of an index, 2 or more."""
    if len(index) < 2:
        return 2
    days = int((days_of(index)[-1] - days_of(index)[0]).astype(np.int64))
    return max(2, round((len(index) - 1) / max(days, 1) * 91.3))
