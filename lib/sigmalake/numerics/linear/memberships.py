"""Memberships as triplets (asset, factor, share), and sums over them by asset, factor and pair of factors."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import FactorLayout, PackedExposures
from sigmalake.numerics.types import Bools, Floats, Ints

_MANY = 8  # memberships an asset beyond which a matrix product is cheaper than sums over pairs


def category_sums(categories: Ints, values: Floats | Bools, size: int) -> Floats:
    """(size,) sums of values by category."""
    return np.asarray(np.bincount(categories, values, size), dtype=np.float64)


class Memberships(NamedTuple):
    """Triplets in the order of assets, then factors; no pair (asset, factor) twice."""

    assets: Ints  # (M,)
    factors: Ints  # (M,)
    shares: Floats  # (M,)
    n_assets: int  # N
    aligned: bool  # triplet n is the one membership of asset n
    whole: bool  # every share is 1
    single: bool  # no asset has two

    def of_assets(self, values: Floats) -> Floats:
        """(..., M) values of the triplets' assets, times the shares, from (..., N)."""
        taken = values if self.aligned else values.take(self.assets, axis=-1)
        return taken if self.whole else taken * self.shares

    def by_asset(self, values: Floats) -> Floats:
        """(N,) sums over an asset's triplets of what `values` (K,) says of their factors, times the shares."""
        taken = values.take(self.factors)
        if not self.whole:
            taken *= self.shares
        return taken if self.aligned else category_sums(self.assets, taken, self.n_assets)

    def by_factor(self, values: Floats, n_factors: int) -> Floats:
        """(K,) sums over a factor's triplets of `values` (M,)."""
        return category_sums(self.factors, values, n_factors)

    def rows_by_factor(self, values: Floats, n_factors: int) -> Floats:
        """(J, K) the same of each row of `values` (J, M)."""
        cells = np.add.outer(np.arange(0, len(values) * n_factors, n_factors), self.factors)
        return category_sums(cells.ravel(), values.ravel(), len(values) * n_factors).reshape(len(values), n_factors)


def sorted_memberships(exposures: PackedExposures, layout: FactorLayout) -> Memberships | None:
    """The memberships of a packed X; None where a triplet is none of a membership or occurs twice."""
    assets, factors, shares = exposures.member_assets, exposures.member_factors, exposures.member_shares
    n_members = len(assets)
    single = _ascending(assets)
    ends = assets[:: max(1, n_members - 1)] if single else assets
    if not (_within(ends, exposures.n_assets) and _within(factors, layout.n_factors)):
        return None
    if np.count_nonzero(layout.is_membership.take(factors)) < n_members:
        return None
    if not single:
        keys = assets * layout.n_factors + factors
        if not _ascending(keys):
            order = np.argsort(keys, kind="stable")
            assets, factors, shares, keys = assets[order], factors[order], shares[order], keys[order]
            if not _ascending(keys):
                return None
        single = _ascending(assets)
    aligned, whole = single and n_members == exposures.n_assets, np.count_nonzero(shares == 1.0) == n_members
    return Memberships(assets, factors, shares, exposures.n_assets, aligned, whole, single)


def _ascending(positions: Ints) -> bool:
    return len(positions) == 0 or np.count_nonzero(positions[1:] > positions[:-1]) == len(positions) - 1


def _within(positions: Ints, size: int) -> bool:
    """Whether all are >= 0 and < size: as unsigned numbers, negative ones are the largest."""
    return len(positions) == 0 or int(np.maximum.reduce(positions.view(np.uint64))) < size


def pair_sums(memberships: Memberships, weighted: Floats, of_weights: Floats) -> Floats:
    """(K, K) sums over assets of w share share, for each pair of factors: the block of X'WX between memberships.

    Args:
        memberships: the triplets.
        weighted: (M,) w share of each triplet.
        of_weights: (K,) its sums by factor.
    """
    n_factors = len(of_weights)
    assets, factors, shares = memberships.assets, memberships.factors, memberships.shares
    sums = np.zeros((n_factors, n_factors))
    sums.ravel()[:: n_factors + 1] = of_weights if memberships.whole else category_sums(factors, weighted * shares, n_factors)
    if memberships.single:
        return sums
    if len(assets) > _MANY * memberships.n_assets:
        return _by_product(memberships, weighted, n_factors)
    first, distance = np.flatnonzero(assets[1:] == assets[:-1]), 1
    while first.size:
        second = first + distance
        pairs = factors.take(first) * n_factors + factors.take(second)
        of_pairs = category_sums(pairs, weighted.take(first) * shares.take(second), n_factors**2).reshape(n_factors, n_factors)
        sums += of_pairs + of_pairs.T
        distance += 1
        first = first[: np.searchsorted(first, len(assets) - distance)]
        first = first[assets.take(first + distance) == assets.take(first)]
    return sums


def _by_product(memberships: Memberships, weighted: Floats, n_factors: int) -> Floats:
    left, right = np.zeros((2, memberships.n_assets, n_factors))
    left[memberships.assets, memberships.factors] = weighted
    right[memberships.assets, memberships.factors] = memberships.shares
    product: Floats = left.T @ right
    return 0.5 * (product + product.T)


def without_factors(memberships: Memberships, leaving: Bools, layout: FactorLayout) -> tuple[Memberships, Bools]:
    """The memberships after factors left, and which assets are stranded: they had no other share in the group.

    The other shares of an asset in the group are scaled to the group's former sum.

    Args:
        memberships: the triplets.
        leaving: (K,) memberships.
        layout: of the K columns.
    """
    n_groups, shares = len(layout.is_complete), memberships.shares
    groups = memberships.assets * n_groups + layout.group_of.take(memberships.factors)
    size = memberships.n_assets * n_groups
    goes = leaving.take(memberships.factors)
    affected = category_sums(groups, goes & (shares != 0.0), size) > 0.0
    former, rest = category_sums(groups, shares, size), category_sums(groups, np.where(goes, 0.0, shares), size)
    moved = affected & (rest > 0.0)
    scaled = shares * np.where(moved, former / np.where(moved, rest, 1.0), 1.0).take(groups)
    stays = ~goes
    left = memberships._replace(
        assets=memberships.assets[stays],
        factors=memberships.factors[stays],
        shares=scaled[stays],
        aligned=memberships.aligned and not goes.any(),
        whole=memberships.whole and not moved.any(),
    )
    stranded = (affected & ~moved).reshape(memberships.n_assets, n_groups)
    return left, np.asarray(stranded.any(axis=1))
