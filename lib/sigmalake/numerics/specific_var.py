"""Specific variances Delta from a run of specific returns, for many as-of dates at once."""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from sigmalake.numerics.arrays import Floats, Ints
from sigmalake.numerics.bands import bands, windows_of
from sigmalake.numerics.ewma import (
    EQUAL,
    check_half_life,
    check_history,
    check_min_periods,
    check_window,
    decay,
    fewest,
    window_of,
)


class SpecificVar(NamedTuple):
    """The specific variances as of A dates."""

    var: Floats  # (A, N) fraction^2 per period; NaN where n_obs < min_periods
    n_obs: Ints  # (A, N) observations in the window


@dataclass(frozen=True, kw_only=True)
class SampleSpecificVar:
    """Equal weights: 1/(n-1) sum_j (u_j - ubar)^2 over an asset's own n observations in the window.

    Litterman et al. 2003, ch. 20.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    estimator: Literal["sample"] = "sample"
    window: int = 252  # periods
    min_periods: int | None = None  # observations; None: half the window, at most 60

    def __post_init__(self) -> None:
        check_window("window", self.window)
        check_min_periods(self.min_periods, self.window)

    @property
    def look_back(self) -> int:
        """How many periods up to an as-of date `estimate` reads."""
        return self.window

    def estimate(self, specific_returns: Floats, as_of: Ints) -> SpecificVar:
        """Variances with divisor n - 1; see `weighted_var`."""
        var, n_obs = weighted_var(
            specific_returns, as_of, self.window, EQUAL, centre=True, min_periods=fewest(self.min_periods, self.window)
        )
        return SpecificVar(var * (n_obs / np.maximum(n_obs - 1, 1)), n_obs)


@dataclass(frozen=True, kw_only=True)
class EwmaSpecificVar:
    """Exponential weights: sum_j a_j (u_j - ubar)^2, a_j proportional to 2^(-age/half_life), sum 1 over an asset's own.

    The age counts periods of the calendar, also those without a return of the asset (Menchero, Orr, Wang 2011).
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    estimator: Literal["ewma"] = "ewma"
    half_life: float  # periods
    window: int | None = None  # periods; None: 3 half-lives
    centre: bool = True  # about the mean with the same weights; False: about 0
    min_periods: int | None = None  # observations; None: half the window, at most 60

    def __post_init__(self) -> None:
        check_half_life("half_life", self.half_life)
        check_window("window", self.look_back, self.half_life)
        check_min_periods(self.min_periods, self.look_back)

    @property
    def look_back(self) -> int:
        """How many periods up to an as-of date `estimate` reads: the window, defaults filled in."""
        return window_of(self.half_life) if self.window is None else self.window

    def estimate(self, specific_returns: Floats, as_of: Ints) -> SpecificVar:
        """Variances with divisor 1; see `weighted_var`."""
        return weighted_var(
            specific_returns,
            as_of,
            self.look_back,
            self.half_life,
            centre=self.centre,
            min_periods=fewest(self.min_periods, self.look_back),
        )


SpecificVarEstimator = SampleSpecificVar | EwmaSpecificVar


def weighted_var(
    specific_returns: Floats, as_of: Ints, window: int, half_life: float, *, centre: bool, min_periods: int
) -> SpecificVar:
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
    n_assets = specific_returns.shape[1]
    var = np.empty((as_of.size, n_assets))
    n_obs = np.empty((as_of.size, n_assets), dtype=np.int64)
    for block, rows, band in bands(as_of, len(specific_returns), window, half_life):
        values = specific_returns[rows]
        observed = (~np.isnan(values)).astype(np.float64)
        values = np.nan_to_num(values, nan=0.0)
        n_obs[block] = (band > 0) @ observed
        enough = n_obs[block] >= min_periods
        total = np.where(enough, band @ observed, np.nan)
        var[block] = band @ values**2 / total
        if centre:
            squared_mean = (band @ values / total) ** 2
            var[block] -= squared_mean
            row, asset = np.nonzero(enough & (squared_mean > 4 * var[block]))
            var[block][row, asset] = _var_from_deviations(specific_returns, as_of[block][row], asset, window, half_life)
    return SpecificVar(var, n_obs)


def _var_from_deviations(specific_returns: Floats, as_of: Ints, asset: Ints, window: int, half_life: float) -> Floats:
    """(M,) the variance of each pair of as-of row and asset, in two passes that start from the newest observation."""
    var = np.empty(as_of.size)
    ages = np.arange(window)
    for pairs, values in windows_of(specific_returns, as_of, asset, window):
        present = ~np.isnan(values)
        weights = np.where(present, decay(ages, half_life), 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
        newest = np.take_along_axis(values, present.argmax(axis=1)[:, None], axis=1)
        deviations = np.where(present, values - newest, 0.0)
        deviations -= (weights * deviations).sum(axis=1, keepdims=True)
        var[pairs] = (weights * deviations**2).sum(axis=1)
    return var
