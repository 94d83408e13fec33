"""V^-1 without V: Woodbury's identity on the factored form, in O(N K^2)."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from sigmalake.numerics.arrays import Floats
from sigmalake.numerics.linked_cov import UNLINKED, LinkedCov, specific_solve

_ROUNDING = 1e-12  # of the largest eigenvalue: how far below 0 one may come out that is 0


class FactoredInverse(NamedTuple):
    """V^-1 = D^-1 - W C^-1 W' with W = D^-1 X R, C = I + R'X' D^-1 X R and Sigma = R R'."""

    specific_var: Floats  # (N,) the diagonal of D
    linked: LinkedCov  # its other cells
    scaled: Floats  # (N, K) W
    core: Floats  # (K, K) the lower Cholesky factor of C, whose eigenvalues are 1 or more


def factor_inverse(exposures: Floats, factor_cov: Floats, specific_var: Floats, linked: LinkedCov = UNLINKED) -> FactoredInverse:
    """The parts of (X Sigma X' + D)^-1. Sigma may be singular, as it is where constraints tie the factors; D may not.

    Args:
        exposures: (N, K).
        factor_cov: (K, K) fraction^2 per period, positive semi-definite.
        specific_var: (N,) > 0, fraction^2 per period.
        linked: specific covariances of linked issues.

    Raises:
        ValueError: D has no inverse, or Sigma is not positive semi-definite.
    """
    loadings = exposures @ _root(factor_cov)
    scaled = specific_solve(specific_var, linked, loadings)
    core, _ = cho_factor(np.eye(loadings.shape[1]) + loadings.T @ scaled, lower=True)
    return FactoredInverse(specific_var, linked, scaled, core)


def solve_asset_cov(inverse: FactoredInverse, values: Floats) -> Floats:
    """y with V y = `values`, in O(NK) a column.

    Args:
        inverse: of V.
        values: (N,) or (N, M).
    """
    own = specific_solve(inverse.specific_var, inverse.linked, values)
    solved: Floats = own - inverse.scaled @ cho_solve((inverse.core, True), inverse.scaled.T @ values)
    return solved


def dense_inverse(inverse: FactoredInverse) -> Floats:
    """V^-1, (N, N) and exactly symmetric, 1 / fraction^2."""
    upper = np.triu(solve_asset_cov(inverse, np.eye(inverse.specific_var.size)))
    return upper + np.triu(upper, 1).T


def _root(factor_cov: Floats) -> Floats:
    """R with R R' = Sigma; an eigenvalue that is below 0 by rounding alone counts as 0."""
    eigenvalues, vectors = np.linalg.eigh(factor_cov)
    if eigenvalues.size and eigenvalues[0] < -_ROUNDING * max(eigenvalues[-1], 0.0):
        raise ValueError(f"factor_cov has an eigenvalue of {eigenvalues[0]:g}: it is not positive semi-definite")
    root: Floats = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    return root
