"""Non-linear shrinkage of a sample covariance: each eigenvalue by an amount of its own."""

import numpy as np

from sigmalake.numerics.factor_cov.shrinkage import Shrunk
from sigmalake.numerics.types import Floats

_RANK = 1e-12  # an eigenvalue with a smaller share of the largest is rounding


def quadratic_inverse(deviations: Floats) -> Shrunk:
    """U diag(d) U' with the sample's eigenvectors: quadratic-inverse shrinkage, QIS (Ledoit and Wolf 2022, section 4.5).

    With n = T - 1, c = K/n, eigenvalues l_i of X'X/n, h = min(c^2, 1/c^2)^.35 / K^.35 and means over the j with l_j > 0,

        theta_i = mean_j (1/l_j) (1/l_j - 1/l_i) / ((1/l_j - 1/l_i)^2 + h^2 / l_j^2),
        H_i = mean_j h / l_j^2 / (the same),   A_i^2 = theta_i^2 + H_i^2,
        1/d_i = (1-c)^2 / l_i + 2 c (1-c) theta_i / l_i + c^2 A_i^2 / l_i   where K <= n,
        1/d_i = A_i^2 / l_i, and (c-1) mean_j 1/l_j where l_i = 0,          where K > n;

    then all d are scaled to the trace of the sample. Factors that depend on each other exactly, beyond what K > n brings about,
    span fewer dimensions: these are shrunk, and eigenvalues of 0 stay (**choice**).

    Args:
        deviations: (T, K) centred returns, equal weights; T >= 2.

    Returns:
        The covariance with the divisor T, and by how much the spread of its eigenvalues is less than the sample's, as a share.
    """
    n_periods, n_factors = deviations.shape
    n = n_periods - 1
    values, vectors = np.linalg.eigh(deviations.T @ deviations / n)
    values = np.maximum(values, 0.0)
    rank = int((values > _RANK * values[-1]).sum())
    spanned = n_factors if rank == min(n_factors, n) else rank
    shrunk = np.zeros(n_factors)
    if rank:
        shrunk[n_factors - spanned :] = _shrunk(values[n_factors - rank :], spanned, n)
        shrunk *= values.sum() / shrunk.sum()
    cov = (vectors * (shrunk * (n / n_periods))) @ vectors.T
    before, after = (float(np.sqrt(((one - values.mean()) ** 2).sum())) for one in (values, shrunk))
    return Shrunk((cov + cov.T) / 2, 1 - after / before if before > 0 else 0.0)


def _shrunk(values: Floats, n_factors: int, n: int) -> Floats:
    """(K,) d before it is scaled, from the eigenvalues above 0, ascending."""
    c = n_factors / n
    inverse = 1 / values
    h = min(c**2, 1 / c**2) ** 0.35 / n_factors**0.35
    apart = inverse[:, None] - inverse  # (j, i)
    weight = inverse[:, None] / (apart**2 + (h * inverse[:, None]) ** 2)
    theta, conjugate = (weight * apart).mean(axis=0), h * (weight * inverse[:, None]).mean(axis=0)
    amplitude = theta**2 + conjugate**2
    if n_factors <= n:
        shrunk: Floats = values / ((1 - c) ** 2 + 2 * c * (1 - c) * theta + c**2 * amplitude)
        return shrunk
    null = np.full(n_factors - len(values), 1 / ((c - 1) * inverse.mean()))
    return np.concatenate([null, values / amplitude])
