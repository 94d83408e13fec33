"""What the columns of X are, and X itself, dense or packed."""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Bools, Floats, Ints


class Kind(StrEnum):
    """What a factor's exposures are."""

    MARKET = "market"  # a column of ones
    MEMBERSHIP = "membership"  # shares that sum to 1 within the group
    PARTIAL = "partial_membership"  # shares that sum to 1 or less within the group
    STYLE = "style"  # cross-sectional standard deviations


class Given(StrEnum):
    """What the returns of the panel's source are, where a factor's own return is given."""

    IN_RETURNS = "in_returns"  # they contain what the factor earned
    BESIDE_RETURNS = "beside_returns"  # they are without it, as local returns are without their currency


class Factor(NamedTuple):
    """One column of X."""

    name: str
    group: str  # "market", the membership's group, or "style"
    kind: Kind
    given: Given | None = None  # None: its return is estimated


class FactorLayout(NamedTuple):
    """What follows from the list of factors alone, found once for all dates of a factor set."""

    n_factors: int  # K
    is_membership: Bools  # (K,) complete and partial
    markets: Ints  # columns
    styles: Ints  # columns
    full: tuple[slice, ...]  # runs of columns with an entry for every asset: the market's, the styles', in this order
    group_of: Ints  # (K,) number of the membership group, -1 for other columns
    complete: tuple[Ints, ...]  # columns of each complete group, in configuration order
    is_complete: Bools  # (G,) groups whose shares sum to 1


@lru_cache(maxsize=256)
def factor_layout(factors: tuple[Factor, ...]) -> FactorLayout:
    """Where the kinds and the groups of these factors are."""
    kinds = [factor.kind for factor in factors]
    names = list(dict.fromkeys(factor.group for factor in factors if factor.kind in (Kind.MEMBERSHIP, Kind.PARTIAL)))
    group_of = [names.index(f.group) if f.kind in (Kind.MEMBERSHIP, Kind.PARTIAL) else -1 for f in factors]
    markets, styles = _positions(kinds, Kind.MARKET), _positions(kinds, Kind.STYLE)
    members = [(factor.group, position) for position, factor in enumerate(factors) if factor.kind is Kind.MEMBERSHIP]
    complete = [np.array([k for group, k in members if group == name], dtype=np.int64) for name in names]
    return FactorLayout(
        n_factors=len(factors),
        is_membership=np.array([group >= 0 for group in group_of], dtype=np.bool_),
        markets=markets,
        styles=styles,
        full=(*_runs(markets), *_runs(styles)),
        group_of=np.array(group_of, dtype=np.int64),
        complete=tuple(columns for columns in complete if columns.size),
        is_complete=np.array([columns.size > 0 for columns in complete], dtype=np.bool_),
    )


def _positions(kinds: Sequence[Kind], wanted: Kind) -> Ints:
    return np.array([position for position, kind in enumerate(kinds) if kind is wanted], dtype=np.int64)


def _runs(positions: Ints) -> list[slice]:
    """Neighbours as one slice."""
    runs = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
    return [slice(int(run[0]), int(run[-1]) + 1) for run in runs if run.size]


class PackedExposures(NamedTuple):
    """X of one date as `panel` stores it: memberships as (asset, factor, share) triplets, styles as a matrix.

    Columns of the market are ones and stored nowhere. No pair (asset, factor) occurs twice; triplets in the order of
    the assets save a sort.
    """

    n_assets: int  # N
    member_assets: Ints  # (M,) rows of X
    member_factors: Ints  # (M,) columns of X
    member_shares: Floats  # (M,) 0 to 1
    styles: Floats  # (N, S) in the order of the style factors

    def dense(self, factors: Sequence[Factor]) -> Floats:
        """(N, K) X."""
        return dense_exposures(
            self.n_assets, factors, self.member_assets, self.member_factors, self.member_shares, self.styles.ravel()
        )


def given_factors(factors: Sequence[Factor]) -> Bools:
    """(K,) the factors whose returns are given."""
    return np.array([factor.given is not None for factor in factors], dtype=np.bool_)


def exposures_to(exposures: PackedExposures, factors: Sequence[Factor], chosen: Bools) -> PackedExposures:
    """X with some of its columns only.

    Args:
        exposures: X.
        factors: its K columns.
        chosen: (K,) those to keep.
    """
    column, styles = np.cumsum(chosen) - 1, factor_layout(tuple(factors)).styles
    held = chosen[exposures.member_factors]
    return PackedExposures(
        exposures.n_assets,
        exposures.member_assets[held],
        column[exposures.member_factors[held]],
        exposures.member_shares[held],
        exposures.styles[:, chosen[styles]],
    )


def pack_exposures(exposures: Floats, factors: Sequence[Factor]) -> PackedExposures:
    """The packed form of a dense X, whose market columns must be ones.

    Raises:
        ValueError: a market column with another number than 1, or another number of columns than factors.
    """
    layout, expected = factor_layout(tuple(factors)), (len(exposures), len(factors))
    if exposures.shape != expected:
        raise ValueError(f"exposures have shape {exposures.shape}; {expected} is assets x factors")
    markets = exposures[:, layout.markets]
    if (markets != 1.0).any():
        raise ValueError(f"the market's exposures must be 1; the first other is {markets[markets != 1.0][0]}")
    assets, factors_of = np.nonzero(np.where(layout.is_membership, exposures, 0.0))
    return PackedExposures(len(exposures), assets, factors_of, exposures[assets, factors_of], exposures[:, layout.styles])


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
