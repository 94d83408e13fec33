"""The user's portfolios, read from a file on the driver: their holdings, and what the rows that rest on them remember of these."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from sigmalake.config.staleness import digest_of
from sigmalake.config.stores.files import readable
from sigmalake.errors import ConfigError, DataError, SigmalakeError
from sigmalake.numerics.evaluation.forecast_evaluation import OwnPortfolio
from sigmalake.reader.files.rows_with_ids import read_rows_with_ids
from sigmalake.tasks.evaluation import OwnHistory, holdings_of

ALWAYS = date.min  # from when a portfolio without a date holds
_NAMES = ("portfolio", "asset_id")
_KEY = ["portfolio", "date", "asset_id"]


def read_own_portfolios(file: str | None) -> OwnHistory:
    """Holdings by portfolio and date; a portfolio holds from its date until its next one, or always where the file has no dates.

    Raises:
        ConfigError: the file cannot be read, or lacks a column.
        DataError: a weight, date or name is missing or unreadable; or an asset is twice in a portfolio.
    """
    if file is None:
        return {}
    with readable(file) as path:
        rows = _checked(_read(path), file)
    histories: dict[str, list[tuple[date, OwnPortfolio]]] = {}
    for (name, _), held in rows.sort_values(_KEY).groupby(["portfolio", "date"], sort=True):
        since: date = held["date"].iloc[0]
        weights = held["weight"].to_numpy(dtype=np.float64)
        histories.setdefault(str(name), []).append((since, OwnPortfolio(str(name), held["asset_id"].tolist(), weights)))
    return histories


class OwnDigests:
    """What a date's holdings are, in a hash: another portfolio or date changes the dates at which it holds, and no other."""

    def __init__(self, own: OwnHistory) -> None:
        self._own = own
        self._digests: Mapping[int, str] = {
            id(held): digest_of([held.name, *held.asset_ids, held.weights.tobytes().hex()])
            for history in own.values()
            for _, held in history
        }

    def on(self, day: date) -> str:
        """Of the holdings as of a close; empty where there are none."""
        held = holdings_of(self._own, day)
        return digest_of([self._digests[id(portfolio)] for portfolio in held]) if held else ""


def _read(path: Path) -> pd.DataFrame:
    try:
        rows = read_rows_with_ids(path, _NAMES)
    except SigmalakeError as error:
        raise type(error)(f"evaluate.portfolios: {error}") from None
    return pd.DataFrame({name: rows.column(name).to_pandas().astype(object) for name in rows.column_names})


def _checked(rows: pd.DataFrame, file: str) -> pd.DataFrame:
    if missing := [column for column in ("portfolio", "asset_id", "weight") if column not in rows]:
        listed = ", ".join(map(str, rows.columns))
        raise ConfigError(f"evaluate.portfolios: {file} has no column {', '.join(missing)}; it has {listed}")
    checked = pd.DataFrame({
        "date": pd.to_datetime(rows["date"], errors="coerce", format="ISO8601").dt.date if "date" in rows else ALWAYS,
        **{name: rows[name].astype(str).where(rows[name].notna()) for name in _NAMES},
        "weight": pd.to_numeric(rows["weight"], errors="coerce").astype(float),
    })  # fmt: skip
    wrong = checked.replace({"weight": [np.inf, -np.inf]}, np.nan).isna()
    if wrong.to_numpy().any():
        row, column = (int(at[0]) for at in np.nonzero(wrong.to_numpy()))
        name = checked.columns[column]
        count = int(wrong.any(axis=1).sum())
        raise DataError(f"{file} has {count} rows that cannot be used; the first: row {row + 1}, {name} {rows[name].iloc[row]!r}")
    if (twice := checked[checked.duplicated(_KEY)]).size:
        first = twice.iloc[0]
        raise DataError(f"{file}: {first['asset_id']} is twice in portfolio {first['portfolio']}; give one weight")
    return checked
