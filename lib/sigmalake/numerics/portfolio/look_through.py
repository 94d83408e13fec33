"""Portfolios that hold portfolios: what they hold once all of them are looked through."""

from typing import TypeAlias

import numpy as np
import scipy

from sigmalake.numerics.types import Bools, Ints

Weights: TypeAlias = "scipy.sparse.csr_array"  # (P, M) fractions of each portfolio's value by member


def look_through(weights: Weights, portfolio_of: Ints) -> Weights:
    """Weights by member that is no portfolio: H = W_a + W_p H, solved level by level.

    W_p are the weights of members that are portfolios, W_a those of the others. Since no portfolio holds itself at any remove,
    powers of W_p end, and H = (1 + W_p + W_p^2 + ...) W_a.

    Args:
        weights: (P, M) by rows, any sign.
        portfolio_of: (M,) which of the P portfolios a member is; -1: none.

    Returns:
        (P, M), without entries of members that are portfolios, each row in the order of members.

    Raises:
        ValueError: portfolios hold each other; see `first_cycle`.
    """
    nested = (portfolio_of >= 0)[weights.indices]
    assets = _entries(weights, ~nested & (weights.data != 0))
    if not nested.any():
        return assets
    if cycle := first_cycle(weights, portfolio_of):
        raise ValueError(f"portfolios {cycle} hold each other")
    links = _links(weights, portfolio_of)
    found, term = assets, links @ assets
    while term.nnz:
        found = found + term
        term = links @ term
    found = scipy.sparse.csr_array(found)
    found.sort_indices()
    return found


def first_cycle(weights: Weights, portfolio_of: Ints) -> list[int]:
    """Portfolios each of which holds the next, the last one the first; empty where there are none.

    Args:
        weights: (P, M).
        portfolio_of: (M,) which of the P portfolios a member is; -1: none.
    """
    links = _links(weights, portfolio_of)
    itself = np.flatnonzero(links.diagonal())
    if itself.size:
        return [int(itself[0])]
    if not links.nnz:
        return []
    _, label = scipy.sparse.csgraph.connected_components(links, directed=True, connection="strong")
    sizes = np.bincount(label)
    if sizes.max() == 1:
        return []
    first = int(np.flatnonzero(sizes[label] > 1)[0])
    return _walk(links, label == label[first], first)


def _walk(links: Weights, within: Bools, first: int) -> list[int]:
    """From a portfolio of a component on, always to the first member within it, until one comes again."""
    path = [first]
    while True:
        row = path[-1]
        members = links.indices[links.indptr[row] : links.indptr[row + 1]]
        after = int(members[within[members]].min())
        if after in path:
            return path[path.index(after) :]
        path.append(after)


def _links(weights: Weights, portfolio_of: Ints) -> Weights:
    """(P, P) weights of the members that are portfolios; one with a weight of 0 is not held."""
    n = weights.shape[0]
    nested = (portfolio_of[weights.indices] >= 0) & (weights.data != 0)
    holder = np.repeat(np.arange(n), np.diff(weights.indptr))[nested]
    return scipy.sparse.csr_array((weights.data[nested], (holder, portfolio_of[weights.indices[nested]])), shape=(n, n))


def _entries(weights: Weights, kept: Bools) -> Weights:
    """The same without some entries."""
    counts = np.concatenate([[0], np.cumsum(kept)])
    return scipy.sparse.csr_array((weights.data[kept], weights.indices[kept], counts[weights.indptr]), shape=weights.shape)
