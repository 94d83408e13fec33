"""How well a cross-section is explained."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.arrays import Floats

ALIKE = (16 * np.finfo(np.float64).eps) ** 2  # returns whose squares about the mean are less, relatively, are all alike


class FitStatistics(NamedTuple):
    """Fractions, and `residual_var` in squared units of the returns."""

    r2: float
    adj_r2: float
    r2_uncentred: float
    residual_var: float


def fit_statistics(returns: Floats, specific_returns: Floats, weights: Floats, rank: int) -> FitStatistics:
    """The statistics of model.md section 3.

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
