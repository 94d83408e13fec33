"""How well a cross-section is explained."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.types import Floats

ALIKE = (16 * np.finfo(np.float64).eps) ** 2  # returns whose squares about the mean are less, relatively, are all alike


class FitStatistics(NamedTuple):
    """Fractions, and `residual_var` in squared units of the returns."""

    r2: float
    adj_r2: float
    r2_uncentred: float
    residual_var: float


def fit_statistics(returns: Floats, specific_returns: Floats, weights: Floats, rank: int) -> FitStatistics:
    """The statistics of docs/regression.md.

    r2 = 1 - sum w u^2 / sum w (r - rbar_w)^2; r2_uncentred has sum w r^2 below; adj_r2 = 1 - (1 - r2)(N - 1)/(N - p);
    residual_var = s2 = sum w u^2 / (N - p). A ratio whose denominator is 0, to rounding, is NaN.

    Args:
        returns: (N,) of the fitted assets.
        specific_returns: (N,) u.
        weights: (N,) w, mean 1.
        rank: p < N.
    """
    n_fitted = len(returns)
    unexplained = float(weights @ specific_returns**2)
    total = float(weights @ returns**2)
    centred = float(weights @ (returns - weights @ returns / weights.sum()) ** 2)
    r2 = 1.0 - unexplained / centred if centred > ALIKE * total else np.nan
    return FitStatistics(
        r2=r2,
        adj_r2=1.0 - (1.0 - r2) * (n_fitted - 1) / (n_fitted - rank),
        r2_uncentred=1.0 - unexplained / total if total > 0.0 else np.nan,
        residual_var=unexplained / (n_fitted - rank),
    )


def variance_inflation(design: Floats, root_weights: Floats, root_cov: Floats, factors: Sequence[Factor]) -> Floats:
    """VIF_k = 1 / (1 - R_k^2) of styles, R_k^2 of the weighted regression of style k on all other factors (Marquardt 1970).

    By the block inverse, VIF_k = sum w (x_k - xbar_k)^2 [R (R'X'WXR)^-1 R']_kk for a column that no constraint binds.
    Without a market or a complete group the factors hold no constant: then R_k^2 and the sum are about 0. 1 means
    orthogonal to the others; above 5 to 10 the factor's return is hard to tell from theirs.

    Args:
        design: (N, K) diag(sqrt w) X.
        root_weights: (N,) sqrt w.
        root_cov: (K, p) H with H H' = R (R'X'WXR)^-1 R', rows of 0 for columns that add no rank.
        factors: the K columns.

    Returns:
        (K,) NaN for what is no style or adds no rank.
    """
    styles = [position for position, factor in enumerate(factors) if factor.kind is Kind.STYLE]
    columns, unit_var = design[:, styles], np.einsum("sp,sp->s", root_cov[styles], root_cov[styles])
    if any(factor.kind in (Kind.MARKET, Kind.MEMBERSHIP) for factor in factors):
        columns = columns - np.outer(root_weights, root_weights @ columns / (root_weights @ root_weights))
    inflation = np.full(len(factors), np.nan)
    inflation[styles] = np.where(unit_var > 0.0, np.einsum("ns,ns->s", columns, columns) * unit_var, np.nan)
    return inflation
