"""Pseudo-observations (Theil and Goldberger 1961): rows beside the data of a fit that draw factors to a value known before."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Bools, Floats, Ints


class PseudoObservations(NamedTuple):
    """Rows below diag(sqrt w) X, whose targets are `mean_share` times the weighted mean return."""

    design: Floats  # (J, K)
    mean_share: Floats  # (J,) sqrt of its weight as an asset; 0 for a penalty


def penalties(lengths: Floats, styles: Ints, strength: float) -> PseudoObservations:
    """sqrt(lambda) |a_k| e_k for each style k, which add lambda |a_k|^2 f_k^2 to sum w u^2 (Hoerl and Kennard 1970).

    a_k is the style's column of A = diag(sqrt w) X. No constraint binds a style, so |a_k| scales its column of the Gram
    matrix to 1 and lambda adds to that 1: the unit of a style changes nothing. Other factors are not penalised.

    Args:
        lengths: (K,) |a_k|.
        styles: the columns of styles.
        strength: lambda >= 0; 0 makes no rows.
    """
    penalised = styles if strength > 0.0 else styles[:0]
    rows = np.zeros((len(penalised), len(lengths)))
    rows[np.arange(len(penalised)), penalised] = np.sqrt(strength) * lengths[penalised]
    return PseudoObservations(rows, np.zeros(len(penalised)))


def thin_factor_rows(
    sums: Floats, total: float, members: Floats, group_of: Ints, thin: Bools, min_members: float
) -> PseudoObservations:
    """A pseudo-observation for each thin factor k: the fit's weighted mean asset, but whole in k.

    Its return is the weighted mean rbar_w, its exposures are the weighted means, but for k's group, whose mean shares
    all go to k. So it draws f_k to sum_j m_j f_j over the group, m_j the regression-weighted shares (a partial group's
    rest counts as 0). Its weight is (min_members / N_k - 1) sum_n w_n X_nk, N_k the effective members: in a model of
    0/1 groups f_k is then N_k / min_members of its own mean and the rest of the group's (Menchero, Orr, Wang 2011,
    whose weight is not published: **choice**).

    Args:
        sums: (K,) X'w.
        total: sum w.
        members: (K,) effective members.
        group_of: (K,) number of the membership group.
        thin: (K,) memberships with fewer than `min_members` effective members, and more than none.
        min_members: in assets.
    """
    positions = np.flatnonzero(thin)
    roots = np.sqrt(sums[positions] * (min_members / members[positions] - 1.0))
    rows = np.where(group_of[positions][:, None] == group_of, 0.0, sums / total)
    rows[np.arange(len(positions)), positions] = 1.0
    return PseudoObservations(rows * roots[:, None], roots)


def stacked(first: PseudoObservations, second: PseudoObservations) -> PseudoObservations:
    """Stack the rows of ridge and those of thin factors."""
    return PseudoObservations(np.vstack([first.design, second.design]), np.append(first.mean_share, second.mean_share))
