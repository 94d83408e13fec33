"""A floor under the eigenvalues of a correlation matrix, with the size of what it changed."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Floats


class Floored(NamedTuple):
    """A covariance after its repair."""

    cov: Floats  # (K, K) the variances unchanged
    n_lifted: int  # eigenvalues below the floor; 0: `cov` is what was given
    size: float  # what they were lifted by, as a share of the correlations' trace K


def floor_eigenvalues(cov: Floats, floor: float) -> Floored:
    """D_vol C D_vol with the eigenvalues of the correlations C lifted to `floor`, then C scaled back to ones on its diagonal.

    On correlations the floor has no unit, and the variances stay. The scaling back takes a lifted eigenvalue below the
    floor by at most the largest share that the lift adds to a diagonal element (**choice**).

    Args:
        cov: (K, K) positive variances.
        floor: 0 < floor < 1; the mean eigenvalue is 1.
    """
    vols = np.sqrt(np.diag(cov))
    values, vectors = np.linalg.eigh(cov / np.outer(vols, vols))
    n_lifted = int((values < floor).sum())
    if not n_lifted:
        return Floored(cov, 0, 0.0)
    lifted = np.maximum(values, floor)
    corr = (vectors * lifted) @ vectors.T
    rescale = vols / np.sqrt(np.diag(corr))
    floored = corr * np.outer(rescale, rescale)
    return Floored((floored + floored.T) / 2, n_lifted, float((lifted - values).sum()) / len(cov))
