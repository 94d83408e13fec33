"""Shares of industries in companies with several segments, from what the market pays for assets and sales of each industry."""

from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.types import Bools, Floats

_FROM_ASSETS = 0.75  # the weight of the shares from assets (Menchero, Orr, Wang 2011); sales have the rest
_MOST = 5  # industries of one company


class IndustryShares(NamedTuple):
    """Memberships of one date."""

    shares: Floats  # (N, K) 0 to 1, each row's sum 1; NaN where neither assets nor sales are known
    per_asset: Floats  # (K,) market value of one unit of an industry's assets, >= 0; NaN: no fit
    per_sale: Floats  # (K,) the same of its sales
    unpriced: Bools  # (N,) all of the company's industries are worth 0 on one side: there its plain proportions were taken


class _Side(NamedTuple):
    shares: Floats  # (N, K) NaN where unknown
    multiples: Floats  # (K,)
    unpriced: Bools  # (N,)


def industry_shares(caps: Floats, assets: Floats, sales: Floats, in_estimation: Bools) -> IndustryShares:
    """X_nk = .75 XA_nk + .25 XS_nk, XA_nk = bA_k A_nk / sum_j bA_j A_nj, the five largest, renormalised.

    bA minimises sum_n (c_n - sum_k b_k A_nk)^2 over b >= 0, without intercept, over the estimation universe (Menchero,
    Orr, Wang 2011; b >= 0 by Lawson and Hanson 1974, so that no share is negative); likewise bS from sales. A company
    with only one of the two known has that one's shares. Where every industry of a company has b = 0 the proportions of
    its assets stand in for XA, which is the limit of equal multiples towards 0 (**choice**). Of equal shares the
    industry that comes first is the larger.

    Args:
        caps: (N,) market capitalisations, NaN where unknown.
        assets: (N, K) by industry, >= 0, one currency; a row with a NaN, or without anything > 0, is unknown.
        sales: (N, K) the same.
        in_estimation: (N,) the estimation universe.
    """
    from_assets = _side("assets", caps, assets, in_estimation)
    from_sales = _side("sales", caps, sales, in_estimation)
    both = _FROM_ASSETS * from_assets.shares + (1 - _FROM_ASSETS) * from_sales.shares
    one = np.where(np.isnan(from_assets.shares), from_sales.shares, from_assets.shares)
    return IndustryShares(
        shares=_largest(np.where(np.isnan(both), one, both)),
        per_asset=from_assets.multiples,
        per_sale=from_sales.multiples,
        unpriced=from_assets.unpriced | from_sales.unpriced,
    )


def _side(name: str, caps: Floats, segments: Floats, in_estimation: Bools) -> _Side:
    if n_wrong := int(((segments < 0) | np.isinf(segments)).sum()):
        raise ValueError(f"{name} has {n_wrong} negative or infinite values; a segment has 0 or more, NaN where unknown")
    known = segments.sum(axis=1) > 0  # false for NaN
    figures = np.where(known[:, None], segments, 0.0)
    multiples = _multiples(caps, figures, known & in_estimation & (caps > 0))
    values = figures * np.nan_to_num(multiples, nan=0.0)
    unpriced = known & (values.sum(axis=1) <= 0)
    values[unpriced] = figures[unpriced]
    total = np.where(known, values.sum(axis=1), np.nan)
    return _Side(values / total[:, None], multiples, unpriced)


def _multiples(caps: Floats, figures: Floats, fitted: Bools) -> Floats:
    """b of c = A b + e; NaN for all without a company to fit, or where the search does not converge.

    Columns are scaled to 1, which changes no solution.
    """
    if not fitted.any():
        return np.full(figures.shape[1], np.nan)
    lengths = np.linalg.norm(figures[fitted], axis=0)
    scale = np.where(lengths > 0, lengths, 1.0)
    try:
        multiples: Floats = scipy.optimize.nnls(figures[fitted] / scale, caps[fitted])[0] / scale
    except RuntimeError:  # scipy's, where it has not converged
        return np.full(figures.shape[1], np.nan)
    return multiples


def _largest(shares: Floats) -> Floats:
    order = np.argsort(-shares, axis=1, kind="stable")
    kept = shares.copy()
    np.put_along_axis(kept, order[:, _MOST:], 0.0, axis=1)
    kept[np.isnan(shares)] = np.nan
    kept /= kept.sum(axis=1, keepdims=True)
    return kept
