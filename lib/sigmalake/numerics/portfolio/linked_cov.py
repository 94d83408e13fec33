"""Linked issues: the few specific covariances beside the diagonal of D = diag(Delta) + blocks of one issuer's shares."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.types import Floats, Ints


class LinkedCov(NamedTuple):
    """The off-diagonal cells of D, each pair once."""

    pairs: Ints  # (L, 2) positions of two assets, first < second
    cov: Floats  # (L,) fraction^2 per period


UNLINKED = LinkedCov(np.empty((0, 2), dtype=np.int64), np.empty(0))


def check_linked(linked: LinkedCov, n_assets: int) -> None:
    """Raise ValueError, with the value seen, for pairs that are no upper triangle of assets, or covariances that are not finite."""
    pairs, cov = linked
    if pairs.shape != (cov.size, 2):
        raise ValueError(f"linked has pairs of shape {pairs.shape} and {cov.size} covariances; (L, 2) and L are needed")
    outside = (pairs < 0) | (pairs >= n_assets)
    if wrong := int(np.sum(outside.any(axis=1) | (pairs[:, 0] >= pairs[:, 1]))):
        raise ValueError(f"linked has {wrong} pairs that are not two positions, first < second, of {n_assets} assets")
    if len(np.unique(pairs, axis=0)) < len(pairs):
        raise ValueError(f"linked has {len(pairs)} pairs, {len(np.unique(pairs, axis=0))} of them different; each comes once")
    if n_bad := int(np.sum(~np.isfinite(cov))):
        raise ValueError(f"linked has {n_bad} of {cov.size} covariances that are not finite")


def take_linked(linked: LinkedCov, rows: Ints, n_assets: int) -> LinkedCov:
    """The pairs within some assets, by their positions in `rows`.

    Args:
        linked: over all N assets.
        rows: (n,) positions, each once, in any order.
        n_assets: N.
    """
    position = np.full(n_assets, -1, dtype=np.int64)
    position[rows] = np.arange(len(rows))
    moved = np.sort(position[linked.pairs], axis=1)
    kept = (moved >= 0).all(axis=1)
    return LinkedCov(moved[kept], linked.cov[kept])


def linked_among(assets: Sequence[str], model_assets: Sequence[str], pairs: Ints, cov: Floats) -> LinkedCov:
    """The pairs of a model's assets that are both among some others, by their positions there.

    Args:
        assets: (n,) ids, each once, in any order.
        model_assets: (N,) ids.
        pairs: (L, 2) positions in `model_assets`.
        cov: (L,) specific covariances, fraction^2 per period.
    """
    at = {asset: n for n, asset in enumerate(assets)}
    position = np.array([at.get(asset, -1) for asset in model_assets], dtype=np.int64)
    moved = np.sort(position[pairs], axis=1)
    kept = (moved >= 0).all(axis=1)
    return LinkedCov(moved[kept], cov[kept])


def specific_times(specific_var: Floats, linked: LinkedCov, values: Floats) -> Floats:
    """D y with D = diag(Delta) + linked, in O(N + L).

    Args:
        specific_var: (N,) fraction^2 per period.
        linked: the cells beside the diagonal.
        values: (N,) or (N, M).
    """
    product: Floats = (specific_var * values.T).T
    first, second = linked.pairs.T
    np.add.at(product, first, (linked.cov * values[second].T).T)
    np.add.at(product, second, (linked.cov * values[first].T).T)
    return product


def specific_solve(specific_var: Floats, linked: LinkedCov, values: Floats) -> Floats:
    """D^-1 y: a division, and a Cholesky solve for each block of linked assets.

    Args:
        specific_var: (N,) > 0, fraction^2 per period.
        linked: the cells beside the diagonal.
        values: (N,) or (N, M).

    Raises:
        ValueError: a specific variance is not finite and above 0, or a block is not positive definite.
    """
    if n_bad := int(np.sum(~(np.isfinite(specific_var) & (specific_var > 0)))):
        raise ValueError(f"specific_var has {n_bad} of {specific_var.size} values that are not finite and > 0: D has no inverse")
    solved: Floats = (values.T / specific_var).T
    for rows in linked_blocks(linked):
        inside = take_linked(linked, rows, specific_var.size)
        block = specific_times(specific_var[rows], inside, np.eye(rows.size))
        try:
            solved[rows] = scipy.linalg.cho_solve(scipy.linalg.cho_factor(block, lower=True), values[rows])
        except np.linalg.LinAlgError:
            raise ValueError(f"the block of the linked assets {rows.tolist()} is not positive definite: D has no inverse") from None
    return solved


def linked_blocks(linked: LinkedCov) -> list[Ints]:
    """The assets of each block, ascending: those that a chain of pairs connects."""
    if not len(linked.pairs):
        return []
    assets, position = np.unique(linked.pairs, return_inverse=True)
    first, second = position.reshape(linked.pairs.shape).T
    graph = scipy.sparse.coo_array((np.ones(len(first)), (first, second)), shape=(assets.size, assets.size))
    n_blocks, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
    return [assets[label == block] for block in range(n_blocks)]
