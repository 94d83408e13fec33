"""Shares of countries, industries or other levels in companies' revenues, as of a day."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.descriptors.segments import SegmentRecords, known_segments, last_learned, newest_periods
from sigmalake.numerics.types import Floats, Ints


class RevenueShares(NamedTuple):
    """Memberships known at the close of a day: an entry a company and level with a share above 0, in this order."""

    asset: Ints  # (M,)
    level: Ints  # (M,)
    shares: Floats  # (M,) those of a company sum to 1
    until: Ints  # (M,) the last day on which the company's revenues are young enough


def revenue_shares(records: SegmentRecords, as_of: int, *, max_age: int) -> RevenueShares:
    """X_nk = R_nk / sum_j R_nj, R the revenues of a company's newest period known at the close of the day.

    A lecture on estimating a country's factor return by cross-sectional regression takes such shares as exposures. Which
    period counts, restatements and age are those of `known_segments`. A company whose revenues sum to 0 has no shares.

    Args:
        records: revenues >= 0 as `sales`, levels as `industry`; `assets` are all NaN.
        as_of: the day.
        max_age: days for which revenues count after the newest of them became known.

    Raises:
        ValueError: a revenue is negative or infinite.
    """
    if n_wrong := int(((records.sales < 0) | np.isinf(records.sales)).sum()):
        raise ValueError(f"revenue has {n_wrong} negative or infinite values; it is 0 or more, NaN where withdrawn")
    newest = newest_periods(records, as_of)
    n_assets = int(records.asset.max(initial=-1)) + 1
    until = np.zeros(n_assets, dtype=np.int64)
    until[newest.asset] = last_learned(newest) + max_age
    known = known_segments(newest, as_of, max_age=max_age)
    held = known.only(known.sales > 0)
    total = np.bincount(held.asset, weights=held.sales, minlength=n_assets)
    return RevenueShares(held.asset, held.industry, held.sales / total[held.asset], until[held.asset])
