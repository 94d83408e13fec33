"""Exposures that are hardly right: styles that move too far from one date to the next, and memberships that rest on few assets."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import PackedExposures
from sigmalake.numerics.regression.robust.outliers import NORMAL_MAD
from sigmalake.numerics.regression.thin_memberships import ROUNDING
from sigmalake.numerics.types import Bools, Floats, Ints


class Moves(NamedTuple):
    """The values of styles that moved beyond the bound."""

    rows: Ints  # (M,) of the matrices
    styles: Ints  # (M,) columns
    changes: Floats  # (M,) in cross-sectional sd


def exposure_moves(now: Floats, before: Floats, bound: float, robust: float) -> Moves:
    """|x(t) - x(t-1)| above `bound`, and above `robust` times the robust sd of the date's changes of that style about 0.

    The robust sd is median |change| / 0.6745 (Hampel 1974). It is computed for styles of which some value is above `bound`.

    Args:
        now: (N, S) styles of the assets that both dates have.
        before: (N, S) the same styles and assets a date earlier.
        bound: cross-sectional sd.
        robust: robust sd.
    """
    changes = now - before
    size = np.abs(changes)
    rows, styles = np.nonzero(size > bound) if size.max(initial=0.0) > bound else (_NONE, _NONE)
    if len(rows):
        moved = np.unique(styles)
        limit = np.zeros(size.shape[1])
        limit[moved] = robust * np.median(size[:, moved], axis=0) / NORMAL_MAD
        beyond = size[rows, styles] > limit[styles]
        rows, styles = rows[beyond], styles[beyond]
    return Moves(rows, styles, changes[rows, styles])


_NONE: Ints = np.empty(0, dtype=np.int64)


class MembershipSizes(NamedTuple):
    """How much each factor rests on; 0 for a factor without members, and for market and styles."""

    members: Floats  # (K,) effective ones: 1 / sum of squared weight shares
    weight_share: Floats  # (K,) of the date's weight, 0 to 1


def membership_sizes(exposures: PackedExposures, weights: Floats, n_factors: int) -> MembershipSizes:
    """Effective members 1 / sum_n s_n^2, s_n = w_n X_nk / sum_m w_m X_mk [M], and sum_n w_n X_nk / sum_n w_n.

    Args:
        exposures: X as it is stored.
        weights: (N,) >= 0, 0 outside the estimation universe.
        n_factors: K.
    """
    weighted = weights[exposures.member_assets] * exposures.member_shares
    sums = np.bincount(exposures.member_factors, weighted, n_factors)
    squares = np.bincount(exposures.member_factors, weighted * weighted, n_factors)
    total = weights.sum()
    members = sums**2 / np.where(squares > 0.0, squares, 1.0)
    return MembershipSizes(members, sums / total if total > 0.0 else np.zeros(n_factors))


def is_thin(sizes: MembershipSizes, members: float, share: float) -> Bools:
    """Whether a factor has fewer effective members, or less of the weight, than these.

    Args:
        sizes: of (K,) factors.
        members: assets; five equal members are not fewer than 5.
        share: of the weight.
    """
    return (sizes.members < members * (1.0 - ROUNDING)) | (sizes.weight_share < share)
