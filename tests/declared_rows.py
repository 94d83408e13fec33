"""Rows that obey a declaration, made from it alone: the least of each column, and constraints counted out by hand."""

from datetime import UTC, date, datetime

import pyarrow as pa

from sigmalake.tables.books import PORTFOLIO_CONTRIBUTIONS, PORTFOLIO_RISK
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Table
from sigmalake.tables.descriptors import DESCRIPTORS, PRICES, SENSITIVITIES
from sigmalake.tables.evaluation import FACTOR_PREMIA, FORECAST_EVALUATION
from sigmalake.tables.long import SPECIFIC_RETURNS, SPECIFIC_RISK
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.quality import DATA_QUALITY

DAY = date(2024, 1, 2)
N = 2  # entries of each array
NAN = float("nan")
SIGNED_NAN = -NAN  # what 0 / 0 gives on x86

# What the plain rule below would break: counts and lengths that constraints tie to other columns.
FITTING = {
    "prices": {"n_assets": N},
    "descriptors": {"n_assets": N, **dict.fromkeys(SENSITIVITIES, [0.5] * (N * N))},
    "panel": {"n_assets": N, "return_date": date(2024, 1, 3)},
    "cross_sections": {"portfolios": [0.5] * (N * N)},
    "risk_models": {"factor_cov": [0.5] * 3},
    "forecast_evaluation": {"return_date": date(2024, 1, 3), "n_forecasts": 1, "n_zero": 1, "detail": None},
    "factor_premia": {"n_periods": 1},
    "data_quality": {"severity": "ok"},
    "portfolio_risk": {"status": "ok"},
    "portfolio_contributions": {"kind": "factor"},
}


def plain_value(kind: pa.DataType):
    """A value of a type."""
    if pa.types.is_list(kind):
        return [plain_value(kind.value_type)] * N
    if pa.types.is_struct(kind):
        return {kind.field(n).name: plain_value(kind.field(n).type) for n in range(kind.num_fields)}
    if pa.types.is_map(kind):
        return {plain_value(kind.key_type): plain_value(kind.item_type)}
    if pa.types.is_timestamp(kind):
        return datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    plain = {pa.string(): "a", pa.date32(): DAY, pa.int32(): 1, pa.int64(): 1, pa.float64(): 0.5, pa.bool_(): True}
    return plain[kind]


def full_row(table: Table, /, **values) -> dict[str, object]:
    """A row without nulls."""
    row = {field.name: plain_value(field.type) for field in table.arrow_schema()}
    return {**row, **FITTING.get(table.name, {}), **values}


def bare_row(table: Table, /, **values) -> dict[str, object]:
    """A row that is null wherever it may be, and whose arrays are empty."""
    row = full_row(table)
    for column in table.columns:
        if column.nullable:
            row[column.name] = None
        elif column.type.startswith(("ARRAY", "MAP")):
            row[column.name] = [] if column.type.startswith("ARRAY") else {}
    none = {name: 0 for name in ("n_assets", "n_forecasts", "n_zero", "n_periods") if name in row}
    reason = {"forecast_evaluation": {"detail": "a reason"}, "portfolio_risk": {"status": "no_model"}}.get(table.name, {})
    none |= {"n_uncovered": 0} if table.name == "portfolio_risk" else {}
    return {**row, **none, **reason, **values}


BREAKING = [
    *((table, check.name, None) for table in ALL_TABLES for check in table.checks if check.column is not None),
    (FORECAST_EVALUATION, "no_look_ahead", {"return_date": DAY}),
    (FORECAST_EVALUATION, "counts_agree", {"n_zero": 2}),
    (FORECAST_EVALUATION, "a_forecast_or_a_reason", {"detail": "a reason"}),
    (DATA_QUALITY, "severity_is_known", {"severity": "loud"}),
    (DATA_QUALITY, "counts_are_not_negative", {"n_found": -1}),
    (FORECAST_EVALUATION, "vol_is_positive", {"vol": 0.0}),
    (FACTOR_PREMIA, "counts_are_not_negative", {"nw_lags": -1}),
    (FACTOR_PREMIA, "a_span_where_there_are_returns", {"last_date": None}),
    (SPECIFIC_RETURNS, "weight_is_not_negative", {"weight": -0.5}),
    (SPECIFIC_RISK, "specific_var_is_not_negative", {"specific_var": -0.5}),
    (PANEL, "no_look_ahead", {"return_date": DAY}),
    *((table, "n_assets_counts", {"n_assets": 3}) for table in (PANEL, PRICES, DESCRIPTORS)),
    (DESCRIPTORS, "sensitivities_are_complete", dict.fromkeys(SENSITIVITIES, [0.5] * 3)),
    (CROSS_SECTIONS, "portfolios_are_complete", {"portfolios": [0.5] * 3}),
    (RISK_MODELS, "upper_triangle", {"factor_cov": [0.5] * 4}),
    (PORTFOLIO_RISK, "status_is_known", {"status": "fine"}),
    (PORTFOLIO_RISK, "numbers_or_a_reason", {"variance": None}),
    (PORTFOLIO_RISK, "no_look_ahead", {"book_date": date(2024, 1, 3)}),
    (PORTFOLIO_RISK, "counts_agree", {"n_uncovered": 2}),
    (PORTFOLIO_CONTRIBUTIONS, "kind_is_known", {"kind": "sector"}),
]
"""Every constraint, with values that break it; None: see `broken_values`."""


def broken_values(table: Table, name: str, values: dict[str, object] | None) -> list[dict[str, object]]:
    """Values of some columns of `full_row`, each of which breaks a constraint."""
    if values is not None:
        return [values]
    check = next(check for check in table.checks if check.name == name)
    if check.beside is not None:
        return [{check.column: full_row(table)[check.column][:1]}, {check.column: []}]
    if table.arrow_schema().field(check.column).type == pa.float64():
        return [{check.column: NAN}, {check.column: SIGNED_NAN}]
    lists = [[NAN, 1.0], [1.0, NAN], [SIGNED_NAN, 1.0], [None, SIGNED_NAN], [NAN, NAN]]
    return [{check.column: values} for values in lists]
