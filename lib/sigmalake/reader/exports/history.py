"""What a date's risk model does not store and its history tells: historical betas, and Sigma before its adjustments."""

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import yaml
from pydantic import ValidationError

from sigmalake.config.variant import Variant
from sigmalake.errors import MissingRiskError
from sigmalake.numerics.descriptors.market_beta import market_beta
from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.types import Floats
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.risk_model import RiskModel
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL
from sigmalake.tables.records import RELEASES, RUNS

_FEWEST = 24  # periods of a slope: those of a year are fewer where they are months


def historical_betas(model: FactorModel, risk: RiskModel) -> pd.Series:
    """Slopes of the assets' returns on the market's, by least squares over the year that ends at the date, or 24 periods.

    The market is the estimation universe by cap, as the regressions have it. NaN: fewer than half the returns, or no market.

    Args:
        model: whose returns.
        risk: of its date, and for its usable assets.
    """
    assets = list(risk.usable)
    known = [day.date() for day in model.calendar() if day.date() <= risk.date]
    year = sum((risk.date - day).days < 365 for day in known)
    days = known[-max(year, _FEWEST) :]
    if len(days) < _FEWEST:
        return pd.Series(np.nan, assets)
    place = pd.Series(np.arange(len(assets)), assets)
    returns: Floats = np.full((len(days), len(assets)), np.nan)
    rows = model.packed.rows_by_date(PANEL, ["asset_id", "ret"], "return_date", days)
    for n, (_, row) in enumerate(rows):
        at: Floats = place.reindex(row["asset_id"].as_py()).to_numpy(dtype=float)
        held = np.isfinite(at)
        returns[n, at[held].astype(np.int64)] = row["ret"].values.to_numpy(zero_copy_only=False)[held]
    of_dates = model.packed.rows(CROSS_SECTIONS, ["date", "market_return"], ds.field("date").isin(days)).to_pandas()
    market: Floats = of_dates.set_index("date")["market_return"].reindex(days).to_numpy(dtype=float)
    found = market_beta(returns, market, np.array([len(days) - 1]), Trailing(window=len(days)))
    return pd.Series(found.beta[0], assets)


def unadjusted_factor_cov(model: FactorModel, risk: RiskModel) -> Floats | None:
    """Sigma of the variant's own weights and lags, before its eigenfactors, eigenvalues and volatility regime are adjusted.

    It is estimated again, from the stored factor returns by the recorded settings. None: a variant by month, settings that are not
    on record, or another set of factors than the risk model's.

    Args:
        model: whose factor returns.
        risk: of the date and variant.

    Returns:
        (K, K) in the order of the model's factors, fraction^2 for one period.
    """
    variant = None if risk.frequency == "month" else _variant(model, risk.variant)
    if variant is None:
        return None
    returns = model.factor_returns().loc[: pd.Timestamp(risk.date)]
    names = [str(name) for name in returns]
    found = variant.factor_cov.unadjusted().estimate(returns.to_numpy(dtype=float), names)
    kept = [names[k] for k in found.kept]
    if set(kept) != set(risk.factors):
        return None
    order = [kept.index(name) for name in risk.factors]
    cov: Floats = found.cov[np.ix_(order, order)]
    return cov


def _variant(model: FactorModel, name: str) -> Variant | None:
    """The settings by which a released variant was estimated."""
    try:
        of_release = ds.field("release_id") == model.release_id
        run = model.packed.rows(RELEASES, ["run_id"], of_release).column("run_id").to_pylist()
        texts = model.packed.rows(RUNS, ["config"], ds.field("run_id").isin(run)).column("config").to_pylist()
    except MissingRiskError:
        return None
    body = yaml.safe_load(texts[0]) if texts else None
    settings = body.get("risk", {}).get(name) if isinstance(body, dict) else None
    try:
        return None if settings is None else Variant.model_validate(settings)
    except ValidationError:  # an estimator of a package that is not here
        return None
