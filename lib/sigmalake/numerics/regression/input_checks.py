"""What the arrays of a cross-section promise, checked before they are used."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, FactorLayout, Kind, PackedExposures
from sigmalake.numerics.linear.constraints import membership_groups
from sigmalake.numerics.linear.memberships import Memberships, category_sums, sorted_memberships
from sigmalake.numerics.types import Bools, Floats

SHARES = 1e-6  # how far the shares of a complete group may be from 1
_LEAST, _LARGEST = 1e-100, 1e100  # caps and weights beyond these have squares near the ends of floating point


def check_cross_section(
    returns: Floats, exposures: Floats, caps: Floats, weights: Floats, in_estimation: Bools, factors: Sequence[Factor]
) -> None:
    """Raise ValueError, with the value seen, for arrays that break the contract of `fit_cross_section`."""
    _check_shapes(returns, exposures, caps, weights, in_estimation, factors)
    _check_none("returns", returns, np.isinf(returns), "a missing return is NaN")
    _check_none("exposures", exposures, ~np.isfinite(exposures), "exposures must be finite")
    _check_none("caps", caps, ~((caps > 0.0) & np.isfinite(caps)), "caps must be > 0 and finite")
    _check_none("weights", weights, ~((weights >= 0.0) & np.isfinite(weights)), "weights must be >= 0 and finite")
    outside = (weights > 0.0) & ~in_estimation
    _check_none("weights", weights, outside, "weights must be 0 outside the estimation universe")
    for kind in (Kind.MEMBERSHIP, Kind.PARTIAL):
        for group, columns in membership_groups(factors, kind).items():
            _check_shares(group, kind, exposures[:, columns])


def _check_shapes(
    returns: Floats, exposures: Floats, caps: Floats, weights: Floats, in_estimation: Bools, factors: Sequence[Factor]
) -> None:
    expected = (len(returns), len(factors))
    if exposures.shape != expected:
        raise ValueError(f"exposures have shape {exposures.shape}; {expected} is returns x factors")
    for name, array in {"caps": caps, "weights": weights, "in_estimation": in_estimation}.items():
        if array.shape != returns.shape:
            raise ValueError(f"{name} has shape {array.shape}; returns have {returns.shape}")
    if in_estimation.dtype != np.bool_:
        raise ValueError(f"in_estimation holds {in_estimation.dtype}; it must hold bool")


def _check_none(name: str, array: Floats, wrong: Bools, rule: str) -> None:
    if wrong.any():
        first = tuple(int(axis[0]) for axis in np.nonzero(wrong))
        raise ValueError(f"{name} has {wrong.sum()} wrong values (the first: {array[first]} at {list(first)}); {rule}")


def _check_shares(group: str, kind: Kind, shares: Floats) -> None:
    rule = f"shares of {group} lie in [0, 1]"
    _check_none(f"membership {group}", shares, (shares < 0.0) | (shares > 1.0 + SHARES), rule)
    sums = shares.sum(axis=1)
    too_low = sums < (1.0 - SHARES if kind is Kind.MEMBERSHIP else 0.0)
    rule = f"shares of {group} sum to 1{' or less' if kind is Kind.PARTIAL else ''} in each asset"
    _check_none(f"sum of membership {group}", sums, too_low | (sums > 1.0 + SHARES), rule)


def check_packed(exposures: PackedExposures, layout: FactorLayout) -> None:
    """Raise ValueError where the arrays of a packed X do not fit together."""
    expected = (exposures.n_assets, len(layout.styles))
    if exposures.styles.shape != expected:
        raise ValueError(f"styles have shape {exposures.styles.shape}; {expected} is assets x styles")
    sizes = {array.shape for array in (exposures.member_assets, exposures.member_factors, exposures.member_shares)}
    if len(sizes) > 1:
        raise ValueError(f"member_assets, member_factors and member_shares have shapes {sorted(sizes)}; they must be alike")


class CheckedDate(NamedTuple):
    """A packed date that keeps the contract of `fit_cross_section`, but for styles that are not finite, which sums show."""

    returns: Floats  # (N,)
    exposures: PackedExposures
    memberships: Memberships
    caps: Floats  # (N,)
    in_estimation: Bools  # (N,)
    layout: FactorLayout
    has_return: Bools  # (N,)
    n_returns: int


def checked_date(
    returns: Floats,
    exposures: PackedExposures,
    caps: Floats,
    weights: Floats,
    in_estimation: Bools,
    layout: FactorLayout,
) -> CheckedDate | None:
    """The date where all of `check_cross_section` holds, styles apart, and no cap or weight is near the ends of floating point.

    None says nothing yet about what is wrong: `check_cross_section` finds it, or the dense route is right with such sizes.
    """
    memberships = sorted_memberships(exposures, layout)
    alike = caps.shape == weights.shape == in_estimation.shape == returns.shape == (exposures.n_assets,)
    if memberships is None or not (alike and len(returns) and in_estimation.dtype == np.bool_ and len(layout.markets) <= 1):
        return None
    has_return = np.isfinite(returns)
    n_returns = int(np.count_nonzero(has_return))
    fine = (
        np.minimum.reduce(caps) > 0.0
        and _LEAST < np.maximum.reduce(caps) < _LARGEST
        and np.minimum.reduce(weights) >= 0.0
        and _LEAST < np.maximum.reduce(weights) < _LARGEST
        and (n_returns == len(returns) or not np.isinf(returns).any())
        and (np.count_nonzero(in_estimation) == len(returns) or not weights[~in_estimation].any())
        and _shares_are_ordinary(memberships, layout)
    )
    if not fine:
        return None
    return CheckedDate(returns, exposures, memberships, caps, in_estimation, layout, has_return, n_returns)


def _shares_are_ordinary(memberships: Memberships, layout: FactorLayout) -> bool:
    if memberships.whole and memberships.aligned and len(layout.is_complete) == 1:
        return True
    shares, n_groups = memberships.shares, len(layout.is_complete)
    if not (shares.min(initial=0.0) >= 0.0 and shares.max(initial=0.0) <= 1.0 + SHARES):
        return False
    groups = memberships.assets * n_groups + layout.group_of.take(memberships.factors)
    sums = category_sums(groups, shares, memberships.n_assets * n_groups).reshape(memberships.n_assets, n_groups)
    lowest = np.where(layout.is_complete, 1.0 - SHARES, 0.0)
    return bool((sums <= 1.0 + SHARES).all() and (sums >= lowest).all())
