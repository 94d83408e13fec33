"""Returns that are too far from the others of their date to be fitted."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Bools, Floats

NORMAL_MAD = 0.6744897501960817  # the median absolute deviation of a standard normal


class Outliers(NamedTuple):
    """Which returns are outliers, and by what measure."""

    is_outlier: Bools  # (N,)
    centre: float  # weighted median; NaN where there is nothing to fit
    robust_sd: float  # NaN where there is nothing to fit; where it is 0 nothing is an outlier


def find_outliers(returns: Floats, weights: Floats, beyond: float) -> Outliers:
    """The returns of a fit with |r_n - m| > beyond * MAD / 0.6745, m the weighted median.

    MAD = median |r_n - m| over the assets of the fit, each counting once (Hampel 1974): its unit is one sd of normal
    returns. Where more than half of the returns are alike, MAD is 0 and says nothing: then none is an outlier.

    Args:
        returns: (N,) excess returns, fractions; NaN is missing.
        weights: (N,) >= 0; assets of weight 0 have no say and are not outliers.
        beyond: robust sd, > 0.
    """
    candidates = (weights > 0.0) & np.isfinite(returns)
    if not candidates.any():
        return Outliers(candidates, np.nan, np.nan)
    centre = weighted_median(returns[candidates], weights[candidates])
    with np.errstate(over="ignore"):  # returns beyond floating point are refused by the fit, with their size
        distances = np.abs(returns - centre)
        robust_sd = float(np.median(distances[candidates])) / NORMAL_MAD
    far = candidates & (distances > beyond * robust_sd)
    return Outliers(far if robust_sd > 0.0 else np.zeros_like(candidates), centre, robust_sd)


def weighted_median(values: Floats, weights: Floats) -> float:
    """A value with half of the weight on either side; between two of them, their mean, as of equal weights.

    Args:
        values: (N,) finite, N > 0.
        weights: (N,) > 0.
    """
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    half = 0.5 * below[-1]
    first = int(np.searchsorted(below, half * (1.0 - _ROUNDING)))
    exact = abs(float(below[first]) - half) <= half * _ROUNDING and first + 1 < len(values)
    return float(values[order[first : first + 1 + exact]].mean())


_ROUNDING = 1e-12  # of a sum of weights
