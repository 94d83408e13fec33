"""A date's cross-section and regression as frames, from the rows of the packed tables."""

import pandas as pd

from sigmalake.numerics.regression.answer import FactorStatus
from sigmalake.reader.storage.model_tables import EXPOSURE_COLUMNS, ModelTables, Row, values_of
from sigmalake.tables.long import EXPOSURE_MOMENTS

_BY_ASSET = {"ret": "ret", "cap": "cap", "in_estimation": "in_estimation", "weight_column": "weight", "issuer_id": "issuer_id"}
_OF_DATE = (
    "date", "status", "detail", "n_estimation", "rank", "dof", "r2", "adj_r2", "r2_uncentred", "residual_var", "condition_number",
    "market_return", "n_reweighted", "outliers",
)  # fmt: skip
_BY_FACTOR = ("factor_return", "std_error", "vif", "n_members")

PANEL_COLUMNS = ("exposure_date", "return_date", *EXPOSURE_COLUMNS, *_BY_ASSET)
REGRESSION_COLUMNS = (*_OF_DATE, "factor_set", *_BY_FACTOR, "factor_status")
SPECIFIC_COLUMNS = (
    *("asset_id", "specific_var", "source", "n_obs", "ts_var", "structural_var", "blend_weight", "shrink_weight"),
    "regime_multiplier",
)
DIAGNOSTIC_COLUMNS = ("diagnostics",)
RESIDUAL_COLUMNS = ("asset_id", "specific_return", "fitted_return", "in_estimation", "weight")


def panel_frame(tables: ModelTables, row: Row) -> pd.DataFrame:
    """Returns, caps, flags and X, a row an asset, from a row of `panel` with `PANEL_COLUMNS`."""
    X = tables.exposures(row)
    given = {name: values_of(row[column]) for column, name in _BY_ASSET.items() if row[column].is_valid}
    names = [f"factor.{name}" if name in given else name for name in X.names]
    index = pd.Index(X.assets, name="asset_id")
    frame = pd.concat([pd.DataFrame(given, index=index), pd.DataFrame(X.values, index=index, columns=names)], axis=1)
    frame.attrs = {dated: row[dated].as_py() for dated in ("exposure_date", "return_date")}
    return frame


def exposure_frame(tables: ModelTables, row: Row) -> pd.DataFrame:
    """X, a row an asset and a column a factor, from a row of `panel` with `EXPOSURE_COLUMNS`."""
    X = tables.exposures(row)
    return pd.DataFrame(X.values, index=pd.Index(X.assets, name="asset_id"), columns=pd.Index(X.names, name="factor"))


def moments_frame(row: Row) -> pd.DataFrame:
    """How the styles came about, a row a step, from a row of `panel` with `style_steps`."""
    columns = [name for name in EXPOSURE_MOMENTS.column_names if name != "exposure_date"]
    return pd.DataFrame(row["style_steps"].as_py() or [], columns=columns)


def regression_frame(tables: ModelTables, row: Row) -> pd.DataFrame:
    """A row a factor, and what is of the date in `attrs`, from a row of `cross_sections` with `REGRESSION_COLUMNS`."""
    factors = [factor.name for factor in tables.factor_sets[row["factor_set"].as_py()]]
    frame = pd.DataFrame({name: values_of(row[name]) for name in _BY_FACTOR}, index=pd.Index(factors, name="factor"))
    frame.insert(2, "t_stat", (frame["factor_return"] / frame["std_error"]).where(frame["std_error"] > 0))
    status, of_factors = row["status"].as_py(), row["factor_status"].as_py()
    frame["status"] = [
        own if status == "ok" or own in (FactorStatus.GIVEN, FactorStatus.NOT_GIVEN) else status for own in of_factors
    ]
    frame.attrs = {name: row[name].as_py() for name in _OF_DATE}
    return frame


def residual_frame(row: Row) -> pd.DataFrame:
    """A row an asset: specific and fitted return, universe flag, weight; from a row with `RESIDUAL_COLUMNS`."""
    index = pd.Index(values_of(row["asset_id"]), name="asset_id")
    return pd.DataFrame({column: values_of(row[column]) for column in RESIDUAL_COLUMNS[1:]}, index=index)


def specific_frame(row: Row) -> pd.DataFrame:
    """Delta and its layers, a row an asset, from a row of `risk_models` with `SPECIFIC_COLUMNS`."""
    index = pd.Index(values_of(row["asset_id"]), name="asset_id")
    given = {name: values_of(row[name]) for name in SPECIFIC_COLUMNS[1:-1] if row[name].is_valid}
    frame = pd.DataFrame(given, index=index)
    frame.attrs = {"regime_multiplier": row["regime_multiplier"].as_py()}
    return frame


def diagnostics_frame(row: Row) -> pd.DataFrame:
    """What the estimators said, a row a name, from a row of `risk_models` with `DIAGNOSTIC_COLUMNS`."""
    return pd.DataFrame(row["diagnostics"].as_py(), columns=["name", "value", "detail"]).set_index("name")
