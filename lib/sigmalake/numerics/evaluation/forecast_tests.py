"""Tests of forecasts over overlapping horizons: the error of a bias, one forecast against another, and what a regression finds."""

from math import nan, sqrt
from typing import Literal, NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.evaluation.forecast_measures import ForecastRun, bias
from sigmalake.numerics.types import Floats

Kernel = Literal["uniform", "bartlett"]

FEWEST = 10  # forecasts of a test


def effective_forecasts(n: int, horizon: int) -> float:
    """n* = n 3h / (2 h^2 + 1): independent forecasts that tell as much of B as n forecasts of overlapping h periods.

    Of independent normal returns the squares of two sums over h periods, l apart, correlate by (1 - l/h)^2; so
    var(mean b^2) = 2/n (1 + 2 sum_{l<h} (1 - l/h)^2) = 2/n (2 h^2 + 1) / (3h) (Hansen and Hodrick 1980 for the argument).
    Never fewer than 1, nor more than n.
    """
    return max(min(1.0, n), n * 3 * horizon / (2 * horizon**2 + 1)) if n else 0.0


def long_run_var(values: Floats, lags: int, kernel: Kernel) -> float:
    """g_0 + 2 sum_{l=1..L} k_l g_l, g_l the autocovariances with divisor T.

    k_l = 1 - l/(L+1) (`bartlett`, Newey and West 1987) or 1 (`uniform`, Hansen and Hodrick 1980), which may come out below 0.
    """
    x = values - values.mean()
    found = x @ x
    for lag in range(1, min(lags, len(x) - 1) + 1):
        weight = 1.0 if kernel == "uniform" else 1 - lag / (lags + 1)
        found += 2 * weight * (x[lag:] @ x[:-lag])
    return float(found / len(x))


def bias_error(run: ForecastRun, horizon: int) -> float:
    """Standard error of B from the forecasts themselves, whatever the tails and the overlap: NaN with fewer than 10.

    By the delta method from z = (b - mean b)^2: se = sqrt(S / T) / (2 B), S the long-run variance of z, Bartlett (Newey and West
    1987), with the lags of `robust_lags`, since volatility that is forecast late makes z persist.
    """
    n = len(run.b)
    if n < FEWEST or not (B := bias(run)) > 0:
        return nan
    mean = run.n_forecasts @ run.b / run.n_forecasts.sum()
    z = run.b_squared - 2 * mean * run.b + mean**2
    return sqrt(long_run_var(z, robust_lags(n, horizon), "bartlett") / n) / (2 * B)


class DieboldMariano(NamedTuple):
    """Whether two forecasts of the same returns differ in their loss."""

    n: int
    difference: float  # mean loss of the one less that of the other: below 0, the one is better
    std_error: float
    statistic: float
    p_value: float  # two-sided


def diebold_mariano(one: Floats, other: Floats, horizon: int) -> DieboldMariano:
    """t = c dbar / sqrt(S / n), c^2 = (n + 1 - 2h + h(h-1)/n) / n, against t with n - 1 degrees of freedom.

    d is the difference of the losses and S its long-run variance with h - 1 lags and the uniform kernel (Diebold and Mariano 1995),
    c the small-sample correction of Harvey, Leybourne and Newbold (1997). Where S is not above 0, the Bartlett kernel (**choice**).

    Args:
        one: (n,) losses, by date.
        other: (n,) of another forecast of the same returns.
        horizon: h, periods.

    Returns:
        NaN but for the difference with fewer than 10 dates, or fewer than 2 h, or where all differences are the same.
    """
    d = one - other
    n = len(d)
    mean = float(d.mean()) if n else nan
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n if n else 0.0
    if n < max(FEWEST, 2 * horizon) or correction <= 0 or not np.any(d != d[0]):
        return DieboldMariano(n, mean, nan, nan, nan)
    spread = long_run_var(d, horizon - 1, "uniform")
    if spread <= 0:
        spread = long_run_var(d, horizon - 1, "bartlett")
    error = sqrt(spread / n / correction)
    statistic = mean / error
    return DieboldMariano(n, mean, error, statistic, float(2 * scipy.special.stdtr(n - 1, -abs(statistic))))


class MincerZarnowitz(NamedTuple):
    """Whether returns follow the forecasts one for one."""

    n: int
    intercept: float  # in units of the mean forecast variance; 0 of a right forecast
    slope: float  # 1 of a right forecast; below, the forecasts move too much
    wald: float  # of both at once, chi-squared with 2 degrees of freedom in large samples
    p_value: float  # by F(2, n* - 2)


def mincer_zarnowitz(b_squared: Floats, variance: Floats, horizon: int) -> MincerZarnowitz:
    """R^2 = a s + c sigma^2 + e, s the mean sigma^2: least squares of b^2 on s / sigma^2 and 1, and the Wald test of a = 0, c = 1.

    Mincer and Zarnowitz 1969; divided by sigma^2, since the errors of R^2 grow with it (Patton and Sheppard 2009). The errors of a
    right forecast are then alike, and correlate by the overlap of the horizons alone: cov(a, c) = s2 G (sum_{|l|<h} (1 - |l|/h)^2
    sum_t x_t x_t+l') G, G = (X'X)^-1, s2 = e'e / (T - 2). Half of the Wald statistic is held against F(2, n* - 2), n* of
    `effective_forecasts` (**choice**: with Newey and West's covariance the test says no three times too often at 21 periods).

    Args:
        b_squared: (n,) R^2 / sigma^2.
        variance: (n,) sigma^2 > 0.
        horizon: h, periods.

    Returns:
        NaN with fewer than 10 forecasts that do not overlap, or forecasts that are all alike.
    """
    n = len(b_squared)
    n_effective = effective_forecasts(n, horizon)
    if n_effective < FEWEST or np.ptp(variance) <= 1e-6 * variance.max():
        return MincerZarnowitz(n, nan, nan, nan, nan)
    X = np.column_stack([variance.mean() / variance, np.ones(n)])
    coefficients, *_ = np.linalg.lstsq(X, b_squared, rcond=None)
    errors = b_squared - X @ coefficients
    meat = X.T @ X
    for lag in range(1, min(horizon, n)):
        moved = X[lag:].T @ X[:-lag]
        meat += (1 - lag / horizon) ** 2 * (moved + moved.T)
    meat *= errors @ errors / (n - 2)
    off = coefficients - np.array([0.0, 1.0])
    gram = X.T @ X
    wald = float(gram @ off @ np.linalg.solve(meat, gram @ off))
    return MincerZarnowitz(
        n, float(coefficients[0]), float(coefficients[1]), wald, float(scipy.special.fdtrc(2, n_effective - 2, wald / 2))
    )


def robust_lags(n: int, horizon: int) -> int:
    """max(2 (h - 1), floor(4 (n / 100)^(2/9))): Newey and West 1994; where horizons overlap, twice the overlap (**choice**).

    Squares of sums over h periods correlate up to h - 1, and Bartlett's weights weaken that: with h - 1 lags a quarter of the
    variance is lost at 21 periods, with twice as many an eighth.
    """
    return int(max(2 * (horizon - 1), np.floor(4 * (n / 100) ** (2 / 9))))
