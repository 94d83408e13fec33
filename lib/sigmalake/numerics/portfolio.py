"""The risk of a portfolio and where it comes from, without ever forming V."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.arrays import Floats

_ROUNDING = 1e-12  # of the sum of absolute terms: what a variance of 0 may come out as


class PortfolioRisk(NamedTuple):
    """Risk of one period. The contributions by asset sum to `vol`, and so do those by factor plus the specific one."""

    exposures: Floats  # (K,) x = X'h
    variance: float  # x' Sigma x + sum h^2 Delta, fraction^2
    vol: float  # sigma, the root of it, fraction
    marginal: Floats  # (N,) V h / sigma, fraction of vol for a unit of holding; NaN when vol is 0
    by_asset: Floats  # (N,) h_n (V h)_n / sigma, fraction
    by_factor: Floats  # (K,) x_k (Sigma x)_k / sigma, fraction
    specific: float  # sum h^2 Delta / sigma, fraction


def portfolio_risk(holdings: Floats, exposures: Floats, factor_cov: Floats, specific_var: Floats) -> PortfolioRisk:
    """Variance x' Sigma x + sum h^2 Delta with x = X'h, and its contributions, in O(NK + K^2).

    Args:
        holdings: (N,) fractions of the value (active: h - b), any sign; 0 where not held.
        exposures: (N, K).
        factor_cov: (K, K) fraction^2 per period, positive semi-definite.
        specific_var: (N,) fraction^2 per period; may be NaN where nothing is held.

    Raises:
        ValueError: a number that is needed is not finite, or `factor_cov` gives the portfolio a negative variance.
    """
    held = holdings != 0
    _refuse_missing("holdings", holdings)
    _refuse_missing("exposures", exposures)
    _refuse_missing("specific_var of the held assets", specific_var[held])
    x = exposures.T @ holdings
    factor_part = factor_cov @ x
    specific_part = np.where(held, specific_var, 0.0) * holdings
    terms = x * factor_part
    factor_var = float(terms.sum())
    specific_variance = float(holdings @ specific_part)
    if factor_var < -_ROUNDING * float(np.abs(x) @ np.abs(factor_cov) @ np.abs(x)):
        raise ValueError(f"the factors give a variance of {factor_var:g}: factor_cov is not positive semi-definite")
    variance = max(factor_var, 0.0) + specific_variance
    vol = float(np.sqrt(variance))
    per_vol = 1 / vol if vol > 0 else 0.0  # nothing contributes to no risk
    cov_with_portfolio = exposures @ factor_part + specific_part
    return PortfolioRisk(
        exposures=x,
        variance=variance,
        vol=vol,
        marginal=cov_with_portfolio / vol if vol > 0 else np.full(holdings.size, np.nan),
        by_asset=holdings * cov_with_portfolio * per_vol,
        by_factor=terms * per_vol,
        specific=specific_variance * per_vol,
    )


def _refuse_missing(name: str, values: Floats) -> None:
    if n_missing := int(np.sum(~np.isfinite(values))):
        raise ValueError(f"{name} has {n_missing} values that are not finite")
