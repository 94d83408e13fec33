"""Volatilities of the factors as they were forecast over the dates."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from sigmalake.reader.dates import date_index
from sigmalake.reader.frames.over_dates import between
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.packed import RISK_MODELS


def factor_vol_frame(tables: ModelTables, variant: str, start: date | None, end: date | None) -> pd.DataFrame:
    """Roots of Sigma's diagonal, a row an as-of date and a column a factor; NaN: not in Sigma, or no Sigma."""
    of_variant, dates = ds.field("variant") == variant, between("date", start, end)
    columns = ["date", "status", "factors", "factor_cov"]
    rows = tables.rows(RISK_MODELS, columns, of_variant if dates is None else of_variant & dates).sort_by("date")
    names: dict[str, int] = {}
    days, found = [], []
    for day, status, factors, cov in zip(*(rows.column(name) for name in columns), strict=True):
        listed = factors.as_py() if status.as_py() == "ok" else []
        places = [names.setdefault(name, len(names)) for name in listed]
        days.append(day.as_py())
        found.append((places, _diagonal(cov.values.to_numpy(), len(listed)) if listed else np.empty(0)))
    values = np.full((len(days), len(names)), np.nan)
    for row, (places, variances) in zip(values, found, strict=True):
        row[places] = np.sqrt(variances)
    return pd.DataFrame(values, date_index(days), pd.Index(list(names), name="factor", dtype=object))


def _diagonal(upper: np.ndarray, size: int) -> np.ndarray:
    """Of an upper triangle by rows."""
    steps = np.arange(size, 0, -1)
    diagonal: np.ndarray = upper[np.append(0, np.cumsum(steps[:-1]))]
    return diagonal
