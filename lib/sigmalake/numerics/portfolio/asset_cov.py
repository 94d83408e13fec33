"""V = X Sigma X' + D, dense: whole, or a block of it. D is diag(Delta), and the specific covariances of linked issues."""

import numpy as np

from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, check_linked
from sigmalake.numerics.types import Floats


def asset_cov_block(exposures_1: Floats, exposures_2: Floats, factor_cov: Floats) -> Floats:
    """X1 Sigma X2': the covariances of some assets with others, none of which is in both lists.

    Args:
        exposures_1: (n1, K) of the rows.
        exposures_2: (n2, K) of the columns.
        factor_cov: (K, K) fraction^2 per period.

    Returns:
        (n1, n2) fraction^2 per period.
    """
    block: Floats = exposures_1 @ factor_cov @ exposures_2.T
    return block


def asset_cov(exposures: Floats, factor_cov: Floats, specific_var: Floats, linked: LinkedCov = UNLINKED) -> Floats:
    """V = X Sigma X' + D of a list of assets, exactly symmetric: the lower half mirrors the upper one.

    Args:
        exposures: (n, K).
        factor_cov: (K, K) fraction^2 per period.
        specific_var: (n,) fraction^2 per period.
        linked: specific covariances of linked issues, by positions in the list.

    Returns:
        (n, n) fraction^2 per period.

    Raises:
        ValueError: a specific variance is missing, infinite or below 0, or `linked` is not of these assets.
    """
    if n_bad := int(np.sum(~(np.isfinite(specific_var) & (specific_var >= 0)))):
        raise ValueError(f"specific_var has {n_bad} of {specific_var.size} values that are not finite and >= 0")
    check_linked(linked, specific_var.size)
    cov = np.triu(asset_cov_block(exposures, exposures, factor_cov))
    cov[linked.pairs[:, 0], linked.pairs[:, 1]] += linked.cov
    cov += np.triu(cov, 1).T
    cov[np.diag_indices_from(cov)] += specific_var
    return cov
