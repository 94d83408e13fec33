"""The weights that the assets of a cross-section start with."""

from math import isfinite
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.regression.rules import RegressionWeights
from sigmalake.numerics.types import Bools, Floats


class CompleteVariances(NamedTuple):
    """A specific variance for every asset of the estimation universe."""

    specific_var: Floats  # (N,) fraction^2 per period; NaN outside the estimation universe where it is unknown
    n_supposed: int  # assets of the estimation universe without one of their own


class InverseVarianceWeights(NamedTuple):
    """Weights, and what the cap did to them."""

    weights: Floats  # (N,) 1 / fraction^2; 0 outside the estimation universe and without a specific variance
    n_raised: int  # assets whose weight is above 1 / specific_var
    n_lowered: int  # assets whose weight is below 1 / specific_var
    n_unknown: int  # assets of the estimation universe without a specific variance: out of the fit


def regression_weights(weighting: RegressionWeights, caps: Floats, weight_column: Floats | None, in_estimation: Bools) -> Floats:
    """The unnormalised regression weights, 0 outside the estimation universe.

    Args:
        weighting: which; one that a cross-section alone can give.
        caps: (N,) market capitalisations at t-1, > 0.
        weight_column: (N,) the user's weights; read for RegressionWeights.COLUMN only.
        in_estimation: (N,) the estimation universe at t-1.

    Raises:
        ValueError: RegressionWeights.COLUMN without a column; RegressionWeights.INVERSE_SPECIFIC_VAR, which rests on earlier dates.
    """
    match weighting:
        case RegressionWeights.SQRT_CAP:
            weights = np.sqrt(caps)
        case RegressionWeights.CAP:
            weights = caps
        case RegressionWeights.EQUAL:
            weights = np.ones_like(caps)
        case RegressionWeights.COLUMN:
            if weight_column is None:
                raise ValueError("weights: column needs a column of weights; this cross-section has none")
            weights = weight_column
        case RegressionWeights.INVERSE_SPECIFIC_VAR:
            raise ValueError("weights: inverse_specific_var needs the specific variances of earlier dates, not this cross-section")
    return np.where(in_estimation, weights, 0.0)


def complete_variances(specific_var: Floats, first_weights: Floats, in_estimation: Bools) -> CompleteVariances:
    """Delta_n as the first pass's weights suppose it, c / w_n, where an asset has none of its own (**choice**).

    c is the median of Delta w over the assets of the estimation universe that have one, so that with weights sqrt(cap)
    an asset without history gets the typical variance of its size (specific variance proportional to 1 / sqrt(cap),
    Menchero, Orr, Wang 2011), and with equal weights the cross-section's median. While no asset has one, c = 1:
    the inverses are the first pass's weights. A variance of 0 says nothing of an asset's noise and counts as none.

    Args:
        specific_var: (N,) Delta as of t-1, fraction^2 per period; NaN is unknown.
        first_weights: (N,) of the first pass; > 0 in the estimation universe.
        in_estimation: (N,) the estimation universe at t-1.
    """
    known = in_estimation & (specific_var > 0.0)
    supposed = in_estimation & ~known
    scale = float(np.median(specific_var[known] * first_weights[known])) if known.any() else 1.0
    complete = specific_var.copy()
    complete[supposed] = scale / first_weights[supposed]
    return CompleteVariances(complete, int(supposed.sum()))


def inverse_variance_weights(specific_var: Floats, in_estimation: Bools, max_ratio: float) -> InverseVarianceWeights:
    """w_n = 1 / Delta_n(t-1), the weights of least variance, with largest / smallest at most `max_ratio`.

    Aitken's generalised least squares with the second pass's variances. With m the median of 1 / Delta over the
    estimation universe, weights are held within [m / sqrt(max_ratio), m sqrt(max_ratio)] (**choice**), so that
    neither one asset that hardly trades nor one that is wild sets the scale for the others. An asset without a
    specific variance leaves the fit, not the answer. Rescaling the variances rescales the weights.

    Args:
        specific_var: (N,) Delta as of t-1, fraction^2 per period; NaN is unknown.
        in_estimation: (N,) the estimation universe at t-1.
        max_ratio: largest over smallest weight, >= 1; 100 lets specific volatilities count over a range of 10 to 1.

    Raises:
        ValueError: a variance below 0 or infinite, arrays of other shapes, max_ratio < 1.
    """
    if not (isfinite(max_ratio) and max_ratio >= 1.0):
        raise ValueError(f"max_ratio is {max_ratio}; it must be a finite number >= 1, e.g. 100")
    if in_estimation.shape != specific_var.shape:
        raise ValueError(f"in_estimation has shape {in_estimation.shape}; specific_var has {specific_var.shape}")
    wrong = (specific_var < 0.0) | np.isinf(specific_var)
    if wrong.any():
        raise ValueError(f"specific_var has {wrong.sum()} wrong values (the first: {specific_var[wrong][0]}); it must be >= 0")
    known = in_estimation & ~np.isnan(specific_var)
    weights = np.zeros_like(specific_var)
    if not known.any():
        return InverseVarianceWeights(weights, 0, 0, int(in_estimation.sum()))
    middle, reach = _middle(specific_var[known]), np.sqrt(max_ratio)
    held = np.clip(specific_var[known], middle / reach, middle * reach)
    weights[known] = 1.0 / held
    lowered, raised = int((held > specific_var[known]).sum()), int((held < specific_var[known]).sum())
    return InverseVarianceWeights(weights, raised, lowered, int(in_estimation.sum() - known.sum()))


def _middle(variances: Floats) -> float:
    """The variance whose inverse is the median inverse."""
    positive = variances[variances > 0.0]
    if len(positive) * 2 <= len(variances):
        raise ValueError(f"specific_var is 0 for {len(variances) - len(positive)} of {len(variances)} assets, half or more")
    with np.errstate(divide="ignore"):
        return float(1.0 / np.median(1.0 / variances))
