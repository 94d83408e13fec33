"""skfolio's cross-sectional regression, its risk estimators, and both inside its factor model.

`regress` and `risk` call the parts, so that universe and constraints are those of the model: the constrained family's
basis, `CSLinearRegression`, `RegimeAdjustedEWCovariance` (skfolio's only one with two half-lives) and `EWVariance`.
`model` is one fit of `CharacteristicsFactorModel`, by its own rules: the estimation universe is that of t, the
constraint's caps are those of names with a return at t-1, Sigma is given for the newest date only, and the dense V and
scenarios of all assets come along.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from dense_panel import Floats, Panel, dense_panel, exposures_of, fit_weights, read_rows, write_wide
from numpy.typing import NDArray
from skfolio.containers import AssetPanel, FieldCategorical
from skfolio.factor_exposure import BaseFactorExposure, GlobalFactor, OneHotCategoricalFactors
from skfolio.linear_model import CSLinearRegression
from skfolio.moments import EWMu, EWVariance, RegimeAdjustedEWCovariance
from skfolio.prior import CharacteristicsFactorModel, EmpiricalPrior, FactorModel
from skfolio.prior._model._family_constraint_basis import FamilyConstraintBasis, compute_family_constraint_basis
from stage import Stage, run

VOL_HALF_LIFE = 84  # dates
CORR_HALF_LIFE = 168
MIN_OBSERVATIONS = 60  # its default is the longer half-life: nothing at all for a short panel


class Labels(NamedTuple):
    """What the rows and columns of the results are called."""

    dates: NDArray[np.datetime64]  # (T,) of the returns
    factors: list[str]  # (K,)
    assets: list[str]  # (N,)


class CrossSections(NamedTuple):
    """T cross-sections and the newest exposures."""

    labels: Labels
    families: list[str]  # (K,)
    exposures: Floats  # (T + 1, N, K) at t-1, and the newest; NaN for an asset without a row
    benchmark: Floats  # (T + 1, N) caps of the estimation universe
    returns: Floats  # (T, N) at t; NaN when missing
    weights: Floats  # (T, N) >= 0


class FactorReturns(NamedTuple):
    """All dates' regressions."""

    labels: Labels
    basis: FamilyConstraintBasis  # of T + 1 dates
    free: Floats  # (T, K - 1) without the industry that the constraint gives
    factor_returns: Floats  # (T, K)
    specific_returns: Floats  # (T, N) NaN where unknown


class Risk(NamedTuple):
    """Sigma and Delta as of each date."""

    labels: Labels
    factor_cov: Floats  # (T, K, K) NaN before MIN_OBSERVATIONS
    specific_var: Floats  # (T, N) NaN likewise


def prepare_regress(rows: pa.Table) -> CrossSections:
    """Rows to arrays."""
    panel = dense_panel(rows)
    labels = Labels(panel.dates[1:], panel.factors, panel.assets)
    benchmark = panel.caps * panel.in_estimation
    return CrossSections(labels, panel.families, exposures_of(panel), benchmark, panel.returns[1:], fit_weights(panel))


def compute_regress(sections: CrossSections) -> FactorReturns:
    """All dates at once, the industries' cap-weighted sum 0."""
    basis, _ = compute_family_constraint_basis(
        [("industry", None)], sections.exposures, sections.benchmark, sections.labels.factors, sections.families
    )
    known = basis[:-1]
    free_exposures = known.reduce_exposures(sections.exposures[:-1])
    model = CSLinearRegression().fit(free_exposures, sections.returns, sections.weights)
    specific_returns = sections.returns - model.predict(free_exposures)
    return FactorReturns(sections.labels, basis, model.coef_, known.expand_factor_returns(model.coef_), specific_returns)


def write_regress(fitted: FactorReturns, out: Path) -> dict[str, int]:
    """A row a date, a column a factor or an asset."""
    dates, factors, assets = fitted.labels
    write_wide(out / "factor_returns.parquet", dates, factors, fitted.factor_returns)
    write_wide(out / "specific_returns.parquet", dates, assets, fitted.specific_returns)
    return _sizes(fitted.labels)


def prepare_risk(rows: pa.Table) -> FactorReturns:
    """The regressions, whose results the risk estimators take."""
    return compute_regress(prepare_regress(rows))


def compute_risk(fitted: FactorReturns) -> Risk:
    """Both estimators fed a date at a time, as its factor model does it for Delta."""
    covariance = RegimeAdjustedEWCovariance(
        half_life=VOL_HALF_LIFE, corr_half_life=CORR_HALF_LIFE, min_observations=MIN_OBSERVATIONS
    )
    variance = EWVariance(half_life=VOL_HALF_LIFE, min_observations=MIN_OBSERVATIONS)
    free_cov = np.empty((*fitted.free.shape, fitted.free.shape[1]))
    specific_var = np.empty_like(fitted.specific_returns)
    for t in range(len(fitted.free)):
        free_cov[t] = covariance.partial_fit(fitted.free[[t]]).covariance_
        specific_var[t] = variance.partial_fit(fitted.specific_returns[[t]]).variance_
    return Risk(fitted.labels, fitted.basis[1:].expand_factor_covariance(free_cov), specific_var)


