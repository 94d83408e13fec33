"""A model's date as a workbook for Excel: what it is of, factors, covariances, correlations, exposures, assets."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sigmalake.errors import DataError
from sigmalake.reader.exports.dated_model import DatedModel
from sigmalake.reader.exports.flat_tables import FLAT_TABLES, about, correlations, flat_tables, over_year
from sigmalake.reader.exports.tools import tool

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384  # of a sheet, by Excel's specification
_NAME_WIDTH, _NUMBER_WIDTH, _WIDEST = 12, 13, 60
_PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}  # text that starts with = is text
_FORMATS = {"cap": "#,##0.###", "correlation": "0.000", "beta": "0.000", "t_stat": "0.00", "weight": "0.0000"}


def write_workbook(dated: DatedModel, file: Path) -> None:
    """Write one date. A sheet has at most 1,048,576 rows and 16,384 columns, with those of its headings.

    Raises:
        InfrastructureError: xlsxwriter is not installed.
        DataError: the assets or factors are more than a sheet can hold.
        OSError: the file cannot be written.
    """
    n_assets, n_factors = len(dated.risk.usable), len(dated.risk.factors)
    if n_assets + 1 > MOST_ROWS or n_factors + 1 > MOST_COLUMNS or len(dated.risk.refused) + 1 > MOST_ROWS:
        raise DataError(
            f"{n_assets:,} assets and {n_factors:,} factors are more than a sheet's {MOST_ROWS - 1:,} rows and "
            f"{MOST_COLUMNS - 1:,} columns; use csv or parquet"
        )
    book = tool("xlsxwriter", "sigmalake[excel]", "a workbook").Workbook(str(file), _PLAIN)
    try:
        _Sheets(book).write(dated)
    finally:
        book.close()


class _Sheets:
    """The sheets of a workbook that is open."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self._formats: dict[str, Any] = {}

    def write(self, dated: DatedModel) -> None:
        """All of them, in the order in which a reader wants them."""
        risk, tables = dated.risk, flat_tables(dated)
        factors, assets = list(risk.factors), list(risk.usable)
        self._about(dated)
        self._table("Factors", tables["factor_returns"], [c for c in FLAT_TABLES["factor_returns"] if c.name != "date"])
        self._matrix("Covariance, %^2 per year", factors, factors, over_year(dated, risk.factor_cov), "0.0000")
        sheet = self._matrix("Correlations", factors, factors, correlations(risk.factor_cov), "0.00")
        scale = {"type": "3_color_scale", "min_type": "num", "mid_type": "num", "max_type": "num"}
        colours = {"min_color": "#5a8ac6", "mid_color": "#ffffff", "max_color": "#e3872d"}
        limits = {"min_value": -1, "mid_value": 0, "max_value": 1}
        sheet.conditional_format(1, 1, len(factors), len(factors), scale | colours | limits)
        self._matrix("Exposures", assets, factors, risk.parts(risk.usable).exposures, "0.000")
        specific = tables["specific_risk"].select(["specific_risk", "unadjusted_specific_risk", "source"])
        joined = tables["asset_data"]
        for name in specific.column_names:
            joined = joined.append_column(name, specific.column(name))
        columns = {c.name: c for c in (*FLAT_TABLES["asset_data"], *FLAT_TABLES["specific_risk"])}
        wanted = ["asset_id", "total_risk", "specific_risk", "r_squared", "beta", "weight", "cap", "in_estimation", "ret"]
        wanted += ["specific_return", "unadjusted_specific_risk", "source"]
        self._table("Assets", joined, [columns[name] for name in wanted])
        self._table("Linked issues", tables["specific_covariance"], FLAT_TABLES["specific_covariance"][1:])
        self._table("Without a V", tables["refused_assets"], FLAT_TABLES["refused_assets"][1:])

    def _about(self, dated: DatedModel) -> None:
        sheet = self._book.add_worksheet("About")
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, _WIDEST)
        told = {name: value for name, value in about(dated).items() if name != "units"}
        told["risk"] = "V = X Sigma X' + D of the next period, annualised: times periods_per_year, as if returns had no memory"
        told["units"] = "percent; percent per year for risk; percent^2 per year for covariances; each column says its own"
        for row, (name, value) in enumerate(told.items()):
            sheet.write_string(row, 0, name.replace("_", " "), self._heading)
            write = sheet.write_number if isinstance(value, int | float) else sheet.write_string
            write(row, 1, value if isinstance(value, int | float) else str(value or ""))

    def _table(self, title: str, rows: Any, columns: Sequence[Any]) -> None:
        """A sheet with a row of headings and a column for each of some columns."""
        sheet = self._book.add_worksheet(title)
        sheet.freeze_panes(1, 1)
        for position, column in enumerate(columns):
            values = rows.column(column.name).to_pylist()
            unit = "" if column.unit in {"text", "number", "true or false"} else f", {column.unit}"
            heading = column.name.replace("_", " ") + unit
            widest = _text_width(values) if column.unit == "text" else _NUMBER_WIDTH
            sheet.set_column(position, position, max(widest, min(len(heading) + 1, 16)))
            sheet.write_string(0, position, heading, self._heading)
            style = self._format(_FORMATS.get(column.name, "0.000"))
            for row, value in enumerate(values, start=1):
                _write(sheet, row, position, value, style)
        if rows.num_rows:
            sheet.autofilter(0, 0, rows.num_rows, len(columns) - 1)

    def _matrix(self, title: str, rows: list[str], columns: list[str], values: np.ndarray, style: str) -> Any:
        """A sheet with names along both sides."""
        sheet = self._book.add_worksheet(title)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, _text_width(rows))
        sheet.set_column(1, len(columns), _NUMBER_WIDTH)
        sheet.write_string(0, 0, "", self._heading)
        number = self._format(style)
        for position, name in enumerate(columns, start=1):
            sheet.write_string(0, position, name, self._heading)
        for row, name in enumerate(rows, start=1):
            sheet.write_string(row, 0, name)
            for position, value in enumerate(values[row - 1].tolist(), start=1):
                _write(sheet, row, position, value, number)
        return sheet

    def _format(self, style: str) -> Any:
        if style not in self._formats:
            self._formats[style] = self._book.add_format({"num_format": style})
        return self._formats[style]


def _write(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
    """A cell of its own type; what is not known stays empty."""
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, str):
        sheet.write_string(row, column, value)
    elif value is not None and np.isfinite(value):
        sheet.write_number(row, column, value, style)


def _text_width(values: Iterable[str | None]) -> int:
    return min(_WIDEST, max([_NAME_WIDTH, *(len(value or "") + 1 for value in values)]))
