"""Size, and the cube that non-linear size is made of."""

import numpy as np

from sigmalake.numerics.types import Bools, Floats


def ln_cap(caps: Floats) -> Floats:
    """ln c; NaN without a cap > 0."""
    return np.log(np.where(caps > 0, caps, np.nan))


def size_cubed(caps: Floats, in_estimation: Bools) -> Floats:
    """s^3, s = (ln c - cap-weighted mean) / sd about that mean, over each date's estimation universe.

    Menchero, Orr, Wang 2011; what is orthogonal to size in it is non-linear size. The cube is of the standardised
    size: that of ln c itself would depend on the currency's unit.

    Args:
        caps: (A, N) market capitalisations, any one currency, NaN where unknown.
        in_estimation: (A, N) the estimation universe.

    Returns:
        (A, N); NaN without a cap > 0, or where the universe has fewer than two different caps.
    """
    size = ln_cap(caps)
    counts = in_estimation & (caps > 0)
    n_names = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    weights = np.where(counts, caps, 0.0)
    total = weights.sum(axis=1, keepdims=True)
    mean = (weights * np.where(counts, size, 0.0)).sum(axis=1, keepdims=True) / np.where(total > 0, total, np.nan)
    deviations = np.where(counts, size - mean, 0.0)
    sd = np.sqrt((deviations**2).sum(axis=1, keepdims=True) / n_names)
    alike = sd <= 1e-12 * np.maximum(np.abs(mean), 1.0)
    cubed: Floats = ((size - mean) / np.where(alike, np.nan, sd)) ** 3
    return cubed
