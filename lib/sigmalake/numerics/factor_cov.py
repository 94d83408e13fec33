"""The factor covariance Sigma from a window of factor returns: sample and exponentially weighted."""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from sigmalake.numerics.arrays import Floats, Ints
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


class LeftOut(NamedTuple):
    """A factor that Sigma does not contain."""

    factor: int  # position in the model's order
    reason: str  # with the numbers seen and needed


class FactorCov(NamedTuple):
    """Sigma as of one date."""

    cov: Floats  # (K', K') fraction^2 per period, exactly symmetric
    kept: Ints  # (K',) positions of its factors, in the model's order
    left_out: tuple[LeftOut, ...]  # by position
    n_periods: int  # complete dates in the volatility window
    effective_periods: float  # 1 / sum a_j^2 of the volatility weights; 0 when no factor is kept


class Weighting(NamedTuple):
    """How a window's dates count."""

    window: int  # periods
    half_life: float  # periods


@dataclass(frozen=True, kw_only=True)
class SampleFactorCov:
    """Equal weights: 1/(T-1) sum_j (f_j - fbar)(f_j - fbar)' over the window's T complete dates.

    Litterman et al. 2003, ch. 20.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    estimator: Literal["sample"] = "sample"
    window: int = 252  # periods
    min_periods: int | None = None  # complete dates; None: half the window, at most 60

    def __post_init__(self) -> None:
        check_window("window", self.window)
        check_min_periods(self.min_periods, self.window)

    @property
    def look_back(self) -> int:
        """How many of the newest periods `estimate` reads."""
        return self.window

    def estimate(self, returns: Floats) -> FactorCov:
        """Sigma as of the newest row; see `estimate_factor_cov`."""
        equal = Weighting(self.window, EQUAL)
        estimate = estimate_factor_cov(
            returns, volatility=equal, correlation=equal, centre=True, min_periods=fewest(self.min_periods, self.window)
        )
        if estimate.n_periods == 0:
            return estimate
        return estimate._replace(cov=estimate.cov * (estimate.n_periods / (estimate.n_periods - 1)))


@dataclass(frozen=True, kw_only=True)
class EwmaFactorCov:
    """Exponential weights: sum_j a_j (f_j - fbar)(f_j - fbar)', a_j proportional to 2^(-age/half_life), sum 1.

    With a half-life or window of its own for the correlations, Sigma = D_vol Corr D_vol (Menchero, Orr, Wang 2011).
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    estimator: Literal["ewma"] = "ewma"
    half_life: float  # periods, of the volatilities
    window: int | None = None  # periods; None: 3 half-lives
    corr_half_life: float | None = None  # periods; None: half_life
    corr_window: int | None = None  # periods; None: 3 corr_half_lives, or the volatilities' window if that is None too
    centre: bool = True  # about the mean with the same weights; False: about 0
    min_periods: int | None = None  # complete dates in either window; None: half the shorter one, at most 60

    def __post_init__(self) -> None:
        check_half_life("half_life", self.half_life)
        check_window("window", self.volatility.window, self.half_life)
        if self.corr_half_life is not None:
            check_half_life("corr_half_life", self.corr_half_life)
        check_window("corr_window", self.correlation.window, self.correlation.half_life)
        check_min_periods(self.min_periods, self._shorter_window)

    @property
    def volatility(self) -> Weighting:
        """Window and half-life of D_vol, defaults filled in."""
        return Weighting(window_of(self.half_life) if self.window is None else self.window, self.half_life)

    @property
    def correlation(self) -> Weighting:
        """Window and half-life of Corr, defaults filled in."""
        if self.corr_half_life is None:
            half_life, default_window = self.half_life, self.volatility.window
        else:
            half_life, default_window = self.corr_half_life, window_of(self.corr_half_life)
        return Weighting(default_window if self.corr_window is None else self.corr_window, half_life)

    @property
    def look_back(self) -> int:
        """How many of the newest periods `estimate` reads."""
        return max(self.volatility.window, self.correlation.window)

    @property
    def _shorter_window(self) -> int:
        return min(self.volatility.window, self.correlation.window)

    def estimate(self, returns: Floats) -> FactorCov:
        """Sigma as of the newest row; see `estimate_factor_cov`."""
        return estimate_factor_cov(
            returns,
            volatility=self.volatility,
            correlation=self.correlation,
            centre=self.centre,
            min_periods=fewest(self.min_periods, self._shorter_window),
        )


