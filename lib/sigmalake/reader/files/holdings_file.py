"""A file of holdings: weights, or positions with their prices."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from sigmalake.errors import ConfigError, DataError
from sigmalake.reader.files.rows_with_ids import read_rows_with_ids
from sigmalake.reader.holdings import NAMED, checked_holdings, refuse_repeats
from sigmalake.reader.portfolios.units import Unit, question_value, question_weights

_WEIGHTS, _POSITIONS = ("weight",), ("quantity", "price")
_COLUMNS = "a file of holdings needs asset_id and weight, or asset_id, quantity and price"


class HoldingsFile(NamedTuple):
    """Holdings that were read from a file, as fractions of the portfolio's value."""

    path: Path
    weights: pd.Series  # by asset, without cash
    cash: float | None  # the weight of cash, which has no risk; None: there is none
    value: float | None  # what positions are divided by, in the prices' currency; None for weights
    names: dict[str, str]  # by asset_id, of the column `name`; empty: there is none
    groups: dict[str, str]  # the same of the column `group`


def read_holdings(
    path: Path, *, cash: str | None = None, value: float | None = None, weights_in: Unit | None = None
) -> HoldingsFile:
    """Holdings from a .csv or .parquet file; negative is short. Other columns but `name` and `group` are not read.

    Args:
        path: with the columns asset_id and weight (fractions of the value, taken as they are), or asset_id, quantity and price;
            a column `name` may say what the assets are called, and `group` which group of yours each is in.
        cash: the asset_id of cash, whose price may be missing and is then 1; None: nothing is cash.
        value: what positions are divided by; None: their sum, cash included.
        weights_in: the unit of the weights; None: fractions, and questioned where they look like percentages or amounts.

    Raises:
        ConfigError: the file cannot be read, or has other columns.
        DataError: it holds nothing, an asset twice, what is no number, positions that sum to no value or nearly to none, or
            weights of a doubtful unit.
    """
    read = read_rows_with_ids(path)
    given = [name for name in (*_WEIGHTS, *_POSITIONS) if name in read.column_names]
    if "asset_id" not in read.column_names or given not in (list(_WEIGHTS), list(_POSITIONS)):
        raise ConfigError(
            f"{path} has the columns {', '.join(read.column_names)}, but {_COLUMNS}. Rename its columns, or leave one form out"
        )
    if value is not None and given == list(_WEIGHTS):
        raise ConfigError(f"{path} has weights, which no value divides; leave --value out")
    rows = pd.DataFrame({name: read.column(name).to_pandas().astype(object) for name in ("asset_id", *given)})
    held = pd.Series(_numbers(path, rows, given[0]).to_numpy(), pd.Index(rows["asset_id"]))
    if given == list(_POSITIONS):
        held *= _prices(path, rows, cash).to_numpy()
        question_value(held, f"the positions of {path}", value)
        value = _value(path, held, value)
        held /= value
    held = checked_holdings(held, f"holdings of {path}")
    if given == list(_WEIGHTS):
        held = _as_fractions(held, path, weights_in)
    of_cash = None if cash is None or cash not in held.index else float(held[cash])
    return HoldingsFile(path, held[held.index != cash], of_cash, value, _texts(read, "name"), _texts(read, "group"))


def read_texts(path: Path, column: Literal["name", "group"]) -> dict[str, str]:
    """A text for each asset, from a .csv or .parquet file with the columns asset_id and `column`.

    Raises:
        ConfigError: the file cannot be read, or has other columns.
        DataError: an asset comes twice.
    """
    read = read_rows_with_ids(path)
    if lacking := {"asset_id", column} - set(read.column_names):
        raise ConfigError(
            f"{path} has the columns {', '.join(read.column_names)}, but a file of {column}s needs asset_id and {column}: "
            f"{' and '.join(sorted(lacking))} is missing. Rename a column, or add it"
        )
    refuse_repeats(f"{column}s of {path}", read.column("asset_id").to_pylist())
    return _texts(read, column)


def _texts(rows: pa.Table, column: str) -> dict[str, str]:
    """By asset_id the text of a column; empty ones are left out, and all where there is no such column."""
    if column not in rows.column_names:
        return {}
    texts = ("" if text is None else str(text).strip() for text in rows.column(column).to_pylist())
    return {asset: text for asset, text in zip(rows.column("asset_id").to_pylist(), texts, strict=True) if text}


def _as_fractions(weights: pd.Series, path: Path, unit: Unit | None) -> pd.Series:
    if unit is None:
        question_weights(weights, f"the weights of {path}", "--weights-in")
    return weights / 100 if unit == "percent" else weights


def _prices(path: Path, rows: pd.DataFrame, cash: str | None) -> pd.Series:
    of_cash = rows["asset_id"] == cash
    blank = rows["price"].isna() | (rows["price"].astype(str).str.strip() == "")
    prices = _numbers(path, rows.assign(price=rows["price"].mask(of_cash & blank, 1)), "price")
    if (bad := rows[prices <= 0]).size:
        shown = ", ".join(f"{row.asset_id}: {row.price}" for row in bad.head(NAMED).itertuples())
        raise DataError(f"{path}: {len(bad)} prices are not above 0 ({shown}); a short position has a negative quantity")
    return prices


def _numbers(path: Path, rows: pd.DataFrame, column: str) -> pd.Series:
    numbers = pd.to_numeric(rows[column], errors="coerce").astype(float)
    if (bad := rows[~np.isfinite(numbers)]).size:
        shown = ", ".join(f"{row['asset_id']}: {row[column]!r}" for _, row in bad.head(NAMED).iterrows())
        raise DataError(
            f"{path}: in the column {column}, {len(bad)} of {len(rows)} cells are not finite numbers ({shown}). "
            "Write numbers such as 0.05, with a point and without a sign of percent or thousands"
        )
    return numbers


def _value(path: Path, positions: pd.Series, given: float | None) -> float:
    if given is not None and not (np.isfinite(given) and given > 0):
        raise ConfigError(f"--value {given} is no value; give an amount above 0")
    value = float(positions.sum()) if given is None else given
    if positions.size and value <= 0:
        raise DataError(
            f"{path}: the positions sum to {value:,.2f}, which divides nothing; name the portfolio's value with --value"
        )
    return value
