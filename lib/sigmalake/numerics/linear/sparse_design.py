"""A design matrix X that is never dense, the weighted sums over it, and X f."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import FactorLayout, PackedExposures
from sigmalake.numerics.linear.memberships import Memberships, category_sums, pair_sums
from sigmalake.numerics.types import Floats


class SparseDesign(NamedTuple):
    """X of one date with the returns beside it."""

    memberships: Memberships
    rows: Floats  # (2 + S, N) returns, ones, styles
    styles: Floats  # (N, S)
    layout: FactorLayout


class WeightedSums(NamedTuple):
    """Of one weighting."""

    gram: Floats  # (K, K) X'WX
    returns: Floats  # (K,) X'Wr
    weights: Floats  # (K,) X'w
    total: float  # sum w
    squared_returns: float  # r'Wr


def sparse_design(exposures: PackedExposures, memberships: Memberships, returns: Floats, layout: FactorLayout) -> SparseDesign:
    """The design of a date.

    Args:
        exposures: X packed.
        memberships: its triplets, sorted.
        returns: (N,) finite.
        layout: of the K columns, at most one of them the market's.
    """
    rows = np.empty((2 + exposures.styles.shape[1], exposures.n_assets))
    rows[0] = returns
    rows[1] = 1.0
    rows[2:] = exposures.styles.T
    return SparseDesign(memberships, rows, exposures.styles, layout)


def weighted_sums(design: SparseDesign, weights: Floats) -> WeightedSums:
    """X'WX, X'Wr and X'w: sums by category where memberships are, a matrix product elsewhere.

    Args:
        design: X and r.
        weights: (N,) w >= 0.
    """
    layout, memberships = design.layout, design.memberships
    n_factors, full = layout.n_factors, slice(2 - layout.markets.size, None)
    weighted = design.rows * weights
    of_members = memberships.of_assets(weighted)
    sums = np.array([category_sums(memberships.factors, row, n_factors) for row in of_members])
    between = weighted @ design.rows.T
    sums[:, layout.full_columns] = between[:, full]
    gram = pair_sums(memberships, of_members[1], n_factors)
    gram[layout.full_columns] = sums[full]
    gram[:, layout.full_columns] = sums[full].T
    return WeightedSums(gram, sums[0], sums[1], float(weights.sum()), float(between[0, 0]))


def explained(design: SparseDesign, factor_returns: Floats) -> Floats:
    """(N,) X f: a look-up, plus a product.

    Args:
        design: X.
        factor_returns: (K,) f, finite.
    """
    layout = design.layout
    fitted = design.memberships.by_asset(factor_returns)
    if layout.styles.size:
        fitted += design.styles @ factor_returns[layout.styles]
    if layout.markets.size:
        fitted += factor_returns[layout.markets[0]]
    return fitted
