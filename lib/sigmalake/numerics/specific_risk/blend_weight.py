"""How far an asset's own history can be trusted: long enough, and without wild tails."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import EQUAL
from sigmalake.numerics.windows.weighted_var import weighted_var

_NORMAL_IQR = 1.35  # of a standard normal, as in the paper
_WINSORISE_BEYOND = 10.0  # robust standard deviations
_NEAR = 3  # periods that a sorted window is moved on; beyond, sorting anew is faster


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
    tame = np.zeros(plain.var.shape)
    for number, ascending in enumerate(_ascending_windows(specific_returns, as_of, window)):
        some = np.flatnonzero(plain.n_obs[number] >= 2)
        n_obs = plain.n_obs[number, some]
        tame[number, some] = _tameness(ascending, some, n_obs, plain.var[number, some] * n_obs / (n_obs - 1))
    return long_enough * tame


def _ascending_windows(specific_returns: Floats, as_of: Ints, window: int) -> Iterator[Floats]:
    """(N, window) the observations of each as-of date's window, ascending, then inf where there is none.

    From one date to a near later one, what left is replaced by what came, which is faster than to sort again.
    """
    values = np.where(np.isnan(specific_returns), np.inf, specific_returns)
    none, ascending, newest = np.full(values.shape[1], np.inf), np.empty((0, window)), -1
    for row in as_of.tolist():
        if len(ascending) and newest <= row <= newest + _NEAR:
            for entering in range(newest + 1, row + 1):
                leaving = values[entering - window] if entering >= window else none
                ascending = _replaced(ascending, leaving, values[entering])
        else:
            rows = values[max(0, row - window + 1) : row + 1]
            padded = np.full((values.shape[1], window), np.inf)
            padded[:, : len(rows)] = rows.T
            ascending = np.sort(padded, axis=1)
        newest = row
        yield ascending


def _replaced(ascending: Floats, leaving: Floats, entering: Floats) -> Floats:
    """Each row with one value less and one value more, still ascending: what stands between the two moves by one place."""
    places = np.arange(ascending.shape[1], dtype=np.int32)
    gone, come = _places(ascending, leaving)[:, None], _places(ascending, entering)[:, None]
    replaced = ascending.copy()
    np.copyto(replaced[:, :-1], ascending[:, 1:], where=((places >= gone) & (places < come - 1))[:, :-1])
    np.copyto(replaced[:, 1:], ascending[:, :-1], where=((places > come) & (places <= gone))[:, 1:])
    replaced[np.arange(len(replaced)), np.where(come > gone, come - 1, come)[:, 0]] = entering
    return replaced


def _places(ascending: Floats, values: Floats) -> NDArray[np.int32]:
    """How many numbers of each row are below the row's value, by bisection."""
    rows, size = np.arange(len(ascending)), ascending.shape[1]
    below, step = np.zeros(len(ascending), dtype=np.int32), 1 << (size.bit_length() - 1)
    while step:
        tried = below + np.int32(step)
        within = tried <= size
        is_below = within & (ascending[rows, np.where(within, tried - 1, 0)] < values)
        below = np.where(is_below, tried, below)
        step >>= 1
    return below


def _tameness(ascending: Floats, assets: Ints, n_obs: Ints, sample_var: Floats) -> Floats:
    """(M,) min(1, exp(1 - Z)) of these rows; 0 where the interquartile range is 0."""
    robust = (_quantile(ascending, assets, n_obs, 0.75) - _quantile(ascending, assets, n_obs, 0.25)) / _NORMAL_IQR
    limit = _WINSORISE_BEYOND * robust
    furthest = np.maximum(-ascending[assets, 0], ascending[assets, n_obs - 1])
    var = sample_var.copy()
    wild = np.flatnonzero((furthest > limit) & (robust > 0))
    if wild.size:
        observed = np.where(np.isinf(ascending[assets[wild]]), np.nan, ascending[assets[wild]])
        var[wild] = np.nanvar(np.clip(observed, -limit[wild, None], limit[wild, None]), axis=1, ddof=1)
    spreads = robust > 0
    tame = np.zeros(len(robust))
    tame[spreads] = np.minimum(1.0, np.exp(1.0 - np.abs(np.sqrt(var[spreads]) / robust[spreads] - 1.0)))
    return tame


def _quantile(ascending: Floats, assets: Ints, n_obs: Ints, share: float) -> Floats:
    """(M,) of these rows, with linear interpolation between the two nearest observations."""
    position = (n_obs - 1) * share
    below = position.astype(np.int64)
    low, high = ascending[assets, below], ascending[assets, np.minimum(below + 1, n_obs - 1)]
    quantile: Floats = low + (position - below) * (high - low)
    return quantile
