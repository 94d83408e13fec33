"""Beta to the market, and what it leaves, of many assets as of many dates."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.numerics.windows.ewma import check_history
from sigmalake.numerics.windows.rolling_windows import bands
from sigmalake.numerics.windows.weighted_var import NUMBERS_AT_ONCE, weighted_deviations

_LOST = 1e-3  # a variance this small beside the mean square it is the rest of has lost three digits: it is computed again


class MarketBeta(NamedTuple):
    """The regression of each asset on the market, as of A dates; NaN with too few pairs, or a market that stands still."""

    beta: Floats  # (A, N) slope
    residual_vol: Floats  # (A, N) sqrt of the weighted mean squared residual, fraction per period
    n_obs: Ints  # (A, N) periods with both returns


def market_return(returns: Floats, caps: Floats, in_estimation: Bools) -> Floats:
    """m(t) = sum_n c_n(t-1) r_n(t) / sum_n c_n(t-1), over the names that are in the estimation universe at t-1.

    A name without a return at t, or without a cap > 0 at t-1, is in neither sum. t-1 is the row before.

    Args:
        returns: (R, N) fractions, newest last, NaN where missing.
        caps: (R, N) market capitalisations at the close of the row, any one currency, NaN where unknown.
        in_estimation: (R, N) the universe at the close of the row.

    Returns:
        (R,) fractions; NaN in the first row, and where no name counts.
    """
    check_history("returns", returns)
    check_history("caps", caps)
    before = np.where(in_estimation[:-1] & (caps[:-1] > 0) & ~np.isnan(returns[1:]), caps[:-1], 0.0)
    total = before.sum(axis=1)
    market = np.full(len(returns), np.nan)
    weighted = np.einsum("tn,tn->t", before, np.nan_to_num(returns[1:], nan=0.0))
    np.divide(weighted, total, out=market[1:], where=total > 0)
    return market


def overlapping_sums(returns: Floats, periods: int) -> Floats:
    """(R, N) sums of the returns of a row and the `periods` - 1 before it; NaN where one is missing.

    Where closes lie a share s of a period apart, covariances of single returns miss that share, those of such sums s / periods.
    """
    sums = np.full(returns.shape, np.nan)
    if len(returns) >= periods:
        sums[periods - 1 :] = sum(returns[back : len(returns) - periods + 1 + back] for back in range(periods))
    return sums


def market_beta(returns: Floats, market: Floats, as_of: Ints, trailing: Trailing) -> MarketBeta:
    """Slope and residual volatility of r_n = a_n + b_n m + e_n, by least squares with weights 2^(-age / half_life).

    Menchero, Orr, Wang 2011 (beta; historical sigma). Over an asset's own periods with both returns; the residual
    variance is sum w e^2 / sum w, without a correction for the two coefficients (**choice**). The sums are banded
    weights times products of the returns; where their differences lose digits (a mean far beyond the volatility, an
    asset that is the market itself) the pair is computed again from deviations.

    Args:
        returns: (R, N) fractions, newest last, NaN where missing.
        market: (R,) fractions, NaN where missing.
        as_of: (A,) positions of rows; ascending is fastest.
        trailing: the window.
    """
    check_history("returns", returns)
    check_history("market", market[:, None])
    both = ~np.isnan(returns) & ~np.isnan(market)[:, None]
    shape = (as_of.size, returns.shape[1])
    found = MarketBeta(np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.int64))
    for block, rows, band in bands(as_of, len(returns), trailing.window, trailing.decay, trailing.lag):
        present = both[rows].astype(np.float64)
        r = np.where(both[rows], returns[rows], 0.0)
        m = np.nan_to_num(market[rows], nan=0.0)
        found.n_obs[block] = (band > 0) @ present
        beta, var, lost = _slopes(band, r, m, present, found.n_obs[block] >= trailing.fewest)
        if lost.any():
            row, asset = np.nonzero(lost)
            beta[row, asset], var[row, asset] = _slopes_from_deviations(returns, market, as_of[block][row], asset, trailing)
        found.beta[block], found.residual_vol[block] = beta, np.sqrt(var)
    return found


def _slopes(band: Floats, r: Floats, m: Floats, present: Floats, enough: Bools) -> tuple[Floats, Floats, Bools]:
    """Slopes, residual variances, and where one of them lost digits."""
    total = np.where(enough, band @ present, np.nan)
    m_mean, m_square = (band * m) @ present / total, (band * m**2) @ present / total
    r_mean, r_square, product = band @ r / total, band @ r**2 / total, (band * m) @ r / total
    m_var, r_var = m_square - m_mean**2, r_square - r_mean**2
    cov = product - m_mean * r_mean
    beta = cov / np.where(m_var > 0, m_var, np.nan)
    var = r_var - beta * cov
    lost = enough & ((m_var <= _LOST * m_square) | (var <= _LOST * r_square))
    return beta, np.where(lost, np.nan, var), lost


def _slopes_from_deviations(returns: Floats, market: Floats, as_of: Ints, asset: Ints, trailing: Trailing) -> tuple[Floats, Floats]:
    """(M,) slope and residual variance of each pair of as-of row and asset, in passes that start from the newest values."""
    beta, var = np.empty(as_of.size), np.empty(as_of.size)
    paired = np.where(np.isnan(returns), np.nan, market[:, None])
    returns = np.where(np.isnan(paired), np.nan, returns)
    step = max(1, NUMBERS_AT_ONCE // trailing.window)
    for start in range(0, as_of.size, step):
        pairs = slice(start, start + step)
        where = as_of[pairs] - trailing.lag, asset[pairs], trailing.window, trailing.decay
        weights, r = weighted_deviations(returns, *where)
        _, m = weighted_deviations(paired, *where)
        m_var = (weights * m**2).sum(axis=1)
        beta[pairs] = (weights * m * r).sum(axis=1) / np.where(m_var > 0, m_var, np.nan)
        var[pairs] = (weights * (r - beta[pairs, None] * m) ** 2).sum(axis=1)
    return beta, var
