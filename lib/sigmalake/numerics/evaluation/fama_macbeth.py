"""The mean of each factor's return over time, and how sure it is."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.regression.fit_statistics import ALIKE
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import check_history


class FactorPremia(NamedTuple):
    """Per factor, per period, in the unit of the factor returns; NaN where it cannot be told."""

    mean: Floats  # (K,)
    std_error: Floats  # (K,) of independent periods
    t_stat: Floats  # (K,) mean / std_error; NaN where all returns are alike
    nw_std_error: Floats  # (K,) Newey-West
    nw_t_stat: Floats  # (K,)
    n_periods: Ints  # (K,) with a return


def fama_macbeth(factor_returns: Floats, lags: int) -> FactorPremia:
    """The mean of f_t, with plain and Newey-West standard errors.

    Plain: se^2 = G_0 / (T - 1) (Fama and MacBeth 1973). Newey-West: se^2 = [G_0 + 2 sum_{l=1..L} (1 - l/(L+1)) G_l] / (T - 1)
    (Newey and West 1987), G_l = 1/T sum_t x_t x_{t-l}, x_t = f_t - mean, with T - 1 for T so that no lags is plain. A
    missing period keeps its place in time and counts as x_t = 0, T being the periods with a return (Parzen 1963), so
    that se^2 >= 0. The error of the regressions' own estimates is within f_t; that of estimated exposures is not
    accounted for (Shanken 1992).

    Args:
        factor_returns: (T, K) a row a period of the calendar, fractions; NaN is missing.
        lags: L, 0 or more and below the number of rows; `automatic_lags` is usual.

    Raises:
        ValueError: no table, infinite values, lags below 0 or not below the number of rows.
    """
    check_history("factor_returns", factor_returns)
    if not 0 <= lags < max(1, len(factor_returns)):
        raise ValueError(f"lags is {lags}; it must be from 0 to below the {len(factor_returns)} periods")
    present = np.isfinite(factor_returns)
    n_periods = present.sum(axis=0)
    filled = np.where(present, factor_returns, 0.0)
    mean = np.where(n_periods > 0, filled.sum(axis=0) / np.maximum(n_periods, 1), np.nan)
    x = np.where(present, factor_returns - mean, 0.0)
    plain = np.einsum("tk,tk->k", x, x)
    moves = plain > ALIKE * np.einsum("tk,tk->k", filled, filled)
    robust = plain.copy()
    for lag in range(1, lags + 1):
        robust += 2.0 * (1.0 - lag / (lags + 1.0)) * np.einsum("tk,tk->k", x[lag:], x[:-lag])
    divisor = np.where(n_periods > 1, n_periods * (n_periods - 1.0), np.nan)
    std_error = np.sqrt(np.where(moves, plain, 0.0) / divisor)
    nw_std_error = np.sqrt(np.where(moves, np.maximum(robust, 0.0), 0.0) / divisor)  # below 0 by rounding only
    return FactorPremia(mean, std_error, _ratio(mean, std_error), nw_std_error, _ratio(mean, nw_std_error), n_periods)


def automatic_lags(n_periods: int) -> int:
    """floor(4 (T / 100)^(2/9)), the lags for Bartlett weights of Newey and West (1994), below T."""
    return max(0, min(int(4.0 * (n_periods / 100.0) ** (2.0 / 9.0)), n_periods - 1))


def _ratio(mean: Floats, std_error: Floats) -> Floats:
    return mean / np.where(std_error > 0.0, std_error, np.nan)
