"""Which assets of a cross-section can have a V, and why the others cannot."""

from collections.abc import Mapping, Sequence

import numpy as np

from sigmalake.numerics.arrays import Bools, Floats


def refused_assets(
    asset_ids: Sequence[str],
    exposures: Floats,
    specific_var: Floats,
    factors: Sequence[str],
    absent: Mapping[str, str],
) -> dict[str, str]:
    """The assets that cannot have a V [model 6], each with its reason.

    Args:
        asset_ids: (N,).
        exposures: (N, K).
        specific_var: (N,) NaN where there is none.
        factors: (K,) names of the columns of `exposures`.
        absent: the factors that Sigma lacks, each with the reason.
    """
    refused = {}
    lacking: Bools = np.array([factor in absent for factor in factors], dtype=bool)
    exposed = exposures[:, lacking] != 0
    names = [factor for factor in factors if factor in absent]
    for row in np.flatnonzero(np.isnan(specific_var) | exposed.any(axis=1)).tolist():
        reasons = ["no specific variance: its history is too short"] if np.isnan(specific_var[row]) else []
        reasons += [
            f"exposed to {names[k]}, which is not in Sigma: {absent[names[k]]}" for k in np.flatnonzero(exposed[row]).tolist()
        ]
        refused[asset_ids[row]] = "; ".join(reasons)
    return refused


def full_symmetric(upper: Floats, size: int) -> Floats:
    """A symmetric matrix from its upper triangle by rows."""
    full = np.zeros((size, size))
    full[np.triu_indices(size)] = upper
    return np.triu(full) + np.triu(full, 1).T
