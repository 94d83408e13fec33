"""One date's risk from the rows of two packed tables: Sigma and Delta from `risk_models`, X from `panel`."""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from sigmalake.errors import MissingRiskError
from sigmalake.numerics.factors import Kind
from sigmalake.numerics.portfolio.coverage import full_symmetric
from sigmalake.numerics.types import Floats
from sigmalake.reader.model.assembled import assemble
from sigmalake.reader.risk_model import RiskModel
from sigmalake.reader.storage.model_tables import ModelTables, Row, values_of

SIGMA_COLUMNS = ("status", "detail", "factors", "factor_cov")
RISK_COLUMNS = (
    *(*SIGMA_COLUMNS, "diagnostics", "zero_factors", "asset_id", "specific_var"),
    *("linked_1", "linked_2", "linked_cov", "frequency"),
)


def check_sigma(row: Row, variant: str, day: date) -> None:
    """Raise MissingRiskError if the row of a date has no Sigma."""
    if row["status"].as_py() != "ok":
        raise MissingRiskError(f"{variant} has no Sigma as of {day}: {row['status'].as_py()}; {row['detail'].as_py()}")


def sigma_frame(row: Row) -> pd.DataFrame:
    """Sigma with its labels, fraction^2 per period, from a row of `risk_models` with `SIGMA_COLUMNS`."""
    factors = pd.Index(row["factors"].as_py(), name="factor")
    return pd.DataFrame(_sigma(row), index=factors, columns=factors)


def risk_model_of(tables: ModelTables, row: Row, panel: Row, variant: str, day: date) -> RiskModel:
    """V of a date, for one period.

    Args:
        tables: of the model.
        row: of `risk_models`, with `RISK_COLUMNS`.
        panel: of `panel`, with the columns of exposures and `exposure_date`.
        variant: of the row.
        day: of the row.
    """
    X = tables.exposures(panel)
    reasons = {item["name"]: item["detail"] for item in row["diagnostics"].as_py()}
    return assemble(
        variant=variant,
        date=day,
        exposure_date=panel["exposure_date"].as_py(),
        assets=X.assets,
        columns=X.names,
        groups=[factor.group for factor in X.factors],
        exposures=X.values,
        factors=row["factors"].as_py(),
        factor_cov=_sigma(row),
        specific_var=dict(zip(row["asset_id"].as_py(), values_of(row["specific_var"]), strict=True)),
        left_out={name.removeprefix("left_out:"): why for name, why in reasons.items() if name.startswith("left_out:")},
        zero_factors=row["zero_factors"].as_py(),
        linked=_linked(row),
        frequency=row["frequency"].as_py() or "period",
        currencies=[factor.name for factor in X.factors if factor.given and factor.kind in (Kind.MEMBERSHIP, Kind.PARTIAL)],
    )


def _sigma(row: Row) -> Floats:
    return full_symmetric(values_of(row["factor_cov"]), len(row["factors"]))


def _linked(row: Row) -> Mapping[tuple[str, str], float]:
    """Specific covariances by pair of assets; empty if no issues are linked."""
    if not row["linked_cov"].is_valid:
        return {}
    assets = row["asset_id"].as_py()
    first, second = ([assets[position] for position in row[name].as_py()] for name in ("linked_1", "linked_2"))
    return dict(zip(zip(first, second, strict=True), values_of(row["linked_cov"]).tolist(), strict=True))
