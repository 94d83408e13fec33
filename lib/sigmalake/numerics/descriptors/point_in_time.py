"""Fundamentals as they became known: the newest period's latest figure as of a date, and growth over the years before it."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Bools, Floats, Ints

_YEAR = 365.25  # days


class KnownRecords(NamedTuple):
    """Figures of one item, in any order; a later record of the same period is a restatement, NaN withdraws the figure."""

    asset: Ints  # (M,) 0 to N - 1
    known_at: Ints  # (M,) day at whose close the figure is known
    period_end: Ints  # (M,) day that the figure is about
    values: Floats  # (M,)

    def only(self, rows: Bools | Ints) -> "KnownRecords":
        """Some of the records."""
        return KnownRecords(self.asset[rows], self.known_at[rows], self.period_end[rows], self.values[rows])


def latest_known(records: KnownRecords, as_of: Ints, n_assets: int, *, max_age: int) -> Floats:
    """The newest period's figure, as last stated at the close of each as-of day.

    A record counts from its `known_at` on, whatever its period. A restatement of an older period does not bring that
    period back.

    Args:
        records: of one item.
        as_of: (A,) days.
        n_assets: N.
        max_age: days for which a figure is used after it became known, e.g. 550 for an annual one.

    Returns:
        (A, N); NaN where nothing is known, or nothing young enough, or the figure was withdrawn.

    Raises:
        ValueError: two different figures of one asset and period known on one day, or a figure that is infinite.
    """
    kept = _newest_periods(_checked(records))
    found = np.full((as_of.size, n_assets), np.nan)
    if not kept.asset.size:
        return found
    first = min(int(kept.known_at.min()), int(as_of.min(initial=kept.known_at[0])))
    span = max(int(kept.known_at.max()), int(as_of.max(initial=kept.known_at[0]))) - first + 1
    keys = kept.asset * span + (kept.known_at - first)  # ascending
    at = np.searchsorted(keys, np.arange(n_assets) * span + (as_of[:, None] - first), side="right") - 1
    record = np.maximum(at, 0)
    age = as_of[:, None] - kept.known_at[record]
    used = (at >= 0) & (kept.asset[record] == np.arange(n_assets)) & (age <= max_age)
    found[used] = kept.values[record[used]]
    return found


def growth_records(records: KnownRecords, *, years: int, min_years: int) -> KnownRecords:
    """Growth as it became known: for each record, the slope of the figures on time over their mean size.

    sum (s - sbar)(y - ybar) / sum (s - sbar)^2 / mean |y|, s in years: the trend of the last `years` annual figures as
    stated at that day (Menchero, Orr, Wang 2011: earnings and sales growth; |y|, as earnings change sign, is a
    **choice**). Per-share figures need one share base throughout.

    Args:
        records: annual figures of one item.
        years: of the newest periods; one that ended less than half a year earlier still counts.
        min_years: figures needed; with fewer the record says NaN.

    Returns:
        A record for each given one, of the newest period known on its day: fraction per year.
    """
    if not 2 <= min_years <= years:
        raise ValueError(f"min_years is {min_years}; it must be from 2 to the {years} years")
    ordered = _checked(records)
    newest, growth = np.empty_like(ordered.period_end), np.empty_like(ordered.values)
    stated: dict[int, float] = {}
    for number in range(ordered.asset.size):
        if number and ordered.asset[number] != ordered.asset[number - 1]:
            stated = {}
        stated[int(ordered.period_end[number])] = float(ordered.values[number])
        newest[number] = max(stated)
        growth[number] = _trend(stated, years, min_years)
    last_of_day = np.ones(newest.size, dtype=np.bool_)
    last_of_day[:-1] = (np.diff(ordered.known_at) != 0) | (np.diff(ordered.asset) != 0)
    return KnownRecords(ordered.asset, ordered.known_at, newest, growth).only(last_of_day)


def _checked(records: KnownRecords) -> KnownRecords:
    """The records in the order of asset, day and period; equal copies once."""
    if n_infinite := int(np.isinf(records.values).sum()):
        raise ValueError(f"values has {n_infinite} infinite values; a figure that is withdrawn is NaN")
    order = np.lexsort((records.values, records.period_end, records.known_at, records.asset))
    ordered = records.only(order)
    same = np.all([np.diff(column) == 0 for column in ordered[:3]], axis=0)
    before, after = ordered.values[:-1][same], ordered.values[1:][same]
    unequal = ~((before == after) | (np.isnan(before) & np.isnan(after)))
    if unequal.any():
        where = np.flatnonzero(same)[unequal][0]
        raise ValueError(
            f"{int(unequal.sum())} figures contradict another one of the same asset, period and day, first asset "
            f"{ordered.asset[where]} on day {ordered.known_at[where]}: {before[unequal][0]:g} and {after[unequal][0]:g}"
        )
    kept = np.insert(~same, 0, np.ones(min(1, records.asset.size), dtype=np.bool_))
    return ordered.only(kept)


def _newest_periods(ordered: KnownRecords) -> KnownRecords:
    """Without records of a period older than one that was known before, or on the same day."""
    periods, rank = np.unique(ordered.period_end, return_inverse=True)
    key = ordered.asset * len(periods) + rank
    newest = key == np.maximum.accumulate(key)
    return ordered.only(newest)


def _trend(stated: dict[int, float], years: int, min_years: int) -> float:
    first = max(stated) - years * _YEAR + _YEAR / 2  # half a year for fiscal years of 52 or 53 weeks and moved ends
    figures = [(end / _YEAR, value) for end, value in stated.items() if end > first and not np.isnan(value)]
    if len(figures) < min_years:
        return float("nan")
    ends, values = np.array(figures).T
    times = ends - ends.mean()
    size = np.abs(values).mean()
    return float(times @ (values - values.mean()) / (times @ times) / size) if size > 0 else float("nan")
