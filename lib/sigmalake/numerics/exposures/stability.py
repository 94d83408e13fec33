"""How much of a style's cross-section is the same as some time before."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.regression.fit_statistics import ALIKE
from sigmalake.numerics.types import Floats


class ExposureStability(NamedTuple):
    """Of each style; NaN where nothing can be told."""

    correlation: Floats  # (S,) -1 to 1
    n_common: int  # assets with weight that are in both cross-sections


def exposure_stability(now: Floats, before: Floats, weights: Floats) -> ExposureStability:
    """The weighted correlation of X_k(t) with X_k one month before (Menchero, Orr, Wang 2011).

    rho_k = sum w (x - xbar)(y - ybar) / sqrt(sum w (x - xbar)^2 sum w (y - ybar)^2), xbar and ybar weighted means, w the
    regression weights at t (**choice**). Above .9 is good, below .8 doubtful: trading what a factor says costs its turnover.
    NaN for a style that is constant on one of the dates, or with fewer than 2 assets.

    Args:
        now: (N, S) styles at t of the assets that both dates have.
        before: (N, S) the same styles and assets, earlier.
        weights: (N,) >= 0, 0 outside the estimation universe at t.
    """
    used = np.flatnonzero(weights > 0.0)
    w, x, y = weights.take(used), now.take(used, axis=0), before.take(used, axis=0)
    if len(w) < 2:
        return ExposureStability(np.full(now.shape[1], np.nan), len(w))
    w = w / w.sum()
    from_means = x - w @ x, y - w @ y
    squares = [w @ deviations**2 for deviations in from_means]
    varies = [square > ALIKE * (w @ level**2) for square, level in zip(squares, (x, y), strict=True)]
    product = w @ (from_means[0] * from_means[1])
    scale = np.sqrt(squares[0] * squares[1])
    return ExposureStability(np.where(varies[0] & varies[1], product / np.where(scale > 0.0, scale, 1.0), np.nan), len(w))
