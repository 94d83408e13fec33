"""One factor of a date's regression as a line through points: what is left of returns and exposures without the other factors."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.factors import Factor
from sigmalake.numerics.linear.constraints import below_one, constraint_rows, null_space_basis
from sigmalake.numerics.regression.answer import FactorStatus
from sigmalake.numerics.regression.pure_portfolios import OUT
from sigmalake.numerics.regression.thin_memberships import drop_memberships, nothing_dropped
from sigmalake.numerics.types import Bools, Floats

_CONSTANT = 1e-12  # of the size of a column: what rounding makes of a constant


class PartialRegression(NamedTuple):
    """A factor's points and the line through them: ret = intercept + slope * exposure."""

    exposures: Floats  # (N,) the factor's own, or what the others leave of them where `adjusted`
    returns: Floats  # (N,) given, or what the others leave of them; NaN: missing
    slope: float  # of the weighted fit, fraction per unit of exposure
    intercept: float  # fraction; 0 where `adjusted`, or where no factor is a constant
    adjusted: bool


def partial_regression(
    returns: Floats,
    exposures: Floats,
    caps: Floats,
    weights: Floats,
    in_estimation: Bools,
    factors: Sequence[Factor],
    factor_returns: Floats,
    factor_status: Sequence[str],
    column: int,
) -> PartialRegression:
    """The added-variable form of one factor of sum_i w_i (r_i - x_i f)^2 with C f = 0 (Frisch and Waugh 1933; Lovell 1963).

    The factor returns with C f = 0 are f = f_k d + N h, where C d = 0, d_k = 1, and N spans {C h = 0, h_k = 0}. What X N leaves
    of X d and of r in the weighted fit has f_k as its slope, whatever d. Where X N is nothing or a constant, and no constraint
    binds the factor, its own exposures and the returns as they are lie about a line with that slope.

    Args:
        returns: (N,) NaN is missing.
        exposures: (N, K) as given to `fit_cross_section`.
        caps: (N,) as given to it.
        weights: (N,) `CrossSection.weights`, Huber's factor included; 0: not in the fit.
        in_estimation: (N,) as given to it.
        factors: the K columns.
        factor_returns: (K,) its answer; NaN marks what was not estimated.
        factor_status: (K,) its answer.
        column: k.

    Raises:
        ValueError: the factor was not estimated, its constraint fixes it at 0, or its exposures follow from the others'.
    """
    estimated = np.isfinite(factor_returns)
    if not estimated[column]:
        raise ValueError(f"{factors[column].name} has no factor return: it is {factor_status[column]}")
    dropped = ~estimated & np.array([status == FactorStatus.THIN for status in factor_status])
    active = ~dropped & np.array([status not in OUT for status in factor_status])
    full = drop_memberships(nothing_dropped(exposures, weights), dropped, factors).exposures
    constraints = constraint_rows(full, below_one(np.where(in_estimation, caps, 0.0)), in_estimation, factors, active)
    X, C = full[:, estimated], constraints[:, estimated]
    k = int(np.count_nonzero(estimated[:column]))
    free = not C[:, k].any()
    basis = null_space_basis(C)
    if not basis[k].any():
        raise ValueError(f"{factors[column].name} is fixed at 0: it is the only factor of its group, which a constraint makes 0")
    fitted = (weights > 0.0) & np.isfinite(returns)
    root = np.sqrt(weights[fitted])
    Q, T = scipy.linalg.qr((X[fitted] @ basis) * root[:, None], mode="economic")
    own = scipy.linalg.solve_triangular(T, basis[k], trans="T")  # T^-T R_k'
    along = basis @ scipy.linalg.solve_triangular(T, own) / (own @ own)  # d that leaves X N behind: X d is what X N leaves of it
    f = basis @ scipy.linalg.solve_triangular(T, Q.T @ (root * returns[fitted]))
    left = X @ along
    rest = returns - X @ (f - f[k] * along)
    if not (np.isfinite(left).all() and (left[fitted] != 0.0).any()):
        raise ValueError(f"the exposures to {factors[column].name} follow from those to the other factors")
    others = _others(X, basis, k)
    if free and _is_constant(others[fitted]):
        intercept = float(_mean(returns[fitted] - f[k] * X[fitted, k], weights[fitted])) if others.shape[1] else 0.0
        return PartialRegression(X[:, k], returns, float(f[k]), intercept, adjusted=False)
    return PartialRegression(left, rest, float(f[k]), 0.0, adjusted=True)


def _others(X: Floats, basis: Floats, k: int) -> Floats:
    """X N: what the other factors can explain."""
    e = np.zeros((1, len(basis)))
    e[0, k] = 1.0
    rotation = null_space_basis(e @ basis)
    found: Floats = X @ (basis @ rotation)
    return found


def _is_constant(columns: Floats) -> bool:
    """Whether the columns are none, or one that is the same for all."""
    if columns.shape[1] == 0:
        return True
    return columns.shape[1] == 1 and bool(np.ptp(columns) <= _CONSTANT * np.abs(columns).max())


def _mean(values: Floats, weights: Floats) -> float:
    return float(weights @ values / weights.sum())
