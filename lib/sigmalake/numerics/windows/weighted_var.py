"""Weighted variances over rolling windows, for many as-of dates and series at once."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import check_history, decay
from sigmalake.numerics.windows.rolling_windows import bands

NUMBERS_AT_ONCE = 1 << 20  # where a variance is computed a second time


class WeightedVar(NamedTuple):
    """Variances as of A dates."""

    var: Floats  # (A, N) fraction^2 per period; NaN where n_obs < min_periods
    n_obs: Ints  # (A, N) observations in the window
    failures: Mapping[int, str] = MappingProxyType({})  # why there are none, by number of the as-of date


def weighted_var(
    specific_returns: Floats, as_of: Ints, window: int, half_life: float, *, centre: bool, min_periods: int
) -> WeightedVar:
    """Weighted variances with divisor 1, as m2 - m1^2: moments are banded weights (A, R) times observations (R, N).

    Where that difference loses digits (a mean beyond 2 standard deviations: few observations, or constant ones) the
    variance is computed again from deviations. Only the rows of its window reach the answer of an as-of date.

    Args:
        specific_returns: (R, N) fractions, newest last, NaN where missing.
        as_of: (A,) positions of rows; ascending is fastest.
        window: periods up to and including the as-of row.
        half_life: periods.
        centre: about the weighted mean, else about 0.
        min_periods: observations needed, >= 2.
    """
    check_history("specific_returns", specific_returns)
    var = np.empty((as_of.size, specific_returns.shape[1]))
    n_obs = np.empty(var.shape, dtype=np.int64)
    for block, rows, weights in bands(as_of, len(specific_returns), window, half_life):
        values = specific_returns[rows]
        observed = (~np.isnan(values)).astype(np.float64)
        values = np.nan_to_num(values, nan=0.0)
        n_obs[block] = (weights > 0) @ observed
        enough = n_obs[block] >= min_periods
        total = np.where(enough, weights @ observed, np.nan)
        var[block] = weights @ values**2 / total
        if centre:
            squared_mean = (weights @ values / total) ** 2
            var[block] -= squared_mean
            row, asset = np.nonzero(enough & (squared_mean > 4 * var[block]))
            var[block][row, asset] = _var_from_deviations(specific_returns, as_of[block][row], asset, window, half_life)
    return WeightedVar(var, n_obs)


def _var_from_deviations(specific_returns: Floats, as_of: Ints, asset: Ints, window: int, half_life: float) -> Floats:
    """(M,) the variance of each pair of as-of row and asset."""
    var = np.empty(as_of.size)
    step = max(1, NUMBERS_AT_ONCE // window)
    for start in range(0, as_of.size, step):
        pairs = slice(start, start + step)
        weights, deviations = weighted_deviations(specific_returns, as_of[pairs], asset[pairs], window, half_life)
        var[pairs] = (weights * deviations**2).sum(axis=1)
    return var


def weighted_deviations(specific_returns: Floats, as_of: Ints, asset: Ints, window: int, half_life: float) -> tuple[Floats, Floats]:
    """Weights of sum 1 and deviations from their mean, in two passes that start from the newest observation.

    Args:
        specific_returns: (R, N) NaN where missing.
        as_of: (M,) rows.
        asset: (M,) columns.
        window: periods.
        half_life: periods.

    Returns:
        Both (M, window), the as-of row first; weight 0 where there is no observation.
    """
    ages = np.arange(window)
    rows = as_of[:, None] - ages
    values = np.where(rows >= 0, specific_returns[np.maximum(rows, 0), asset[:, None]], np.nan)
    present = ~np.isnan(values)
    weights = np.where(present, decay(ages, half_life), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    newest = np.take_along_axis(values, present.argmax(axis=1)[:, None], axis=1)
    deviations = np.where(present, values - newest, 0.0)
    deviations -= (weights * deviations).sum(axis=1, keepdims=True)
    return weights, deviations
