"""A design matrix X that is never dense, the weighted sums over it, and X f."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import FactorLayout, PackedExposures
from sigmalake.numerics.linear.memberships import Memberships, pair_sums
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
    between: Floats  # (2 + S, 2 + S) sums of w times products of returns, ones, styles

    @property
    def total(self) -> float:
        """Sum of w."""
        return float(self.between[1, 1])

    @property
    def squared_returns(self) -> float:
        """r'Wr."""
        return float(self.between[0, 0])

    @property
    def style_squares(self) -> Floats:
        """(S,) sums of w x^2 of the styles."""
        return self.between.diagonal()[2:]


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
    first = 2 - layout.markets.size
    weighted = design.rows * weights
    between = weighted @ design.rows.T
    of_members = memberships.of_assets(weighted)
    sums = memberships.rows_by_factor(of_members, layout.n_factors)
    gram = pair_sums(memberships, of_members[1], sums[1])
    for columns, rows in _full_columns(layout, first):
        sums[:, columns] = between[:, rows]
    for columns, rows in _full_columns(layout, first):
        gram[columns] = sums[rows]
        gram[:, columns] = sums[rows].T
    return WeightedSums(gram, sums[0], sums[1], between)


def _full_columns(layout: FactorLayout, first: int) -> Iterator[tuple[slice, slice]]:
    """Runs of columns of X, and where they are in `rows`."""
    for columns in layout.full:
        last = first + columns.stop - columns.start
        yield columns, slice(first, last)
        first = last


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
