"""Which assets of a cross-section can have a V, and why the others cannot."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Bools, Floats


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


class AlignedModel(NamedTuple):
    """X, Sigma and Delta over the same factors and assets."""

    factors: list[str]  # (K,) Sigma's factors that X has, in the model's order
    exposures: Floats  # (N, K)
    factor_cov: Floats  # (K, K) fraction^2 per period
    specific_var: Floats  # (N,) fraction^2 per period; NaN: none
    refused: dict[str, str]  # assets that cannot have a V, with the reason


def align_model(
    *,
    assets: Sequence[str],
    columns: Sequence[str],
    exposures: Floats,
    factors: Sequence[str],
    factor_cov: Floats,
    specific_var: Mapping[str, float],
    left_out: Mapping[str, str],
    zero_factors: Collection[str] = (),
) -> AlignedModel:
    """X brought to Sigma's factors, Delta to X's assets.

    Args:
        assets: (N,) rows of X.
        columns: (K',) factors of X, in the model's order.
        exposures: (N, K') X.
        factors: (K,) factors of Sigma.
        factor_cov: (K, K) fraction^2 per period.
        specific_var: by asset, fraction^2 per period; NaN or absent: none.
        left_out: why Sigma lacks a factor, where it is known.
        zero_factors: factors that Sigma lacks and that count as 0, as in X f of the date's regression.
    """
    var = np.array([specific_var.get(asset, np.nan) for asset in assets], dtype=float)
    column = {factor: position for position, factor in enumerate(columns)}
    kept = [position for position, factor in enumerate(factors) if factor in column]  # nobody is exposed to the others
    of_sigma = [factors[position] for position in kept]
    absent = {factor: left_out.get(factor, "no history") for factor in columns if factor not in {*of_sigma, *zero_factors}}
    return AlignedModel(
        of_sigma,
        exposures[:, [column[factor] for factor in of_sigma]],
        factor_cov[np.ix_(kept, kept)],
        var,
        refused_assets(assets, exposures, var, columns, absent),
    )


def full_symmetric(upper: Floats, size: int) -> Floats:
    """A symmetric matrix from its upper triangle by rows."""
    full = np.zeros((size, size))
    full[np.triu_indices(size)] = upper
    return np.triu(full) + np.triu(full, 1).T
