"""riskprism's constrained regression of each date, and its EWMA covariance and specific volatilities as of each date.

The regression is the problem of the model, but that it knows no estimation universe beside the assets given: an asset that is not
fitted has no residual. `risk` has the model's half-lives; its means are 0, serial correlation is its own, and nothing is blended.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from dense_panel import read_rows
from riskprism.config import ModelConfig
from riskprism.model.covariance import factor_covariance
from riskprism.model.regression import RegressionResult, cross_sectional_regression
from riskprism.model.specific import ewma_specific_vol
from stage import Stage, run

MIN_OBSERVATIONS = 60
CONFIG = ModelConfig(vol_half_life=84, corr_half_life=168, factor_cov_adjust="none", min_specific_obs=MIN_OBSERVATIONS)


class Date(NamedTuple):
    """What one regression takes, exposures and caps from the date before; assets are the index."""

    day: pd.Timestamp
    returns: pd.Series
    styles: pd.DataFrame
    industries: pd.Series
    caps: pd.Series


class Returns(NamedTuple):
    """What all regressions say: a row a date, a column a factor or an asset."""

    factor_returns: pd.DataFrame
    residuals: pd.DataFrame


class Risk(NamedTuple):
    """As of each date from MIN_OBSERVATIONS on, annualised."""

    factor_cov: dict[pd.Timestamp, pd.DataFrame]
    specific_vol: pd.DataFrame


def prepare(rows: pa.Table) -> list[Date]:
    """The estimation universe of each date beside the next date's returns."""
    panel = {day: frame.set_index("asset_id") for day, frame in rows.to_pandas().groupby("date", sort=True)}
    dates = []
    for before, day in zip(list(panel), list(panel)[1:], strict=False):
        known = panel[before][panel[before]["in_estimation"]]
        returns = panel[day]["ret"].reindex(known.index)
        styles = known[[name for name in known if name.startswith("style_")]]
        dates.append(Date(day, returns, styles, known["industry"], known["cap"]))
    return dates


def compute(dates: list[Date]) -> dict[pd.Timestamp, RegressionResult]:
    """A regression a date, with its t-statistics."""
    return {of.day: cross_sectional_regression(of.returns, of.styles, of.industries, of.caps) for of in dates}


def frames(found: dict[pd.Timestamp, RegressionResult]) -> Returns:
    """Both as frames."""
    factors = pd.DataFrame({day: one.factor_returns for day, one in found.items()}).T
    return Returns(factors, pd.DataFrame({day: one.residuals for day, one in found.items()}).T)


def write(found: dict[pd.Timestamp, RegressionResult], out: Path) -> dict[str, int]:
    """A row a date."""
    returns = frames(found)
    returns.factor_returns.to_parquet(out / "factor_returns.parquet")
    returns.residuals.to_parquet(out / "specific_returns.parquet")
    return {"n_dates": len(returns.residuals), "n_assets": returns.residuals.shape[1]}


def prepare_risk(rows: pa.Table) -> Returns:
    """The regressions, whose results the risk estimators take."""
    return frames(compute(prepare(rows)))


def compute_risk(returns: Returns) -> Risk:
    """Both estimators over all dates until each date, as its build does it."""
    days = returns.factor_returns.index[MIN_OBSERVATIONS - 1 :]
    factor_cov = {day: factor_covariance(returns.factor_returns[:day], CONFIG) for day in days}
    specific_vol = {day: ewma_specific_vol(returns.residuals[:day], CONFIG)[0] for day in days}
    return Risk(factor_cov, pd.DataFrame(specific_vol).T)


def write_risk(risk: Risk, out: Path) -> dict[str, int]:
    """Sigma as a list a date, Delta as a column an asset."""
    squares = [np.ravel(one) for one in risk.factor_cov.values()]
    pd.DataFrame({"date": list(risk.factor_cov), "factor_cov": squares}).to_parquet(out / "factor_cov.parquet")
    risk.specific_vol.to_parquet(out / "specific_vol.parquet")
    return {"n_dates": len(risk.specific_vol), "n_assets": risk.specific_vol.shape[1]}


STAGES = {
    "regress": Stage(
        "factor returns (industries' cap-weighted sum 0), t-statistics, residuals of the fitted assets",
        read_rows, prepare, compute, write,
    ),
    "risk": Stage("Sigma (two half-lives) and Delta (one) as of every date", read_rows, prepare_risk, compute_risk, write_risk),
}  # fmt: skip

if __name__ == "__main__":
    run("riskprism", STAGES)
