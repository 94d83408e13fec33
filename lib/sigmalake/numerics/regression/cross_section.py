"""The cross-sectional regression of one date."""

from collections.abc import Sequence

import numpy as np

from sigmalake.numerics.factors import Factor, PackedExposures, factor_layout
from sigmalake.numerics.linear.constrained_gram import DoubtfulError
from sigmalake.numerics.linear.constraints import below_one
from sigmalake.numerics.regression.answer import CrossSection, FactorStatus, Status
from sigmalake.numerics.regression.dense_fit import fit_dense
from sigmalake.numerics.regression.details import joined
from sigmalake.numerics.regression.input_checks import CheckedDate, check_cross_section, check_packed, checked_date
from sigmalake.numerics.regression.robust.outliers import find_outliers
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.regression.sparse_fit import fit_sparse
from sigmalake.numerics.types import Bools, Floats

__all__ = ["CrossSection", "FactorStatus", "Status", "fit_cross_section"]


@np.errstate(over="ignore", under="ignore", invalid="ignore")  # what overflows is looked for where it matters
def fit_cross_section(
    returns: Floats,
    exposures: Floats | PackedExposures,
    caps: Floats,
    weights: Floats,
    in_estimation: Bools,
    factors: Sequence[Factor],
    rules: RegressionRules,
) -> CrossSection:
    """Factor and specific returns of one date.

    Minimises sum_n w_n (r_n - x_n f)^2 over f with C f = 0 (Heston and Rouwenhorst 1994; Menchero, Orr, Wang 2011), C
    the cap shares of the complete membership groups. s2 = sum w u^2 / (N - p), cov(f) = s2 R (R'X'WXR)^-1 R'.
    Weight 0 or a missing return leaves an asset out of the fit, not out of the answer. Empty, dropped and constant
    factors leave before the fit, then those that add no rank. A date that cannot be fitted is a status with numbers.

    A packed X costs in proportion to its memberships (`fit_sparse`). Where columns are nearly dependent, and for an X that
    is given as a matrix, `fit_dense` decides; where both can, they agree to 1e-12 of the largest term of each sum, times
    the condition number.

    The rules may leave outliers out (`find_outliers`), draw styles to 0 (`penalties`) and thin factors to their group
    (`thin_factor_rows`), or reweight by Huber (`fit_huber`). Then w in sum w u^2, s2, r2 and `weights` includes Huber's
    factor, so that f is the plain fit with `weights` where nothing is drawn, and r2 does not compare with that of
    least squares; standard errors are those of Huber's estimator. `vif`, `condition_number` and p are those of X with
    the weights before Huber, without ridge and pseudo-observations, which are no assets and count nowhere. A drawn factor
    is biased: X'W u leaves the span of C' by what the drawing costs, and with pseudo-observations sum w u is not 0.

    Args:
        returns: (N,) excess returns of the period, fractions; NaN is missing.
        exposures: (N, K) styles in standard deviations, memberships as shares, packed or as a matrix; known at t-1, like all
            that follows.
        caps: (N,) > 0, any one currency; all 1 in a model without caps.
        weights: (N,) >= 0 as from `regression_weights`, 0 outside the estimation universe.
        in_estimation: (N,) the universe of the constraints' shares, also names without a return.
        factors: the K columns.
        rules: thresholds and what to do about thin factors.

    Raises:
        ValueError: arrays of other shapes, numbers that are not finite, caps <= 0, weights < 0 or outside the
            estimation universe, shares outside [0, 1] or not summing to 1 in a complete group.
    """
    date = _checked(returns, exposures, caps, weights, in_estimation, factors)
    data = (returns, exposures, caps, in_estimation, factors, rules, date)
    if rules.outliers_beyond is None:
        return _fit(weights, *data)
    outliers = find_outliers(returns, below_one(weights), rules.outliers_beyond)
    section = _fit(np.where(outliers.is_outlier, 0.0, weights), *data)
    not_looked_for = "the robust sd of the returns is 0: no outlier is looked for" if outliers.robust_sd == 0.0 else ""
    return section._replace(
        is_outlier=outliers.is_outlier,
        n_outliers=int(outliers.is_outlier.sum()),
        detail=joined(section.detail, not_looked_for),
    )


def _checked(
    returns: Floats,
    exposures: Floats | PackedExposures,
    caps: Floats,
    weights: Floats,
    in_estimation: Bools,
    factors: Sequence[Factor],
) -> CheckedDate | None:
    """The date where the sums over memberships can be taken; None where the dense route decides."""
    if not isinstance(exposures, PackedExposures):
        check_cross_section(returns, exposures, caps, weights, in_estimation, factors)
        return None
    layout = factor_layout(tuple(factors))
    check_packed(exposures, layout)
    date = checked_date(returns, exposures, caps, weights, in_estimation, layout)
    if date is None:
        check_cross_section(returns, exposures.dense(factors), caps, weights, in_estimation, factors)
    return date


def _fit(
    weights: Floats,
    returns: Floats,
    exposures: Floats | PackedExposures,
    caps: Floats,
    in_estimation: Bools,
    factors: Sequence[Factor],
    rules: RegressionRules,
    date: CheckedDate | None,
) -> CrossSection:
    if date is not None:
        try:
            return fit_sparse(date, weights, factors, rules)
        except DoubtfulError:
            pass
    if isinstance(exposures, PackedExposures):
        exposures = exposures.dense(factors)
        check_cross_section(returns, exposures, caps, weights, in_estimation, factors)
    return fit_dense(returns, exposures, caps, weights, in_estimation, factors, rules)
