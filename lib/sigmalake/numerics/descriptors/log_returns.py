"""Descriptors from log returns: momentum, reversal, and the range of the cumulative return."""

import numpy as np

from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import EQUAL, check_history
from sigmalake.numerics.windows.rolling_windows import bands


def weighted_log_return(returns: Floats, as_of: Ints, trailing: Trailing) -> Floats:
    """sum_j 2^(-age_j / half_life) ln(1 + r_j), the newest row after the lag having age 0 (Menchero, Orr, Wang 2011).

    With equal weights it is the log return over the window. A period without a return adds nothing, as a halted price
    does not move: the weights are not renormalised, so that a short history is not blown up to a full one (**choice**).
    A return <= -1 has no logarithm: there is no answer while it is in the window.

    Args:
        returns: (R, N) simple returns, fractions, newest last, NaN where missing.
        as_of: (A,) positions of rows; ascending is fastest.
        trailing: the window.

    Returns:
        (A, N) log return; NaN with fewer than `min_periods` returns.
    """
    sums, n_obs = _log_sums(returns, as_of, trailing.window, trailing.decay, trailing.lag)
    return np.where(n_obs >= trailing.fewest, sums, np.nan)


def cumulative_range(returns: Floats, as_of: Ints, *, months: int, month: int, min_periods: int) -> Floats:
    """max_T Z(T) - min_T Z(T), Z(T) = sum of ln(1 + r) over the last T months, T = 1 to `months` (Menchero, Orr, Wang 2011).

    A month without a return gives no Z of its own.

    Args:
        returns: (R, N) simple returns, fractions, newest last, NaN where missing.
        as_of: (A,) positions of rows; ascending is fastest.
        months: 12 in the source.
        month: periods; 21 in the source.
        min_periods: returns needed in all months together.

    Returns:
        (A, N) log return, >= 0; NaN with fewer than `min_periods` returns, or a return <= -1.
    """
    shape = (as_of.size, returns.shape[1])
    cumulative, n_obs = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    lowest, highest = np.full(shape, np.inf), np.full(shape, -np.inf)
    for number in range(months):
        in_month, n_in_month = _log_sums(returns, as_of, month, EQUAL, number * month)
        cumulative += in_month
        n_obs += n_in_month
        counts = n_in_month > 0
        np.minimum(lowest, cumulative, out=lowest, where=counts)
        np.maximum(highest, cumulative, out=highest, where=counts)
    enough = (n_obs >= max(1, min_periods)) & ~np.isnan(cumulative)
    return np.where(enough, np.where(enough, highest, 0.0) - np.where(enough, lowest, 0.0), np.nan)


def _log_sums(returns: Floats, as_of: Ints, window: int, half_life: float, lag: int) -> tuple[Floats, Ints]:
    """Weighted sums of ln(1 + r), NaN while a return <= -1 is in the window, and how many returns there are."""
    check_history("returns", returns)
    sums = np.empty((as_of.size, returns.shape[1]))
    n_obs = np.empty(sums.shape, dtype=np.int64)
    for block, rows, band in bands(as_of, len(returns), window, half_life, lag):
        values = returns[rows]
        present, impossible = ~np.isnan(values), values <= -1.0
        sums[block] = band @ np.log1p(np.where(present & ~impossible, values, 0.0))
        n_obs[block] = (band > 0) @ present.astype(np.float64)
        spoilt = impossible.any(axis=0)
        spoils = (band > 0) @ impossible[:, spoilt].astype(np.float64) > 0
        sums[block, spoilt] = np.where(spoils, np.nan, sums[block, spoilt])
    return sums, n_obs
