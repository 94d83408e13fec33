"""Realised attribution: where the return of a portfolio came from."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Bools, Floats

_ROUNDING = 1e-9  # of a return, or of 1 where that is more: how far X f + u may be from r


class DateAttribution(NamedTuple):
    """One period's return: sum of `by_factor` + sum of `specific` + sum of `unexplained` = sum of h r over known returns."""

    exposures: Floats  # (K,) x = X'h of the assets with a specific return
    by_factor: Floats  # (K,) x_k f_k, fraction; 0 for a factor without a return
    specific: Floats  # (N,) h u, fraction; 0 where there is no specific return
    unexplained: Floats  # (N,) h r where there is a return but no specific return, fraction
    returns: Floats  # (N,) h r, fraction; 0 where there is no return


def attribute_date(
    holdings: Floats, exposures: Floats, factor_returns: Floats, specific_returns: Floats, returns: Floats
) -> DateAttribution:
    """r_p = sum_k x_k f_k + sum h u, x = X'h, with the exposures and holdings of the close before [model 6].

    Args:
        holdings: (N,) fractions of the value at t-1, any sign.
        exposures: (N, K) X(t-1).
        factor_returns: (K,) f(t), fractions; NaN: not estimated.
        specific_returns: (N,) u(t), fractions; NaN: none.
        returns: (N,) r(t), fractions; NaN: none.

    Raises:
        ValueError: r = X f + u does not hold for an asset that has all three.
    """
    known: Bools = np.isfinite(specific_returns)
    f = np.nan_to_num(factor_returns)
    gap = np.abs(exposures @ f + specific_returns - returns)[known]
    if wrong := int(np.sum(~(gap <= _ROUNDING * np.maximum(1.0, np.abs(returns[known]))))):
        raise ValueError(f"X f + u is not r for {wrong} of {gap.size} assets, by {gap.max():.3g} at most")
    x = exposures.T @ np.where(known, holdings, 0.0)
    earned = np.where(np.isfinite(returns), holdings * np.nan_to_num(returns), 0.0)
    return DateAttribution(
        exposures=x,
        by_factor=x * f,
        specific=np.where(known, holdings * np.nan_to_num(specific_returns), 0.0),
        unexplained=np.where(known, 0.0, earned),
        returns=earned,
    )


def link_returns(parts: Floats) -> Floats:
    """Parts of each period's return as parts of the compounded one: sum_t p_t prod_{s<t} (1 + r_s), r_s the sum of row s.

    A part earns on what the whole portfolio is worth at the start of its period, so that the linked parts sum to
    prod_t (1 + r_t) - 1 exactly.

    Args:
        parts: (T, P) fractions per period, oldest first.

    Returns:
        (P,) fractions of the value at the start.
    """
    worth = np.cumprod(1 + np.concatenate([[0.0], parts.sum(axis=1)[:-1]])) if len(parts) else np.empty(0)
    linked: Floats = worth @ parts
    return linked