def write_risk(risk: Risk, out: Path) -> dict[str, int]:
    """Sigma as a list a date, Delta as a column an asset."""
    dates, _, assets = risk.labels
    _write_factor_cov(out, dates, risk.factor_cov)
    write_wide(out / "specific_var.parquet", dates, assets, risk.specific_var)
    return _sizes(risk.labels)


class GivenExposure(BaseFactorExposure, stateless=True):
    """A field of the panel, neither clipped nor standardised."""

    def __init__(self, field: str, *, family: str) -> None:
        super().__init__(family=family)
        self.field = field

    def fit_transform(self, X: AssetPanel, y: None = None, **fit_params: Any) -> Floats:  # noqa: ARG002 - skfolio's signature
        """The field's values."""
        return X[self.field]


def prepare_model(rows: pa.Table) -> AssetPanel:
    """Rows to skfolio's own container."""
    panel = dense_panel(rows)
    fields: dict[str, Any] = {"returns": _with_a_first_return(panel), "market_cap": np.where(panel.caps > 0, panel.caps, np.nan)}
    fields["industry"] = FieldCategorical(values=panel.industry, levels=np.array(panel.industries))
    fields |= {name: panel.styles[:, :, position].copy() for position, name in enumerate(panel.style_names)}
    return AssetPanel(
        fields=fields,
        observations=panel.dates,
        asset_names=np.array(panel.assets),
        active_mask=panel.caps > 0,
        estimation_mask=panel.in_estimation,
    )


def compute_model(panel: AssetPanel) -> FactorModel:
    """One fit over all dates."""
    styles = [(name, GivenExposure(name, family="style")) for name in panel.fields if name.startswith("style_")]
    covariance = RegimeAdjustedEWCovariance(
        half_life=VOL_HALF_LIFE, corr_half_life=CORR_HALF_LIFE, min_observations=MIN_OBSERVATIONS
    )
    model = CharacteristicsFactorModel(
        factors=[("market", GlobalFactor()), ("industry", OneHotCategoricalFactors("industry", family="industry")), *styles],
        constrained_families=[("industry", None)],
        factor_prior_estimator=EmpiricalPrior(
            mu_estimator=EWMu(min_observations=MIN_OBSERVATIONS), covariance_estimator=covariance
        ),
        idio_variance_estimator=EWVariance(half_life=VOL_HALF_LIFE, min_observations=MIN_OBSERVATIONS),
    )
    return model.fit(characteristics=panel).factor_model_


def write_model(model: FactorModel, out: Path) -> dict[str, int]:
    """Everything that it estimates, Sigma of the newest date."""
    labels = Labels(model.observations, list(model.factor_names), list(model.asset_names))
    write_wide(out / "factor_returns.parquet", labels.dates, labels.factors, model.factor_returns)
    write_wide(out / "specific_returns.parquet", labels.dates, labels.assets, model.idio_returns)
    write_wide(out / "specific_var.parquet", labels.dates, labels.assets, model.idio_variances)
    _write_factor_cov(out, labels.dates[-1:], model.factor_covariance[np.newaxis])
    return _sizes(labels)


def _with_a_first_return(panel: Panel) -> Floats:
    """skfolio refuses a date without any return, as the first one may be; only who has one matters there."""
    returns = panel.returns.copy()
    if np.isnan(returns[0]).all():
        returns[0] = np.where(panel.caps[0] > 0, 0.0, np.nan)
    return returns


def _write_factor_cov(out: Path, dates: NDArray[np.datetime64], factor_cov: Floats) -> None:
    squares = pa.FixedSizeListArray.from_arrays(factor_cov.ravel(), factor_cov.shape[1] ** 2)
    pq.write_table(pa.table({"date": pa.array(dates), "factor_cov": squares}), out / "factor_cov.parquet")


def _sizes(labels: Labels) -> dict[str, int]:
    return {"n_dates": len(labels.dates), "n_assets": len(labels.assets)}


STAGES = {
    "regress": Stage(
        "factor returns (industries' cap-weighted sum 0), residuals of all assets",
        read_rows,
        prepare_regress,
        compute_regress,
        write_regress,
    ),
    "risk": Stage(
        "Sigma (two half-lives, regime) and Delta (one half-life) as of every date",
        read_rows,
        prepare_risk,
        compute_risk,
        write_risk,
    ),
    "model": Stage(
        "factor returns, residuals, Delta as of every date, Sigma and dense V as of the newest",
        read_rows,
        prepare_model,
        compute_model,
        write_model,
    ),
}

if __name__ == "__main__":
    run("skfolio", STAGES)
