"""Rows that obey a declaration, made from it alone: the least of each column, and constraints counted out by hand."""

from datetime import UTC, date, datetime

import pyarrow as pa

from sigmalake.tables.declaration import Table

DAY = date(2024, 1, 2)
N = 2  # entries of each array

# What the plain rule below would break: counts and lengths that constraints tie to other columns.
FITTING = {
    "prices": {"n_assets": N},
    "descriptors": {"n_assets": N},
    "panel": {"n_assets": N, "return_date": date(2024, 1, 3)},
    "cross_sections": {"portfolios": [0.5] * (N * N)},
    "risk_models": {"factor_cov": [0.5] * 3},
    "forecast_evaluation": {"return_date": date(2024, 1, 3), "n_forecasts": 1, "n_zero": 1, "detail": None},
    "factor_premia": {"n_periods": 1},
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


def full_row(table: Table, **values) -> dict[str, object]:
    """A row without nulls."""
    row = {field.name: plain_value(field.type) for field in table.arrow_schema()}
    return {**row, **FITTING.get(table.name, {}), **values}


def bare_row(table: Table, **values) -> dict[str, object]:
    """A row that is null wherever it may be, and whose arrays are empty."""
    row = full_row(table)
    for column in table.columns:
        if column.nullable:
            row[column.name] = None
        elif column.type.startswith(("ARRAY", "MAP")):
            row[column.name] = [] if column.type.startswith("ARRAY") else {}
    none = {name: 0 for name in ("n_assets", "n_forecasts", "n_zero", "n_periods") if name in row}
    reason = {"detail": "a reason"} if table.name == "forecast_evaluation" else {}
    return {**row, **none, **reason, **values}
