"""The risk of a portfolio and where it comes from, without ever forming V."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, specific_times
from sigmalake.numerics.types import Floats

ROUNDING = 1e-12  # of the sum of absolute terms: what a variance of 0 may come out as


class PortfolioRisk(NamedTuple):
    """Risk of one period. The contributions by asset sum to `vol`, and so do those by factor plus the specific one.

    A contribution is an exposure times a volatility times a correlation: x_k sigma_k rho_k, and for the specific part
    1 x `specific_vol` x (`specific_vol` / sigma).
    """

    exposures: Floats  # (K,) x = X'h
    variance: float  # x' Sigma x + h' D h, fraction^2
    vol: float  # sigma, the root of it, fraction
    marginal: Floats  # (N,) V h / sigma, fraction of vol for a unit of holding; NaN when vol is 0
    by_asset: Floats  # (N,) h_n (V h)_n / sigma, fraction
    by_factor: Floats  # (K,) x_k (Sigma x)_k / sigma, fraction
    specific: float  # h' D h / sigma, fraction
    factor_vols: Floats  # (K,) sigma_k, fraction
    factor_correlations: Floats  # (K,) rho_k of the factor with the portfolio; NaN where sigma_k or sigma is 0
    specific_vol: float  # root of h' D h, fraction


def portfolio_risk(
    holdings: Floats, exposures: Floats, factor_cov: Floats, specific_var: Floats, linked: LinkedCov = UNLINKED
) -> PortfolioRisk:
    """Variance x' Sigma x + h' D h with x = X'h and D = diag(Delta) + linked, and its contributions, in O(NK + K^2).

    Args:
        holdings: (N,) fractions of the value (active: h - b), any sign; 0 where not held.
        exposures: (N, K).
        factor_cov: (K, K) fraction^2 per period, positive semi-definite.
        specific_var: (N,) fraction^2 per period; may be NaN where nothing is held.
        linked: specific covariances of linked issues.

    Raises:
        ValueError: a number that is needed is not finite, or `factor_cov` or the linked issues give the portfolio a negative
            variance.
    """
    held = holdings != 0
    _refuse_missing("holdings", holdings)
    _refuse_missing("exposures", exposures)
    _refuse_missing("specific_var of the held assets", specific_var[held])
    x = exposures.T @ holdings
    factor_part = factor_cov @ x
    specific_part = specific_times(np.where(held, specific_var, 0.0), linked, holdings)
    terms = x * factor_part
    factor_var = float(terms.sum())
    specific_variance = float(holdings @ specific_part)
    if factor_var < -ROUNDING * float(np.abs(x) @ np.abs(factor_cov) @ np.abs(x)):
        raise ValueError(f"the factors give a variance of {factor_var:g}: factor_cov is not positive semi-definite")
    if specific_variance < -ROUNDING * _absolute_terms(np.where(held, specific_var, 0.0), linked, holdings):
        raise ValueError(f"the specific part gives a variance of {specific_variance:g}: linked is not positive semi-definite")
    specific_variance = max(specific_variance, 0.0)
    variance = max(factor_var, 0.0) + specific_variance
    vol = float(np.sqrt(variance))
    per_vol = 1 / vol if vol > 0 else 0.0  # nothing contributes to no risk
    factor_vols = _roots(np.diag(factor_cov))
    cov_with_portfolio = exposures @ factor_part + specific_part
    return PortfolioRisk(
        exposures=x,
        variance=variance,
        vol=vol,
        marginal=cov_with_portfolio / vol if vol > 0 else np.full(holdings.size, np.nan),
        by_asset=holdings * cov_with_portfolio * per_vol,
        by_factor=terms * per_vol,
        specific=specific_variance * per_vol,
        factor_vols=factor_vols,
        factor_correlations=_quotient(factor_part, factor_vols * vol),
        specific_vol=float(np.sqrt(specific_variance)),
    )


def _absolute_terms(specific_var: Floats, linked: LinkedCov, holdings: Floats) -> float:
    sizes = np.abs(holdings)
    return float(sizes @ specific_times(specific_var, LinkedCov(linked.pairs, np.abs(linked.cov)), sizes))


def _roots(variances: Floats) -> Floats:
    roots: Floats = np.sqrt(variances, out=np.full(variances.size, np.nan), where=variances >= 0)
    return roots


def _quotient(above: Floats, below: Floats) -> Floats:
    quotient: Floats = np.divide(above, below, out=np.full(above.size, np.nan), where=below > 0)
    return quotient


def _refuse_missing(name: str, values: Floats) -> None:
    if n_missing := int(np.sum(~np.isfinite(values))):
        raise ValueError(f"{name} has {n_missing} values that are not finite")
