"""Membership factors that rest on too few assets."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.linear.constraints import membership_groups
from sigmalake.numerics.types import Bools, Floats, Ints

ROUNDING = 1e-9  # five equal members are 5 effective members, not 4.999999999999999


class WithoutThin(NamedTuple):
    """A cross-section after its thin membership factors left."""

    exposures: Floats  # (N, K) the remaining shares of each group renormalised, 0 in the dropped columns
    weights: Floats  # (N,) 0 for stranded assets
    dropped: Bools  # (K,)
    stranded: Bools  # (N,) assets that had no other share in the group of a dropped factor


def effective_members(exposures: Floats, weights: Floats) -> Floats:
    """1 / sum_n s_n^2 with s_n = w_n X_nk / sum_m w_m X_mk (Menchero, Orr, Wang 2011); 0 for a column without members.

    Args:
        exposures: (N, K) memberships as shares.
        weights: (N,) regression weights, 0 outside the fit.

    Returns:
        (K,) in assets.
    """
    weighted = weights[:, None] * exposures
    squares = np.einsum("nk,nk->k", weighted, weighted)
    effective = weighted.sum(axis=0) ** 2 / np.where(squares > 0.0, squares, 1.0)
    return np.where(squares > 0.0, effective, 0.0)


def thin_memberships(exposures: Floats, weights: Floats, factors: Sequence[Factor], min_members: float) -> Bools:
    """Which membership factors have some, but fewer than `min_members` effective members.

    Args:
        exposures: (N, K) memberships as shares.
        weights: (N,) regression weights, 0 outside the fit.
        factors: the K columns.
        min_members: the threshold, in assets.
    """
    thin = np.zeros(len(factors), dtype=np.bool_)
    columns = [k for k, factor in enumerate(factors) if factor.kind in (Kind.MEMBERSHIP, Kind.PARTIAL)]
    effective = effective_members(exposures[:, columns], weights)
    thin[columns] = (effective > 0.0) & (effective < min_members * (1.0 - ROUNDING))
    return thin


def drop_thin_memberships(exposures: Floats, weights: Floats, factors: Sequence[Factor], min_members: float) -> WithoutThin:
    """Take thin membership factors out until none is left.

    The other shares of an asset in the group are scaled to the group's former sum. An asset without other shares in
    the group is stranded: it leaves the fit. As that can make further factors thin, the rule is applied again until
    every remaining factor satisfies it; a factor that loses its last member on the way is empty, not dropped.
    """
    kept = nothing_dropped(exposures, weights)
    while (thin := thin_memberships(kept.exposures, kept.weights, factors, min_members)).any():
        kept = drop_memberships(kept, thin, factors)
    return kept


def nothing_dropped(exposures: Floats, weights: Floats) -> WithoutThin:
    """The cross-section with its thin factors kept."""
    n_assets, n_factors = exposures.shape
    return WithoutThin(exposures, weights, np.zeros(n_factors, dtype=np.bool_), np.zeros(n_assets, dtype=np.bool_))


def drop_memberships(kept: WithoutThin, thin: Bools, factors: Sequence[Factor]) -> WithoutThin:
    """The cross-section without these membership factors; in one step or in several it is the same."""
    exposures, stranded = kept.exposures.copy(), kept.stranded.copy()
    for columns in membership_groups(factors, Kind.MEMBERSHIP, Kind.PARTIAL).values():
        stranded |= _move_shares_in_place(exposures, columns, columns[thin[columns]])
    return WithoutThin(exposures, np.where(stranded, 0.0, kept.weights), kept.dropped | thin, stranded)


def _move_shares_in_place(exposures: Floats, group: Ints, leaving: Ints) -> Bools:
    """Give the shares in the leaving columns to the asset's others in the group; True where it has none."""
    affected = (exposures[:, leaving] != 0.0).any(axis=1)
    former = exposures[:, group].sum(axis=1)
    exposures[:, leaving] = 0.0
    rest = exposures[:, group].sum(axis=1)
    moved = affected & (rest > 0.0)
    exposures[np.ix_(moved, group)] *= (former[moved] / rest[moved])[:, None]
    without_share: Bools = affected & ~moved
    return without_share
