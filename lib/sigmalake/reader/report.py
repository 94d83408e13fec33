"""The risk of holdings as frames and series: numbers with the names of assets and factors."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.numerics.portfolio.risk import PortfolioRisk


class PortfolioReport(NamedTuple):
    """Risk over the model's horizon. `by_asset` sums to `vol`; so do `by_factor`, and `by_group`, each with `specific`."""

    variance: float  # h' V h, fraction^2
    vol: float  # its root, fraction
    exposures: pd.Series  # by factor: x = X'h
    factor_vols: pd.Series  # by factor: sigma_k, fraction
    factor_correlations: pd.Series  # by factor: rho_k with the portfolio; NaN where there is no volatility
    marginal: pd.Series  # by asset with risk data, held or not: V h / vol; NaN when vol is 0
    by_asset: pd.Series  # by asset, as the holdings are ordered: h (V h) / vol
    by_factor: pd.Series  # by factor: x_k sigma_k rho_k = x (Sigma x) / vol
    by_group: pd.Series  # the same, by group of factors
    specific: float  # h' D h / vol
    specific_vol: float  # root of h' D h
    left_out: dict[str, str]  # holdings without risk data, each with its reason; their risk is in no number here


class BenchmarkReport(NamedTuple):
    """The risk of holdings against a benchmark. The tracking error is `active.vol`."""

    portfolio: PortfolioReport
    benchmark: PortfolioReport
    active: PortfolioReport  # of holdings minus benchmark, over the assets of either that have risk data
    beta: float  # h' V b / b' V b, the sum of holdings times asset betas
    asset_betas: pd.Series  # by asset with risk data: V b / b' V b
    correlation: float  # of the two returns; NaN when the holdings have no risk


class Labels(NamedTuple):
    """Names of the rows and columns of a risk model's arrays."""

    assets: list[str]  # (N,)
    factors: list[str]  # (K,)
    groups: list[str]  # (K,) of the factors


def report_of(risk: PortfolioRisk, labels: Labels, held: Sequence[str] | pd.Index, left_out: dict[str, str]) -> PortfolioReport:
    """The numbers with their labels; contributions by asset in the order of `held`."""

    def by_factor(values: np.ndarray, name: str) -> pd.Series:
        return pd.Series(values, labels.factors, name=name)

    contributions = by_factor(risk.by_factor, "contribution")
    return PortfolioReport(
        variance=risk.variance,
        vol=risk.vol,
        exposures=by_factor(risk.exposures, "exposure"),
        factor_vols=by_factor(risk.factor_vols, "vol"),
        factor_correlations=by_factor(risk.factor_correlations, "correlation"),
        marginal=pd.Series(risk.marginal, labels.assets, name="marginal"),
        by_asset=pd.Series(risk.by_asset, labels.assets, name="contribution").reindex(list(held), fill_value=0.0),
        by_factor=contributions,
        by_group=contributions.groupby(labels.groups, sort=False).sum(),
        specific=risk.specific,
        specific_vol=risk.specific_vol,
        left_out=left_out,
    )
