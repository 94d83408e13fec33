"""How far an asset's own history can be trusted: long enough, and without wild tails."""

import numpy as np

from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import EQUAL
from sigmalake.numerics.windows.weighted_var import weighted_var

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
    plain = weighted_var(specific_returns, as_of, window, EQUAL, centre=True, min_periods=2)
    long_enough = np.clip((plain.n_obs - fewest_obs) / ramp_obs, 0.0, 1.0)
    by_asset = np.ascontiguousarray(specific_returns.T)
    tame = np.zeros(plain.var.shape)
    for number, row in enumerate(as_of):
        some = np.flatnonzero(plain.n_obs[number] >= 2)
        n_obs = plain.n_obs[number, some]
        ascending = np.sort(by_asset[some, max(0, row - window + 1) : row + 1], axis=1)  # NaN comes last
        tame[number, some] = _tameness(ascending, n_obs, plain.var[number, some] * n_obs / (n_obs - 1))
    return long_enough * tame


def _tameness(ascending: Floats, n_obs: Ints, sample_var: Floats) -> Floats:
    """(N,) min(1, exp(1 - Z)); 0 where the interquartile range is 0."""
    robust = (_quantile(ascending, n_obs, 0.75) - _quantile(ascending, n_obs, 0.25)) / _NORMAL_IQR
    limit = _WINSORISE_BEYOND * robust
    furthest = np.maximum(-ascending[:, 0], ascending[np.arange(len(ascending)), n_obs - 1])
    var = sample_var.copy()
    wild = np.flatnonzero((furthest > limit) & (robust > 0))
    if wild.size:
        clipped = np.clip(ascending[wild], -limit[wild, None], limit[wild, None])
        var[wild] = np.nanvar(clipped, axis=1, ddof=1)
    spreads = robust > 0
    tame = np.zeros(len(robust))
    tame[spreads] = np.minimum(1.0, np.exp(1.0 - np.abs(np.sqrt(var[spreads]) / robust[spreads] - 1.0)))
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
