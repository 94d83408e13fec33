"""A model's date as flat tables, in the units in which vendors of risk models deliver theirs: percent, annualised.

A variance over a year is the variance of a period times the periods of a year, as if returns had no memory.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from sigmalake.numerics.types import Floats
from sigmalake.reader.exports.dated_model import DatedModel

PERCENT = 100.0


class FlatColumn(NamedTuple):
    """What a column holds, and its unit."""

    name: str
    unit: str
    description: str


_DATE = FlatColumn("date", "date", "close as of which it is known")
_ASSET = FlatColumn("asset_id", "text", "of an asset that has a V")
_OVER_YEAR = "% per year"
_SQUARED = "%^2 per year"
_OF_PERIOD = "% of the period"

FLAT_TABLES: Mapping[str, tuple[FlatColumn, ...]] = {
    "factor_returns": (
        _DATE,
        FlatColumn("factor", "text", "of Sigma, in the model's order"),
        FlatColumn("group", "text", "of the factor"),
        FlatColumn("factor_return", _OF_PERIOD, "over the step of the calendar that ends at the date; empty: not estimated"),
        FlatColumn("std_error", _OF_PERIOD, "of the factor return"),
        FlatColumn("t_stat", "number", "factor return over its standard error"),
        FlatColumn("volatility", _OVER_YEAR, "root of the diagonal of Sigma"),
    ),
    "factor_covariance": (
        _DATE,
        FlatColumn("factor_1", "text", "row of Sigma; every pair comes in both orders"),
        FlatColumn("factor_2", "text", "column of Sigma"),
        FlatColumn("covariance", _SQUARED, "entry of Sigma"),
        FlatColumn("correlation", "number", "empty where a factor has no variance"),
    ),
    "asset_exposures": (
        _DATE,
        _ASSET,
        FlatColumn("factor", "text", "of Sigma"),
        FlatColumn("exposure", "sd or share", "styles in standard deviations, memberships as shares; not if 0"),
    ),
    "specific_risk": (
        _DATE,
        _ASSET,
        FlatColumn("specific_risk", _OVER_YEAR, "root of Delta, all layers included"),
        FlatColumn("unadjusted_specific_risk", _OVER_YEAR, "root of the time-series estimate; empty: its history is too short"),
        FlatColumn("source", "text", "time_series, blend or structural"),
    ),
    "specific_covariance": (
        _DATE,
        FlatColumn("asset_1", "text", "of an issuer; each pair comes once"),
        FlatColumn("asset_2", "text", "another of the same issuer"),
        FlatColumn("covariance", _SQUARED, "of their specific returns"),
    ),
    "asset_data": (
        _DATE,
        _ASSET,
        FlatColumn("total_risk", _OVER_YEAR, "root of the diagonal of V"),
        FlatColumn("r_squared", "%", "the factors' share of the variance that is forecast"),
        FlatColumn("weight", "%", "in the market: the estimation universe by cap, or equally without caps; empty: not in it"),
        FlatColumn("beta", "number", "predicted, to the market of those weights"),
        FlatColumn("cap", "currency", "market capitalisation, as in the source; empty: the model has none"),
        FlatColumn("in_estimation", "true or false", "whether it is in the estimation universe"),
        FlatColumn("ret", _OF_PERIOD, "return over the step of the calendar that ends at the date; empty: none"),
        FlatColumn("specific_return", _OF_PERIOD, "of the same step; empty: none"),
    ),
    "refused_assets": (
        _DATE,
        FlatColumn("asset_id", "text", "of an asset in the coverage that has no V"),
        FlatColumn("reason", "text", "why"),
    ),
}


def over_year(dated: DatedModel, variance: Floats | pd.Series) -> Floats:
    """Variances of a period, fraction^2, as percent^2 per year."""
    found: Floats = np.asarray(variance, dtype=float) * (dated.periods_per_year * PERCENT**2)
    return found


def correlations(cov: Floats) -> Floats:
    """Correlations of a covariance; NaN where there is no variance."""
    vol = np.sqrt(np.diag(cov))
    scale = np.outer(vol, vol)
    found: Floats = np.divide(cov, scale, out=np.full(cov.shape, np.nan), where=scale > 0)
    return found


def flat_tables(dated: DatedModel) -> dict[str, pa.Table]:
    """The tables by their names, with the columns of `FLAT_TABLES`; what is not known is null."""
    made = {
        "factor_returns": _factor_returns(dated),
        "factor_covariance": _factor_covariance(dated),
        "asset_exposures": _exposures(dated),
        "specific_risk": _specific_risk(dated),
        "specific_covariance": _specific_covariance(dated),
        "asset_data": _asset_data(dated),
        "refused_assets": {"asset_id": list(dated.risk.refused), "reason": list(dated.risk.refused.values())},
    }
    return {name: _table(dated, FLAT_TABLES[name], columns) for name, columns in made.items()}


def about(dated: DatedModel) -> dict[str, object]:
    """What the files of a date are of, and the units of their columns."""
    risk = dated.risk
    return {
        "release": dated.release,
        "variant": risk.variant,
        "date": str(risk.date),
        "exposure_date": str(risk.exposure_date),
        "frequency": risk.frequency,
        "periods_per_year": dated.periods_per_year,
        "assets": len(risk.usable),
        "factors": len(risk.factors),
        "refused_assets": len(risk.refused),
        "units": {name: {column.name: column.unit for column in columns} for name, columns in FLAT_TABLES.items()},
    }


Columns = Mapping[str, object]


def _factor_returns(dated: DatedModel) -> Columns:
    factors = dated.factors
    return {
        "factor": list(factors.index),
        "group": factors["group"],
        "factor_return": PERCENT * factors["factor_return"],
        "std_error": PERCENT * factors["std_error"],
        "t_stat": factors["t_stat"],
        "volatility": np.sqrt(over_year(dated, np.diag(dated.risk.factor_cov))),
    }


def _factor_covariance(dated: DatedModel) -> Columns:
    factors, F = np.array(dated.risk.factors, dtype=object), dated.risk.factor_cov
    return {
        "factor_1": np.repeat(factors, factors.size),
        "factor_2": np.tile(factors, factors.size),
        "covariance": over_year(dated, F).ravel(),
        "correlation": correlations(F).ravel(),
    }


def _exposures(dated: DatedModel) -> Columns:
    risk = dated.risk
    X = risk.parts(risk.usable).exposures
    rows, columns = np.nonzero(X)
    assets, factors = np.array(risk.usable, dtype=object), np.array(risk.factors, dtype=object)
    return {"asset_id": assets[rows], "factor": factors[columns], "exposure": X[rows, columns]}


def _specific_risk(dated: DatedModel) -> Columns:
    assets = dated.assets
    return {
        "asset_id": list(assets.index),
        "specific_risk": np.sqrt(over_year(dated, assets["specific_var"])),
        "unadjusted_specific_risk": np.sqrt(over_year(dated, assets["ts_var"])),
        "source": assets["source"],
    }


def _specific_covariance(dated: DatedModel) -> Columns:
    linked = dated.risk.parts(dated.risk.usable).linked
    assets = np.array(dated.risk.usable, dtype=object)
    first, second = linked.pairs.T
    return {"asset_1": assets[first], "asset_2": assets[second], "covariance": over_year(dated, linked.cov)}


def _asset_data(dated: DatedModel) -> Columns:
    assets = dated.assets
    return {
        "asset_id": list(assets.index),
        "total_risk": np.sqrt(over_year(dated, assets["total_var"])),
        "r_squared": PERCENT * assets["r2"],
        "weight": PERCENT * assets["weight"],
        "beta": assets["beta"],
        "cap": assets["cap"],
        "in_estimation": assets["in_estimation"],
        "ret": PERCENT * assets["ret"],
        "specific_return": PERCENT * assets["specific_return"],
    }


def _table(dated: DatedModel, declared: tuple[FlatColumn, ...], columns: Columns) -> pa.Table:
    types = {"text": pa.string(), "true or false": pa.bool_(), "date": pa.date32()}
    n_rows = len(columns[declared[1].name])  # type: ignore[arg-type]
    given = {"date": [dated.date] * n_rows, **columns}
    arrays = []
    for column in declared:
        kind = types.get(column.unit, pa.float64())
        values = np.asarray(given[column.name], dtype=object if column.unit in types else float)
        arrays.append(pa.array(values, type=kind, from_pandas=True))
    return pa.Table.from_arrays(arrays, names=[column.name for column in declared])
