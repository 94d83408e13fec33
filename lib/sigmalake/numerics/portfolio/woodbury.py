"""V^-1 without V: Woodbury's identity on the factored form, in O(N K^2)."""

from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, specific_solve, specific_times
from sigmalake.numerics.portfolio.roots import factor_root
from sigmalake.numerics.types import Floats

_LEAST_SHARE = 1e-8  # of an asset's factor variance that its diagonal of D is raised to before it is inverted
_EXACT = 1e-13  # of the largest value: a residual that is not worth another step
_ENOUGH = 1e-9  # and one that is not an answer
_STEPS = 50


class FactoredInverse(NamedTuple):
    """A^-1 = D'^-1 - W C^-1 W', A = V + diag(raised), D' = D + diag(raised), L = X R, W = D'^-1 L, C = I + L'W, Sigma = R R'."""

    specific_var: Floats  # (N,) the diagonal of D
    linked: LinkedCov  # its other cells
    raised: Floats  # (N,) what was added to the diagonal, and is taken back by refinement; mostly 0
    loadings: Floats  # (N, K) L
    scaled: Floats  # (N, K) W
    core: Floats  # (K, K) the lower Cholesky factor of C, whose eigenvalues are 1 or more


def factor_inverse(exposures: Floats, factor_cov: Floats, specific_var: Floats, linked: LinkedCov = UNLINKED) -> FactoredInverse:
    """The parts of (X Sigma X' + D)^-1. Sigma may be singular, as it is where constraints tie the factors.

    Where D is far below the variance from the factors (0 for the only member of a group), the identity subtracts numbers
    that are nearly alike. There D is raised, and `solve_asset_cov` takes that back.

    Args:
        exposures: (N, K).
        factor_cov: (K, K) fraction^2 per period, positive semi-definite.
        specific_var: (N,) >= 0, fraction^2 per period.
        linked: specific covariances of linked issues.

    Raises:
        ValueError: a specific variance is no number >= 0, Sigma or a block of linked assets is not positive semi-definite,
            or an asset has no risk at all.
    """
    if n_bad := int(np.sum(~(np.isfinite(specific_var) & (specific_var >= 0)))):
        raise ValueError(f"specific_var has {n_bad} of {specific_var.size} values that are not finite and >= 0")
    loadings = exposures @ factor_root(factor_cov)
    least = _LEAST_SHARE * (loadings**2).sum(axis=1)
    raised = np.maximum(least - specific_var, 0.0)
    linked_assets = np.unique(linked.pairs)
    raised[linked_assets] = least[linked_assets]  # a block may be singular on any diagonal
    if n_flat := int(np.sum(specific_var + raised == 0)):
        raise ValueError(f"{n_flat} of {specific_var.size} assets have neither specific nor factor variance")
    scaled = specific_solve(specific_var + raised, linked, loadings)
    core, _ = scipy.linalg.cho_factor(np.eye(loadings.shape[1]) + loadings.T @ scaled, lower=True)
    return FactoredInverse(specific_var, linked, raised, loadings, scaled, core)


def solve_asset_cov(inverse: FactoredInverse, values: Floats) -> Floats:
    """y with V y = `values`, in O(NK) a column, refined until V y is as near to `values` as rounding lets it.

    Args:
        inverse: of V.
        values: (N,) or (N, M).

    Raises:
        ValueError: V is too near to a singular matrix.
    """
    solved = _near_solution(inverse, values)
    scale, off = np.abs(values).max(initial=0.0), np.inf
    for _ in range(_STEPS):
        residual = values - _asset_cov_times(inverse, solved)
        before, off = off, np.abs(residual).max(initial=0.0)
        if off <= _EXACT * scale or off > before / 2:
            break
        solved = solved + _near_solution(inverse, residual)
    if not off <= _ENOUGH * scale:
        raise ValueError(f"V is too near to a singular matrix: V y misses what it should be by {off / scale:.1g} of its size")
    return solved


def _near_solution(inverse: FactoredInverse, values: Floats) -> Floats:
    own = specific_solve(inverse.specific_var + inverse.raised, inverse.linked, values)
    solved: Floats = own - inverse.scaled @ scipy.linalg.cho_solve((inverse.core, True), inverse.scaled.T @ values)
    return solved


def _asset_cov_times(inverse: FactoredInverse, values: Floats) -> Floats:
    product: Floats = inverse.loadings @ (inverse.loadings.T @ values) + specific_times(
        inverse.specific_var, inverse.linked, values
    )
    return product


def dense_inverse(inverse: FactoredInverse) -> Floats:
    """V^-1, (N, N) and exactly symmetric, 1 / fraction^2."""
    upper = np.triu(solve_asset_cov(inverse, np.eye(inverse.specific_var.size)))
    return upper + np.triu(upper, 1).T
