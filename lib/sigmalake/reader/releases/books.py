"""How the stored risk of books moved from one model to another."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.books import PORTFOLIO_RISK

_KEY = ["date", "portfolio"]
_RISK = ["vol", "tracking_error"]
BOOK_COLUMNS = ["variant", *_KEY, "vol_first", "vol_second", "tracking_error_first", "tracking_error_second"]


def moved_books(
    first: ModelTables, second: ModelTables, variant: str | None, other: str | None, start: date | None, end: date | None
) -> pd.DataFrame:
    """The books whose volatility or tracking error is not the same in both models, by date; NaN: the model has none.

    Args:
        first: tables of the earlier model.
        second: tables of the later one.
        variant: of the first.
        other: of the second.
        start: first as-of date, itself included; None: the first there is.
        end: last as-of date, itself included; None: the last there is.
    """
    sides = [_rows(tables, name, start, end) for tables, name in ((first, variant), (second, other))]
    both = sides[0].merge(sides[1], how="outer", on=_KEY, suffixes=("_first", "_second"))
    one, two = (both[[f"{name}_{side}" for name in _RISK]].to_numpy(dtype=float) for side in ("first", "second"))
    moved = ((one != two) & ~(np.isnan(one) & np.isnan(two))).any(axis=1)
    found = both[moved].sort_values(_KEY, kind="stable", ignore_index=True)
    found.insert(0, "variant", " and ".join(dict.fromkeys(name for name in (variant, other) if name)))
    ordered: pd.DataFrame = found[BOOK_COLUMNS]
    return ordered


def _rows(tables: ModelTables, variant: str | None, start: date | None, end: date | None) -> pd.DataFrame:
    where = ds.field("variant") == variant
    if start is not None:
        where &= ds.field("date") >= start
    if end is not None:
        where &= ds.field("date") <= end
    frame: pd.DataFrame = tables.rows_if_any(PORTFOLIO_RISK, [*_KEY, *_RISK], where).to_pandas()
    frame["date"] = pd.to_datetime(frame["date"])
    return frame
