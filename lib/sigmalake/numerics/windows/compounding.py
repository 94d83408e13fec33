"""Returns of months from returns of days: compounded, with a rule for what is missing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.numerics.windows.calendar import Month

NONE_MISSING = 0.0
"""Of factor returns: a month without one of its dates is no return of the month."""

ONE_IN_FIVE_MISSING = 0.2
"""Of an asset's returns (**choice**): a halt of some days keeps the month, a listing or a delisting within it loses it.

What is compounded then lacks up to a fifth of the dates, and with independent returns up to a fifth of that month's variance;
nothing, where the first return after a halt is from the last price before it. With none missing allowed, one day of a halt in
each month would leave an asset without any history.
"""


class Compounded(NamedTuple):
    """Returns of M months."""

    returns: Floats  # (M, N) fraction per month; NaN: more dates are missing than allowed
    n_missing: Ints  # (M, N) dates of the month without a return
    n_dates: Ints  # (M,) dates of the month

    @property
    def has_gaps(self) -> Bools:
        """(M, N) months of which some dates are missing, and some are there."""
        found: Bools = (self.n_missing > 0) & (self.n_missing < self.n_dates[:, None])
        return found


def compound(returns: Floats, months: Sequence[Month], most_missing: float) -> Compounded:
    """prod_t (1 + r_t) - 1 over the dates t of a month that have a return.

    By R <- R + r_t (1 + R), so that a month of one date has that date's return to the last bit. Compounding is of each series
    alone: over a month r is no longer X f + u exactly, but for terms of second order.

    Args:
        returns: (T, N) fractions per date, NaN where missing.
        months: runs of rows.
        most_missing: share of a month's dates that may be missing, 0 to 1; a month without any return is NaN.
    """
    shape = (len(months), returns.shape[1])
    total, n_missing = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    for row, month in enumerate(months):
        for values in returns[month.first : month.last + 1]:
            missing = np.isnan(values)
            n_missing[row] += missing
            total[row] += np.where(missing, 0.0, values) * (1.0 + total[row])
    n_dates = np.array([month.last - month.first + 1 for month in months], dtype=np.int64)
    share = n_missing / n_dates[:, None]
    return Compounded(np.where((share <= most_missing) & (share < 1), total, np.nan), n_missing, n_dates)
