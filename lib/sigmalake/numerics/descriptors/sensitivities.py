"""Slopes of many assets' returns on the returns of several factors, as of many dates, and slopes drawn to their group's mean."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.settings import described, setting
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.numerics.windows.ewma import check_history
from sigmalake.numerics.windows.rolling_windows import bands

FEWEST_SLOPES = 3  # of a group, for a mean and a variance of its own
_DEPENDENT = 1e-12  # of a scaled Gram matrix: the least eigenvalue below which its columns are taken to be dependent


class Sensitivities(NamedTuple):
    """The regressions of N assets on K factors as of A dates; NaN with too few periods, or factors that depend on each other."""

    slopes: Floats  # (A, N, K)
    std_errors: Floats  # (A, N, K)


@dataclass(frozen=True, kw_only=True)
class SensitivityRules:
    """Which factors' sensitivities are descriptors, and how they are estimated."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    factors: tuple[str, ...] = field(
        metadata=described("factors of `sources.factor_returns`, all in one regression; a style of such a name has its slopes")
    )
    trailing: Trailing = setting(Trailing(window=252, half_life=63), "window of the regression", source="[M]")
    shrink_to: Literal["group_mean"] | None = setting(
        "group_mean",
        "each slope is drawn to the mean of its group, the column `group` of `sources.prices`, as far as its error says; "
        "none: slopes as estimated",
        source="[V]",
    )

    def __post_init__(self) -> None:
        if not self.factors or len(set(self.factors)) < len(self.factors):
            raise ValueError(f"factors are {list(self.factors)}; name one or more, each once")
        if self.trailing.fewest < self.fewest_possible:
            raise ValueError(
                f"a regression on {len(self.factors)} factors would rest on {self.trailing.fewest} returns; it needs a min_periods "
                f"of {self.fewest_possible} or more"
            )

    @property
    def fewest_possible(self) -> int:
        """Returns that leave a degree of freedom beside the slopes and the constant."""
        return len(self.factors) + 2


def sensitivities(returns: Floats, factor_returns: Floats, as_of: Ints, trailing: Trailing) -> Sensitivities:
    """b_n of r_n = a_n + b_n F + e_n by least squares with weights w = 2^(-age / half_life) (Menchero, Orr, Wang 2011: beta).

    Over an asset's own periods in which it and all factors have a return. cov(b) = s2 (Z'WZ)^-1 with Z = [1, F] and
    s2 = sum w e^2 / (T - K - 1), T the number of periods: rescaling the weights changes nothing.

    Args:
        returns: (R, N) fractions, newest last, NaN where missing.
        factor_returns: (R, K) fractions, NaN where missing.
        as_of: (A,) positions of rows; ascending is fastest.
        trailing: the window.
    """
    check_history("returns", returns)
    check_history("factor_returns", factor_returns)
    shape = (as_of.size, returns.shape[1], factor_returns.shape[1])
    found = Sensitivities(np.full(shape, np.nan), np.full(shape, np.nan))
    for block, rows, band in bands(as_of, len(returns), trailing.window, trailing.decay, trailing.lag):
        for number, weights in enumerate(band, start=block.start):
            used = (weights > 0) & np.isfinite(factor_returns[rows]).all(axis=1)
            window = weights[used], factor_returns[rows][used], returns[rows][used]
            found.slopes[number], found.std_errors[number] = _slopes_of_window(*window, trailing.fewest)
    return found


def _slopes_of_window(weights: Floats, factors: Floats, returns: Floats, fewest: int) -> tuple[Floats, Floats]:
    """(N, K) slopes and standard errors, from deviations about the window's means, in units of the factors' deviations."""
    n_assets, n_factors = returns.shape[1], factors.shape[1]
    slopes, errors = np.full((2, n_assets, n_factors), np.nan)
    present = np.isfinite(returns)
    n_obs = present.sum(axis=0)
    enough = np.flatnonzero(n_obs >= fewest)
    if not enough.size:
        return slopes, errors
    deviations = factors - np.average(factors, axis=0, weights=weights)
    scale = np.sqrt(np.average(deviations**2, axis=0, weights=weights))
    if not (scale > 0).all():
        return slopes, errors
    Z = np.column_stack([np.ones(len(factors)), deviations / scale])
    present, r = present[:, enough], np.where(present, returns, 0.0)[:, enough]
    products = (Z[:, :, None] * Z[:, None, :]).reshape(len(Z), -1) * weights[:, None]
    gram = (products.T @ present.astype(np.float64)).T.reshape(enough.size, n_factors + 1, n_factors + 1)
    sizes = np.sqrt(np.einsum("nkk->nk", gram))
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = gram / (sizes[:, :, None] * sizes[:, None, :])
    regular = np.isfinite(scaled).all(axis=(1, 2))
    regular[regular] = np.linalg.eigvalsh(scaled[regular])[:, 0] > _DEPENDENT
    enough, present, r, inverse = enough[regular], present[:, regular], r[:, regular], np.linalg.inv(gram[regular])
    b = np.einsum("nkm,mn->nk", inverse, (Z * weights[:, None]).T @ r)
    e = np.where(present, r - Z @ b.T, 0.0)
    b += np.einsum("nkm,mn->nk", inverse, (Z * weights[:, None]).T @ e)  # a step of refinement: what rounding left of the residuals
    e = np.where(present, r - Z @ b.T, 0.0)
    noise_var = (weights @ e**2) / (n_obs[enough] - n_factors - 1)
    slopes[enough] = b[:, 1:] / scale
    errors[enough] = np.sqrt(noise_var[:, None] * np.einsum("nkk->nk", inverse)[:, 1:]) / scale
    return slopes, errors


def shrunk_to_group_mean(slopes: Floats, std_errors: Floats, groups: Ints, in_estimation: Bools) -> Floats:
    """(v b + s^2 m) / (v + s^2): m and v, the mean and variance of the group's slopes, s the slope's error (Vasicek 1973).

    An asset without a slope gets m. A group with fewer than three slopes has those of all assets (**choice**).

    Args:
        slopes: (N, K) b, NaN where the history is too short.
        std_errors: (N, K) s.
        groups: (N,) a number a group, -1 where it is unknown.
        in_estimation: (N,) the assets that mean and variance are over.

    Returns:
        (N, K); NaN where fewer than three assets have a slope.
    """
    mean, var = (np.broadcast_to(row, slopes.shape).copy() for row in _moments(slopes[in_estimation]))
    for group in np.unique(groups[groups >= 0]).tolist():
        of_group = groups == group
        own = slopes[of_group & in_estimation]
        if np.isfinite(own).all(axis=1).sum() >= FEWEST_SLOPES:
            mean[of_group], var[of_group] = _moments(own)
    noise = std_errors**2
    total = var + noise
    weight = np.divide(var, total, out=np.ones_like(total), where=total > 0)
    return np.where(np.isfinite(slopes), weight * np.nan_to_num(slopes) + (1 - weight) * mean, mean)


def _moments(slopes: Floats) -> tuple[Floats, Floats]:
    """(K,) mean and variance of the assets that have slopes; NaN for fewer than three."""
    there = slopes[np.isfinite(slopes).all(axis=1)]
    if len(there) < FEWEST_SLOPES:
        return np.full(slopes.shape[1], np.nan), np.full(slopes.shape[1], np.nan)
    return there.mean(axis=0), there.var(axis=0, ddof=1)
