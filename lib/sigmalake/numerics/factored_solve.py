"""V^-1 B for the factored V, without ever forming V."""

import numpy as np

from sigmalake.numerics.arrays import Floats


def factored_solve(exposures: Floats, factor_cov: Floats, specific_var: Floats, right: Floats) -> Floats:
    """V^-1 B for V = X Sigma X' + diag(Delta), in O(N K^2) (Woodbury 1950).

    With Sigma = L L', Y = X L and D = diag(Delta): V^-1 = D^-1 - D^-1 Y (I + Y' D^-1 Y)^-1 Y' D^-1. No inverse of Sigma is
    needed, so that a singular Sigma has an answer too.

    Args:
        exposures: (N, K).
        factor_cov: (K, K) fraction^2 per period, positive semi-definite.
        specific_var: (N,) fraction^2 per period, above 0.
        right: (N, M) B.

    Raises:
        ValueError: a specific variance is not above 0, and V has no such inverse.
    """
    if n_bad := int(np.sum(~(specific_var > 0))):
        raise ValueError(f"specific_var has {n_bad} of {specific_var.size} values that are not above 0; V^-1 needs every one")
    values, vectors = np.linalg.eigh(factor_cov)
    loadings = exposures @ (vectors * np.sqrt(np.maximum(values, 0.0)))  # below 0 by rounding only
    scaled, precise = loadings / specific_var[:, None], right / specific_var[:, None]
    inner = np.eye(len(values)) + loadings.T @ scaled
    solved: Floats = precise - scaled @ np.linalg.solve(inner, loadings.T @ precise)
    return solved
