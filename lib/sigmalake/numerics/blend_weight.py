"""How far an asset's own history can be trusted: long enough, and without wild tails."""

import numpy as np

from sigmalake.numerics.arrays import Floats, Ints
from sigmalake.numerics.ewma import check_history
from sigmalake.numerics.rolling_windows import check_as_of

_NORMAL_IQR = 1.35  # of a standard normal, as in the paper
_WINSORISE_BEYOND = 10.0  # robust standard deviations


def blend_weights(specific_returns: Floats, as_of: Ints, window: int, fewest_obs: int, ramp_obs: int) -> Floats:
    """gamma = min(1, max(0, (h - fewest) / ramp)) min(1, exp(1 - Z)), Z = |s_eq / s - 1| (Briner, Smith, Ward 2009).

    h counts the observations in the window, s = IQR(u) / 1.35, s_eq is the sample standard deviation of u clipped at
    +-10 s. s = 0 or h below 2: gamma = 0.

    Args:
        specific_returns: (R, N) fractions, newest last, NaN where missing.
        as_of: (A,) positions of rows.
        window: periods.
        fewest_obs: observations up to which gamma is 0.
        ramp_obs: observations beyond these at which length no longer limits it, > 0.

    Returns:
        (A, N) 0 to 1.
    """
    check_history("specific_returns", specific_returns)
    check_as_of(as_of, len(specific_returns))
    by_asset = np.ascontiguousarray(specific_returns.T)
    weights = np.zeros((as_of.size, len(by_asset)))
    for number, row in enumerate(as_of):
        ascending = np.sort(by_asset[:, max(0, row - window + 1) : row + 1], axis=1)  # NaN comes last
        n_obs = (~np.isnan(ascending)).sum(axis=1)
        long_enough = np.clip((n_obs - fewest_obs) / ramp_obs, 0.0, 1.0)
        weights[number] = long_enough * _tameness(ascending, n_obs)
    return weights


def _tameness(ascending: Floats, n_obs: Ints) -> Floats:
    """(N,) min(1, exp(1 - Z)); 0 where Z is not defined."""
    tame = np.zeros(len(ascending))
    some = np.flatnonzero(n_obs >= 2)
    values, n = ascending[some], n_obs[some]
    robust = (_quantile(values, n, 0.75) - _quantile(values, n, 0.25)) / _NORMAL_IQR
    spreads = robust > 0
    some, values, n, robust = some[spreads], values[spreads], n[spreads], robust[spreads]
    limit = (_WINSORISE_BEYOND * robust)[:, None]
    clipped = np.nan_to_num(np.clip(values, -limit, limit), nan=0.0)
    mean = clipped.sum(axis=1) / n
    deviations = np.where(np.isnan(values), 0.0, clipped - mean[:, None])
    plain = np.sqrt((deviations**2).sum(axis=1) / (n - 1))
    tame[some] = np.minimum(1.0, np.exp(1.0 - np.abs(plain / robust - 1.0)))
    return tame


def _quantile(ascending: Floats, n_obs: Ints, share: float) -> Floats:
    """(N,) with linear interpolation between the two nearest observations."""
    position = (n_obs - 1) * share
    below = position.astype(np.int64)
    above = np.minimum(below + 1, n_obs - 1)
    assets = np.arange(len(ascending))
    low, high = ascending[assets, below], ascending[assets, above]
    quantile: Floats = low + (position - below) * (high - low)
    return quantile
