"""Pseudo-observations (Theil and Goldberger 1961): rows beside the data of a fit that draw factors to a value known before."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.linear.constraints import membership_groups
from sigmalake.numerics.regression.thin_memberships import effective_members
from sigmalake.numerics.types import Bools, Floats


class PseudoObservations(NamedTuple):
    """Rows below diag(sqrt w) X, whose targets are `mean_share` times the weighted mean return."""

    design: Floats  # (J, K)
    mean_share: Floats  # (J,) sqrt of its weight as an asset; 0 for a penalty


def ridge_rows(design: Floats, factors: Sequence[Factor], strength: float) -> PseudoObservations:
    """sqrt(lambda) |a_k| e_k for each style k, which add lambda |a_k|^2 f_k^2 to sum w u^2 (Hoerl and Kennard 1970).

    a_k is the style's column of A = diag(sqrt w) X. No constraint binds a style, so |a_k| scales its column of the Gram
    matrix to 1 and lambda adds to that 1: the unit of a style changes nothing. Other factors are not penalised.

    Args:
        design: (N, K) A.
        factors: the K columns.
        strength: lambda >= 0; 0 makes no rows.
    """
    styles = [position for position, factor in enumerate(factors) if factor.kind is Kind.STYLE and strength > 0.0]
    lengths = np.sqrt(np.einsum("nk,nk->k", design[:, styles], design[:, styles]))
    rows = np.zeros((len(styles), len(factors)))
    rows[np.arange(len(styles)), styles] = np.sqrt(strength) * lengths
    return PseudoObservations(rows, np.zeros(len(styles)))


def thin_factor_rows(
    exposures: Floats, weights: Floats, factors: Sequence[Factor], thin: Bools, min_members: float
) -> PseudoObservations:
    """A pseudo-observation for each thin factor k: the fit's weighted mean asset, but whole in k.

    Its return is the weighted mean rbar_w, its exposures are the weighted means, but for k's group, whose mean shares
    all go to k. So it draws f_k to sum_j m_j f_j over the group, m_j the regression-weighted shares (a partial group's
    rest counts as 0). Its weight is (min_members / N_k - 1) sum_n w_n X_nk, N_k the effective members: in a model of
    0/1 groups f_k is then N_k / min_members of its own mean and the rest of the group's (Menchero, Orr, Wang 2011,
    whose weight is not published: **choice**).

    Args:
        exposures: (N, K) of the assets in the fit.
        weights: (N,) > 0.
        factors: the K columns.
        thin: (K,) memberships with fewer than `min_members` effective members, and more than none.
        min_members: in assets.
    """
    means = weights @ exposures / weights.sum()
    groups = membership_groups(factors, Kind.MEMBERSHIP, Kind.PARTIAL)
    members = effective_members(exposures, weights)
    rows, roots = [], []
    for position in np.flatnonzero(thin).tolist():
        row, group = means.copy(), groups[factors[position].group]
        row[group] = 0.0
        row[position] = 1.0
        own = float(weights @ exposures[:, position])
        roots.append(np.sqrt(own * (min_members / members[position] - 1.0)))
        rows.append(row * roots[-1])
    return PseudoObservations(np.reshape(rows, (len(rows), len(factors))), np.array(roots))


def stacked(first: PseudoObservations, second: PseudoObservations) -> PseudoObservations:
    """Stack the rows of ridge and those of thin factors."""
    return PseudoObservations(np.vstack([first.design, second.design]), np.append(first.mean_share, second.mean_share))
