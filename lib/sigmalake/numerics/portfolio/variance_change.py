"""What moved a portfolio's variance between two models: an exact account by factor and asset."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, specific_times
from sigmalake.numerics.types import Floats


class FactoredRisk(NamedTuple):
    """Holdings and the parts of V at one time, over the assets and factors of both times."""

    holdings: Floats  # (N,)
    exposures: Floats  # (N, K)
    factor_cov: Floats  # (K, K) fraction^2; 0 in the row and column of a factor that is not there
    specific_var: Floats  # (N,) fraction^2
    linked: LinkedCov = UNLINKED


class VarianceChange(NamedTuple):
    """Parts of h2' V2 h2 - h1' V1 h1, fraction^2: all but `exposures_by_asset`, the same sum as `exposures`, add up to it."""

    exposures: Floats  # (K,) assets have other exposures
    exposures_by_asset: Floats  # (N,) the same, by asset
    holdings_factor: Floats  # (N,) other holdings, by what they are exposed to
    holdings_specific: Floats  # (N,) other holdings, by their specific risk
    factor_vols: Floats  # (K,) the factor has another volatility
    factor_correlations: Floats  # (K,) the factor has other correlations
    specific: Floats  # (N,) the asset has another specific variance, or covariance with its linked issues


def variance_change(first: FactoredRisk, second: FactoredRisk) -> VarianceChange:
    """h2' V2 h2 - h1' V1 h1, exactly, by what changed.

    The variance is a sum of products: x' Sigma x with x = X'h and Sigma_kl = s_k s_l C_kl, and h' D h. Each difference of a
    product is parted at the mean of its sides, a2 b2 - a1 b1 = (a2 - a1) (b1 + b2)/2 + (a1 + a2)/2 (b2 - b1), the average over the
    two orders of changing a and b (Shapley's value of two parts); first factor against specific part, then Sigma against x,
    X against h, s against C. Exchanging the two times changes every sign and nothing else.

    Args:
        first: at the first time.
        second: at the second time, over the same assets and factors.
    """
    x_1, x_2 = (risk.exposures.T @ risk.holdings for risk in (first, second))
    h_change, h_mean = second.holdings - first.holdings, (first.holdings + second.holdings) / 2
    reaction = (first.factor_cov + second.factor_cov) / 2 @ (x_1 + x_2)  # of the variance to x
    moved = (second.exposures - first.exposures) * h_mean[:, None]
    vols, correlations = _factor_cov_change(x_1, x_2, first.factor_cov, second.factor_cov)
    return VarianceChange(
        exposures=moved.sum(axis=0) * reaction,
        exposures_by_asset=moved @ reaction,
        holdings_factor=h_change * ((first.exposures + second.exposures) / 2 @ reaction),
        holdings_specific=h_change * (_specific(first, 2 * h_mean) + _specific(second, 2 * h_mean)) / 2,
        factor_vols=vols,
        factor_correlations=correlations,
        specific=_specific_change(first, second, first.holdings) + _specific_change(first, second, second.holdings),
    )


def _specific_change(first: FactoredRisk, second: FactoredRisk, holdings: Floats) -> Floats:
    """Half of h (D2 - D1) h, by asset."""
    half: Floats = holdings * (_specific(second, holdings) - _specific(first, holdings)) / 2
    return half


def _specific(risk: FactoredRisk, holdings: Floats) -> Floats:
    return specific_times(risk.specific_var, risk.linked, holdings)


def _factor_cov_change(x_1: Floats, x_2: Floats, cov_1: Floats, cov_2: Floats) -> tuple[Floats, Floats]:
    """By factor: the effect of its volatility, and of its correlations."""
    weight = (np.outer(x_1, x_1) + np.outer(x_2, x_2)) / 2
    (s_1, C_1), (s_2, C_2) = _vols_and_correlations(cov_1), _vols_and_correlations(cov_2)
    by_vol = 2 * (s_2 - s_1) * ((weight * (C_1 + C_2) / 2) @ ((s_1 + s_2) / 2))
    by_correlation = (weight * (np.outer(s_1, s_1) + np.outer(s_2, s_2)) / 2 * (C_2 - C_1)).sum(axis=1)
    return by_vol, by_correlation


def _vols_and_correlations(cov: Floats) -> tuple[Floats, Floats]:
    """s and C with s_k s_l C_kl = Sigma_kl; a factor without variance has correlation 0 with all."""
    vols = np.sqrt(np.diag(cov))
    scale = np.outer(vols, vols)
    return vols, np.divide(cov, scale, out=np.zeros_like(cov), where=scale > 0)
