"""Factor returns in a scenario: some are given, the others are what the given ones let expect."""

import numpy as np
import scipy

from sigmalake.numerics.types import Floats, Ints

_DEPENDENT = 1e-12  # smallest eigenvalue of the shocked factors' correlations that still says how they move apart


def conditional_factor_returns(factor_cov: Floats, shocked: Ints, shocks: Floats) -> Floats:
    """E[f | f_S = s]: s for the shocked factors S, Sigma_OS Sigma_SS^-1 s for the others, f of mean 0 [model 6].

    Sigma_SS is solved in correlations, so that the units of the factors do not matter.

    Args:
        factor_cov: (K, K) fraction^2 per period.
        shocked: (S,) positions, each once.
        shocks: (S,) returns, fractions.

    Returns:
        (K,) fractions.

    Raises:
        ValueError: a shocked factor never moves, or the shocked factors are linearly dependent: none of them can be given alone.
    """
    vols = np.sqrt(np.diag(factor_cov)[shocked])
    if still := shocked[~(vols > 0)].tolist():
        raise ValueError(f"the factors {still} have no variance: a shock to them says nothing of the others")
    correlations = factor_cov[np.ix_(shocked, shocked)] / np.outer(vols, vols)
    if shocked.size and (smallest := float(np.linalg.eigvalsh(correlations)[0])) < _DEPENDENT:
        raise ValueError(f"the shocked factors depend on each other (smallest eigenvalue of their correlations {smallest:.2g})")
    weights = scipy.linalg.cho_solve(scipy.linalg.cho_factor(correlations, lower=True), shocks / vols) / vols
    returns: Floats = factor_cov[:, shocked] @ weights
    returns[shocked] = shocks
    return returns
