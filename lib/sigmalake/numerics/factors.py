"""What the columns of X are, and X itself from its packed form."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Floats, Ints


class Kind(StrEnum):
    """What a factor's exposures are."""

    MARKET = "market"  # a column of ones
    MEMBERSHIP = "membership"  # shares that sum to 1 within the group
    PARTIAL = "partial_membership"  # shares that sum to 1 or less within the group
    STYLE = "style"  # cross-sectional standard deviations


class Factor(NamedTuple):
    """One column of X."""

    name: str
    group: str  # "market", the membership's group, or "style"
    kind: Kind


def dense_exposures(
    n_assets: int,
    factors: Sequence[Factor],
    member_assets: Ints,
    member_factors: Ints,
    member_shares: Floats,
    styles: Floats,
) -> Floats:
    """X of one date from its packed form: memberships as (asset, factor, share) triplets, styles by rows.

    Args:
        n_assets: N.
        factors: K columns, in the model's order.
        member_assets: (M,) rows of X.
        member_factors: (M,) columns of X.
        member_shares: (M,) 0 to 1.
        styles: (N * S,) row after row, in the order of the style factors.

    Returns:
        (N, K) exposures.
    """
    X = np.zeros((n_assets, len(factors)))
    for column, factor in enumerate(factors):
        if factor.kind is Kind.MARKET:
            X[:, column] = 1.0
    X[member_assets, member_factors] = member_shares
    style_columns = [column for column, factor in enumerate(factors) if factor.kind is Kind.STYLE]
    X[:, style_columns] = styles.reshape(n_assets, len(style_columns))
    return X
