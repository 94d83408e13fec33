"""How well forecasts of volatility agree with the returns that followed: bias, MRAD, QLIKE and Q, with their sampling bands."""

from math import exp, lgamma, log, nan, pi, sqrt
from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.types import Floats, Ints

PERFECT_Q = 1 + np.euler_gamma + log(2)  # E[b^2 - ln b^2] of a standard normal b: 2.2704
_VAR_Q = pi**2 / 2 - 2  # its variance


class ForecastRun(NamedTuple):
    """Forecasts and what followed, a row a date; each a mean over the row's forecasts, of which a portfolio has one.

    A group of single assets has as many as assets: means and counts are all that the measures need, exactly.
    """

    n_forecasts: Ints  # (T,) 1 or more
    n_zero: Ints  # (T,) of these, returns of exactly 0
    vol: Floats  # (T,) root of the mean sigma^2, fraction
    realised: Floats  # (T,) mean of R, fraction
    b: Floats  # (T,) mean of b = R / sigma
    b_squared: Floats  # (T,) mean of b^2
    log_var: Floats  # (T,) mean of ln sigma^2
    log_b_squared: Floats  # (T,) mean of ln b^2 over R other than 0; NaN where there is none


def standardise(vols: Floats, returns: Floats, group: Ints, n_groups: int) -> ForecastRun:
    """b = R / sigma of each forecast, and the means of b, b^2, ln sigma^2 and ln b^2 over each group.

    A forecast counts where sigma is above 0 and R is there; a group without any has n_forecasts 0 and NaN.

    Args:
        vols: (n,) sigma, the forecast made before the return's period, fractions; NaN or 0: none.
        returns: (n,) R, fractions; NaN: missing.
        group: (n,) from 0 to n_groups - 1.
        n_groups: G, the rows of the answer.
    """
    counts = (vols > 0) & ~np.isnan(returns)
    sigma, R, of = vols[counts], returns[counts], group[counts]
    b = R / sigma
    moved = R != 0.0
    n_forecasts, n_moved = np.bincount(of, minlength=n_groups), np.bincount(of[moved], minlength=n_groups)

    def mean(values: Floats) -> Floats:
        return np.bincount(of, values, n_groups) / np.where(n_forecasts > 0, n_forecasts, np.nan)

    logs = np.bincount(of[moved], np.log(b[moved] ** 2), n_groups) / np.where(n_moved > 0, n_moved, np.nan)
    return ForecastRun(
        n_forecasts, n_forecasts - n_moved, np.sqrt(mean(sigma**2)), mean(R), mean(b), mean(b**2), mean(np.log(sigma**2)), logs
    )


def bias(run: ForecastRun) -> float:
    """B = sd(b), divisor n - 1 (Menchero, Orr, Wang 2011): 1 where the forecasts are right, above 1 where they are too low.

    Returns:
        B over all n forecasts of the run; NaN with fewer than 2.
    """
    return float(rolling_bias(run, len(run.b))[0]) if len(run.b) else nan


def rolling_bias(run: ForecastRun, window: int) -> Floats:
    """B over each run of `window` dates, from the first that is full: (T - window + 1,), or none; NaN with 1 forecast."""
    if len(run.b) < window:
        return np.empty(0)
    n, first, second = (
        np.lib.stride_tricks.sliding_window_view(row, window).sum(axis=1)
        for row in (run.n_forecasts, run.n_forecasts * run.b, run.n_forecasts * run.b_squared)
    )
    squares = np.maximum(second - first**2 / n, 0.0)  # below 0 by rounding only: b of a right model has a mean near 0
    rolled: Floats = np.sqrt(squares / np.where(n > 1, n - 1, np.nan))
    return rolled


def rolling_deviation(run: ForecastRun, window: int) -> float:
    """Mean of |rolling B - 1| over the dates: the run's part in MRAD, which is its mean over portfolios.

    Returns:
        NaN with fewer than `window` dates.
    """
    deviations = np.abs(rolling_bias(run, window) - 1)
    return float(deviations.mean()) if deviations.size else nan


def qlike(run: ForecastRun) -> float:
    """Mean of ln sigma^2 + R^2 / sigma^2 (Patton 2011): the lower, the better, among forecasts of the same returns."""
    return _mean(run.log_var + run.b_squared, run.n_forecasts)


def q_statistic(run: ForecastRun) -> float:
    """Mean of b^2 - ln b^2, the part of QLIKE that is free of the level of risk; returns of exactly 0 are left out.

    Returns:
        2.2704 is that of a right normal forecast; NaN where every return is 0.
    """
    moved = run.n_forecasts - run.n_zero
    some = moved > 0
    squares = run.b_squared[some] * run.n_forecasts[some]  # a return of 0 adds nothing
    return _mean(squares / moved[some] - run.log_b_squared[some], moved[some])


def bias_band(n: float, kurtosis: float = 3.0) -> float:
    """Half the width of the band about 1 that holds B of n independent right forecasts 19 times in 20.

    2 sd(B) = sqrt((kurtosis - 1) / n), for normal returns sqrt(2 / n) (Menchero, Orr, Wang 2011). The band is that of many
    forecasts: of returns with 5 degrees of freedom (kurtosis 9) it is twice as wide.
    """
    return sqrt((kurtosis - 1) / n) if n else nan


def q_band(n: float) -> float:
    """Half the width of the band about 2.2704 that holds Q of n independent right normal forecasts 19 times in 20.

    2 sqrt((pi^2 / 2 - 2) / n): var b^2 = 2, var ln b^2 = pi^2 / 2, cov(b^2, ln b^2) = 2.
    """
    return 2 * sqrt(_VAR_Q / n) if n else nan


def expected_deviation(n: float) -> float:
    """E|B - 1| of n independent right normal forecasts: .17 for 12, .036 for 252.

    With v = n - 1, v B^2 is chi-squared: E|B - 1| = 2 c P(chi2_{v+1} > v) - 2 P(chi2_v > v) - c + 1, c = E B.
    """
    if n < 2:
        return nan
    v = n - 1
    mean = sqrt(2 / v) * exp(lgamma((v + 1) / 2) - lgamma(v / 2))
    return float(2 * mean * scipy.special.chdtrc(v + 1, v) - 2 * scipy.special.chdtrc(v, v) - mean + 1)


def _mean(values: Floats, weights: Ints) -> float:
    total = weights.sum()
    return float(weights @ values / total) if total else nan
