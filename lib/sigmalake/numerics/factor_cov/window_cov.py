"""The weighted covariance of one window, over complete dates or over all dates with shorter histories completed."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factor_cov.em import CompletedHistory, complete_history
from sigmalake.numerics.factor_cov.newey_west import newey_west, on_calendar
from sigmalake.numerics.types import Floats
from sigmalake.numerics.windows.ewma import decay


class Component(NamedTuple):
    """How one part of Sigma, its volatilities or its correlations, is estimated."""

    window: int  # periods
    half_life: float  # periods
    lags: int  # of serial correlation, periods


class Components(NamedTuple):
    """An estimator that is quadratic in the returns: Sigma = D_vol Corr D_vol."""

    volatility: Component
    correlation: Component
    centre: bool  # about the means with the same weights, else about 0
    unbiased: bool  # divisor T - 1 instead of T, for equal weights

    @property
    def distinct(self) -> tuple[Component, ...]:
        """The volatilities, and the correlations where they differ."""
        return (self.volatility,) if self.correlation == self.volatility else (self.volatility, self.correlation)


class WindowCov(NamedTuple):
    """The covariance of a window's dates."""

    cov: Floats  # (K, K) divisor 1, exactly symmetric
    weights: Floats  # (n,) of the dates used, oldest first, sum 1
    completed: CompletedHistory | None = None  # where histories were completed


def complete_dates_cov(returns: Floats, half_life: float, lags: int, *, centre: bool) -> WindowCov:
    """Over the dates with all returns, each at its own age, with a Newey-West sum over the lags.

    Centring starts from the newest complete row, so that a constant has a variance of exactly 0.

    Args:
        returns: (T, K) one window, NaN where missing; a complete row or more, or no column.
        half_life: periods.
        lags: periods; 0: no serial correlation.
        centre: about the mean with the same weights, else about 0.
    """
    if returns.shape[1] == 0:
        return WindowCov(np.empty((0, 0)), np.empty(0))
    rows = np.flatnonzero(~np.isnan(returns).any(axis=1))
    weights = decay(rows[-1] - rows, half_life)  # the common factor of the newest age cancels
    weights /= weights.sum()
    deviations = returns[rows]
    if centre:
        deviations = deviations - deviations[-1]
        deviations -= weights @ deviations
    if lags:
        cov = newey_west(on_calendar(np.sqrt(weights)[:, None] * deviations, rows), lags)
    else:
        cov = (deviations * weights[:, None]).T @ deviations
    return WindowCov((cov + cov.T) / 2, weights)


def all_dates_cov(returns: Floats, half_life: float, lags: int, *, centre: bool) -> WindowCov:
    """Over the dates with any return, by the Gaussian that fits them best; without gaps it is `complete_dates_cov`.

    With lags, the Newey-West sum is that of the completed series, and the conditional covariance of what was completed
    joins G_0.

    Args:
        returns: (T, K) one window, NaN where missing; see `complete_history`.
        half_life: periods.
        lags: periods.
        centre: about the fitted mean, else about 0.
    """
    rows = np.flatnonzero(~np.isnan(returns).all(axis=1))
    if not np.isnan(returns[rows]).any():
        return complete_dates_cov(returns, half_life, lags, centre=centre)
    weights = decay(rows[-1] - rows, half_life)
    weights /= weights.sum()
    completed = complete_history(returns[rows], weights, centre=centre)
    cov = completed.cov
    if lags:
        deviations = np.sqrt(weights)[:, None] * (completed.filled - completed.mean)
        cov = newey_west(on_calendar(deviations, rows), lags) + completed.conditional_cov
    return WindowCov((cov + cov.T) / 2, weights, completed)


def with_variances(cov: Floats, variances: Floats) -> Floats:
    """The correlations of `cov` with other variances."""
    ratio = np.sqrt(variances) / np.sqrt(np.diag(cov))
    rescaled: Floats = cov * np.outer(ratio, ratio)
    np.fill_diagonal(rescaled, variances)
    return rescaled
