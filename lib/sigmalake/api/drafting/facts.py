"""What the numbers of a panel tell: their frequency, their units, which column is what, and when exposures were known."""

from collections import Counter
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

DAYS_OF = {
    "daily": (0.5, 4),
    "weekly": (5, 10),
    "monthly": (25, 35),
    "quarterly": (80, 100),
}  # from date to date
PERCENT_FROM = 0.35  # median size of returns: above, they are in percent, at whatever frequency
DOUBTFUL_UNIT = (0.2, 0.6)
STANDARD_MEAN, STANDARD_SD, OF_DATES = 0.8, (0.4, 2.5), 0.9  # of styles that are standardised, also over a larger universe
KNOWS, KNOWS_NOT = 0.1, 0.03  # correlation with a return, of what knows it and of what does not
NESTED = 0.9  # share of the rows for which one group tells the other
FEWEST_PAIRS = 10  # that a correlation says something
LEAST_A_DATE = 5  # assets, that a date's mean says something


class Frequency(NamedTuple):
    """How often there are dates."""

    name: str  # daily, weekly, monthly, quarterly or irregular
    days: float  # from one date to the next, the median


class Dating(NamedTuple):
    """What the dates of exposures mean."""

    value: str | None  # end_of_period or start_of_period; None: the data do not tell
    column: str = ""  # that tells it
    with_this: float = 0.0  # correlation of its change with the return of the same date
    with_last: float = 0.0  # with the return of the date before


def frequency(dates: pd.Series) -> Frequency:
    """The frequency of a calendar."""
    days = np.sort(dates.dropna().unique())
    gap = float(np.median(np.diff(days) / np.timedelta64(1, "D"))) if len(days) > 1 else float("nan")
    return Frequency(next((name for name, (low, top) in DAYS_OF.items() if low <= gap <= top), "irregular"), gap)


def in_percent(returns: pd.Series) -> tuple[bool, bool]:
    """Whether returns are in percent, and whether that is in doubt."""
    known = returns[np.isfinite(returns)]
    if known.empty:
        return False, True
    size = float(known[known != 0].abs().median())
    below = float((known < -1).mean())
    if below > 0.001:
        return True, size < DOUBTFUL_UNIT[0]
    return size > PERCENT_FROM, DOUBTFUL_UNIT[0] < size < DOUBTFUL_UNIT[1]


def is_standardised(values: pd.Series, dates: pd.Series) -> bool:
    """Whether a column has about mean 0 and standard deviation 1 across the assets of nearly every date."""
    by_date = values.groupby(dates)
    n, mean, sd = by_date.count(), by_date.mean(), by_date.std()
    enough = n >= LEAST_A_DATE
    if not enough.any():
        return False
    fine = (mean.abs() < STANDARD_MEAN) & sd.between(*STANDARD_SD)
    return bool(fine[enough].mean() >= OF_DATES)


def varies_within_dates(values: pd.Series, dates: pd.Series) -> bool:
    """Whether the assets of a date differ, on most dates."""
    by_date = values.groupby(dates)
    spread = by_date.max() - by_date.min()
    return bool((spread[by_date.count() > 1] > 0).mean() > 0.5)


def persistence(values: pd.Series, assets: pd.Series) -> float:
    """Correlation of a value with the one before of the same asset; rows in the order of dates."""
    return correlation(values, values.groupby(assets, observed=True).shift())


def dating(frame: pd.DataFrame, date: str, asset: str, ret: str, levels: list[str], caps: list[str]) -> Dating:
    """What the dates of exposures mean, where a column's changes tell it.

    A cap or a style that is known at the close of a date has moved with the return that ends there; one that was known when
    that return began has moved with the return before.

    Args:
        frame: rows of exposures beside returns.
        date: its column of dates.
        asset: its column of assets.
        ret: its column of returns.
        levels: columns of styles.
        caps: columns of which the logarithm is taken.
    """
    frame = frame[[date, asset, ret, *levels, *caps]].dropna(subset=[date, asset]).sort_values([asset, date])
    by_asset = frame.groupby(asset, observed=True)
    this, last = frame[ret], by_asset[ret].shift()
    found = []
    for column in [*caps, *levels]:
        values = np.log(frame[column].where(frame[column] > 0)) if column in caps else frame[column]
        change = values - values.groupby(frame[asset], observed=True).shift()
        change = change.where(change.abs() < change.abs().quantile(0.995))
        found.append(Dating(None, column, correlation(change, this), correlation(change, last)))
    knowing = max(found, key=lambda one: abs(one.with_this), default=Dating(None))
    if abs(knowing.with_this) > KNOWS:
        return knowing._replace(value="end_of_period")
    late = max(found, key=lambda one: abs(one.with_last), default=Dating(None))
    if abs(late.with_last) > KNOWS and all(abs(one.with_this) < KNOWS_NOT for one in found):
        return late._replace(value="start_of_period")
    return Dating(None)


def nested(one: pd.Series, other: pd.Series) -> bool:
    """Whether the level of one group mostly tells that of the other, in either direction."""
    counts = pd.crosstab(one, other).to_numpy()
    total = counts.sum()
    return bool(total and max(counts.max(axis=1).sum(), counts.max(axis=0).sum()) / total > NESTED)


def share_groups(frame: pd.DataFrame, columns: list[str]) -> list[tuple[str, list[str]]]:
    """Columns with a common beginning whose values are shares: each from 0 to 1, mostly 0, and 1 in all of a row."""
    shares = [name for name in columns if frame[name].between(0, 1).all() and (frame[name] == 0).mean() > 0.3]
    found, taken = [], set[str]()
    for first, second in combinations(shares, 2):
        start = _common_start(first, second)
        if not start or {first, second} & taken:
            continue
        group = [name for name in shares if name.startswith(start)]
        if len(group) > 1 and np.isclose(frame[group].sum(axis=1), 1.0, atol=1e-6).mean() > 0.99:
            found.append((start.rstrip("_. :-"), group))
            taken |= set(group)
    return found


def same_caps(frame: pd.DataFrame, date: str, asset: str, cap: str) -> list[tuple[str, str]]:
    """Pairs of assets that have the same cap, to the last digit, on most of the dates that both have one."""
    rows = frame[[date, asset, cap]].dropna()
    rows = rows[rows[cap] > 0]
    twice = rows[rows.duplicated([date, cap], keep=False)]
    if twice.empty or len(twice) > len(rows) / 2:
        return []
    groups = [sorted(map(str, of_cap))[:2] for _, of_cap in twice.groupby([date, cap])[asset]]
    counts, dates = Counter((one, other) for one, other in groups), rows.groupby(rows[asset].astype(str))[date].nunique()
    return [(one, other) for (one, other), n in counts.most_common() if n > 0.5 * min(dates[one], dates[other])][:5]


def _common_start(first: str, second: str) -> str:
    n = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    start = first[:n]
    at = max((start.rfind(mark) for mark in "_. :-"), default=-1)
    return start[: at + 1]


def correlation(one: pd.Series, other: pd.Series) -> float:
    """Of the rows that have both; 0 where these are few or all alike."""
    x, y = one.to_numpy(dtype=np.float64), other.to_numpy(dtype=np.float64)
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    if len(x) < FEWEST_PAIRS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])