FactorCovEstimator = SampleFactorCov | EwmaFactorCov


def estimate_factor_cov(
    returns: Floats, *, volatility: Weighting, correlation: Weighting, centre: bool, min_periods: int
) -> FactorCov:
    """Sigma = D_vol Corr D_vol with divisor 1, over the factors that have enough history.

    The rule, for the volatility window and then for the correlation window: a factor with fewer than `min_periods`
    values is out; of the others only dates where all are present count, each at its own age; while fewer than
    `min_periods` such dates remain, the factor with the most nulls (on ties the latest) leaves. A factor with zero
    variance over those dates has no correlations: it leaves too, and the rule starts again without it (**choice**).

    Args:
        returns: (T, K) factor returns, fractions, newest last, NaN where not estimated; T is free of the windows.
        volatility: weights of the variances.
        correlation: weights of the correlations.
        centre: about the weighted mean, else about 0.
        min_periods: complete dates needed, >= 2.
    """
    check_history("returns", returns)
    weightings = (volatility,) if correlation == volatility else (volatility, correlation)
    kept = np.arange(returns.shape[1])
    left_out: list[LeftOut] = []
    while True:
        for window, _ in weightings:
            kept, short = _drop_short(returns[-window:], kept, window, min_periods)
            left_out += short
        moments = [_weighted_cov(returns[-window:, kept], half_life, centre) for window, half_life in weightings]
        still = {
            int(k): LeftOut(int(k), f"zero variance over the {weights.size} complete dates in the window of {window} periods")
            for (window, _), (cov, weights) in zip(weightings, moments, strict=True)
            for k in kept[np.diag(cov) == 0.0]
        }
        if not still:
            break
        left_out += still.values()
        kept = kept[~np.isin(kept, list(still))]
    cov, weights = moments[0]
    return FactorCov(
        cov=cov if len(moments) == 1 else _with_variances(moments[1][0], np.diag(cov)),
        kept=kept,
        left_out=tuple(sorted(left_out)),
        n_periods=weights.size,
        effective_periods=float(1 / (weights @ weights)) if weights.size else 0.0,
    )


def _drop_short(returns: Floats, kept: Ints, window: int, min_periods: int) -> tuple[Ints, list[LeftOut]]:
    """The factors of `kept` that one window can estimate together, and why the others cannot."""
    present = ~np.isnan(returns)
    n_values = present.sum(axis=0)
    needed = f"in the window of {window} periods; {min_periods} are needed"
    left_out = [LeftOut(int(k), f"{n_values[k]} values {needed}") for k in kept if n_values[k] < min_periods]
    kept = kept[n_values[kept] >= min_periods]
    while kept.size and (n_complete := int(present[:, kept].all(axis=1).sum())) < min_periods:
        worst = kept[::-1][np.argmin(n_values[kept][::-1])]
        reason = f"{n_values[worst]} values, the fewest of {kept.size} factors with {n_complete} dates in common {needed}"
        left_out.append(LeftOut(int(worst), reason))
        kept = kept[kept != worst]
    return kept, left_out


def _weighted_cov(returns: Floats, half_life: float, centre: bool) -> tuple[Floats, Floats]:
    """Covariance with divisor 1 over the complete rows, and their weights.

    Centring starts from the newest complete row, so that a constant has a variance of exactly 0.
    """
    if returns.shape[1] == 0:
        return np.empty((0, 0)), np.empty(0)
    rows = np.flatnonzero(~np.isnan(returns).any(axis=1))
    weights = decay(rows[-1] - rows, half_life)  # the common factor of the newest age cancels
    weights /= weights.sum()
    deviations = returns[rows]
    if centre:
        deviations = deviations - deviations[-1]
        deviations -= weights @ deviations
    cov = (deviations * weights[:, None]).T @ deviations
    return (cov + cov.T) / 2, weights


def _with_variances(cov: Floats, variances: Floats) -> Floats:
    """The correlations of `cov` with other variances."""
    ratio = np.sqrt(variances) / np.sqrt(np.diag(cov))
    rescaled: Floats = cov * np.outer(ratio, ratio)
    np.fill_diagonal(rescaled, variances)
    return rescaled
