"""The portfolios behind the factor returns of a date that was fitted."""

from collections.abc import Sequence

import numpy as np

from sigmalake.numerics.factors import Factor
from sigmalake.numerics.linear.constraints import below_one, constraint_rows
from sigmalake.numerics.linear.least_squares import RankDeficientError, pure_factor_portfolios
from sigmalake.numerics.regression.cross_section import FactorStatus
from sigmalake.numerics.regression.thin_memberships import drop_memberships, nothing_dropped
from sigmalake.numerics.types import Bools, Floats

OUT = (FactorStatus.EMPTY, FactorStatus.CONSTANT)


def date_portfolios(
    exposures: Floats,
    caps: Floats,
    in_estimation: Bools,
    weights: Floats,
    factors: Sequence[Factor],
    factor_returns: Floats,
    factor_status: Sequence[str],
) -> Floats:
    """P = R (R'X'WXR)^-1 R'X'W of a date's own fit, from what its rows store: f = P r, P X R = R.

    W holds the weights of the answer, Huber's factor included; X is without dropped, empty, constant and collinear
    factors (Heston and Rouwenhorst 1994; Menchero, Orr, Wang 2011). A row of P is the long-short portfolio with one
    unit of its factor and, up to the constraint, none of the others. With ridge or shrunk thin factors P is that of
    the fit without them, and P r is not the f that was drawn.

    Args:
        exposures: (N, K) as given to `fit_cross_section`.
        caps: (N,) as given to it.
        in_estimation: (N,) as given to it.
        weights: (N,) `CrossSection.weights`, or a constant times them.
        factors: the K columns.
        factor_returns: (K,) its answer; NaN marks what was not estimated.
        factor_status: (K,) its answer.

    Returns:
        (K, N) portfolio weights, fractions of one unit of money; 0 for assets outside the fit, NaN where f is. All NaN where the
        weights are too uneven for portfolios: Huber's factor may leave a factor without an asset that weighs anything.
    """
    estimated = np.isfinite(factor_returns)
    portfolios = np.full(exposures.T.shape, np.nan)
    if not estimated.any():
        return portfolios
    dropped = ~estimated & np.array([status == FactorStatus.THIN for status in factor_status])
    active = ~dropped & np.array([status not in OUT for status in factor_status])
    X = drop_memberships(nothing_dropped(exposures, weights), dropped, factors).exposures
    constraints = constraint_rows(X, below_one(np.where(in_estimation, caps, 0.0)), in_estimation, factors, active)
    try:
        found = pure_factor_portfolios(X[:, estimated], weights, constraints[:, estimated])
    except (RankDeficientError, np.linalg.LinAlgError):
        return portfolios
    if np.isfinite(found).all():
        portfolios[estimated] = found
    return portfolios
