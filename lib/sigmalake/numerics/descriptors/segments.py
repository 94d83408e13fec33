"""Segments of companies as they became known, and the industry shares that they make as of a date."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.descriptors.industry_shares import IndustryShares, industry_shares
from sigmalake.numerics.types import Bools, Floats, Ints


class SegmentRecords(NamedTuple):
    """What companies state of their segments, in any order; a later record of one segment and period is a restatement."""

    asset: Ints  # (M,) 0 to N - 1
    industry: Ints  # (M,) 0 to K - 1
    known_at: Ints  # (M,) day at whose close the record is known
    period_end: Ints  # (M,) day that it is about
    assets: Floats  # (M,) >= 0, one currency; NaN: unknown
    sales: Floats  # (M,) the same; NaN beside unknown assets withdraws the segment

    def only(self, rows: Bools | Ints) -> "SegmentRecords":
        """Some of the records."""
        days = self.known_at[rows], self.period_end[rows]
        return SegmentRecords(self.asset[rows], self.industry[rows], *days, self.assets[rows], self.sales[rows])


class KnownShares(NamedTuple):
    """Industry shares as of a date."""

    industries: Ints  # (J,) those with a segment, ascending
    fitted: IndustryShares  # over N companies and J industries


def known_segments(records: SegmentRecords, as_of: int, *, max_age: int) -> SegmentRecords:
    """Each company's newest period known at the close of a day, its segments as last stated by then.

    A period that is followed by a newer one does not come back by a restatement. A company of whose newest period nothing has
    become known for more than `max_age` days has no segments, nor has one whose segments were all withdrawn.

    Args:
        records: no two of one company, industry, period and day.
        as_of: the day; days are counted as in the records.
        max_age: days for which a company's segments count after they became known, e.g. 550 for annual ones.

    Returns:
        At most one record a company and industry, in this order.
    """
    current = newest_periods(records, as_of)
    young = current.only(as_of - last_learned(current) <= max_age)
    ordered = young.only(np.lexsort((young.known_at, young.industry, young.asset)))
    last = np.ones(ordered.asset.size, dtype=np.bool_)
    last[:-1] = (np.diff(ordered.asset) != 0) | (np.diff(ordered.industry) != 0)
    return ordered.only(last & ~(np.isnan(ordered.assets) & np.isnan(ordered.sales)))


def newest_periods(records: SegmentRecords, as_of: int) -> SegmentRecords:
    """All records of each company's newest period known at the close of a day, with those that were restated since."""
    known = records.only(records.known_at <= as_of)
    return known.only(known.period_end == _largest_by_asset(known.asset, known.period_end)[known.asset])


def last_learned(records: SegmentRecords) -> Ints:
    """(M,) the day on which the newest of the same company's records became known."""
    newest: Ints = _largest_by_asset(records.asset, records.known_at)[records.asset]
    return newest


def known_shares(records: SegmentRecords, as_of: int, caps: Floats, in_estimation: Bools, *, max_age: int) -> KnownShares:
    """`industry_shares` of a date from the segments known at its close.

    Args:
        records: of these companies.
        as_of: the day.
        caps: (N,) market capitalisations at its close, NaN where unknown.
        in_estimation: (N,) the estimation universe.
        max_age: as for `known_segments`.

    Raises:
        ValueError: a segment has negative or infinite assets or sales.
    """
    known = known_segments(records, as_of, max_age=max_age)
    industries, column = np.unique(known.industry, return_inverse=True)
    assets, sales = np.zeros((2, caps.size, industries.size))
    assets[known.asset, column], sales[known.asset, column] = known.assets, known.sales
    return KnownShares(industries, industry_shares(caps, assets, sales, in_estimation))


def _largest_by_asset(asset: Ints, days: Ints) -> Ints:
    """The newest day of each asset, at its position; the least number where it has none."""
    largest = np.full(int(asset.max(initial=-1)) + 1, np.iinfo(np.int64).min)
    np.maximum.at(largest, asset, days)
    return largest
