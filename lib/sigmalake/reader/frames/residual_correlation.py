"""What specific returns have in common, as frames: a row a date, and a row a date and membership factor."""

from datetime import date

import pandas as pd

from sigmalake.reader.dates import date_index
from sigmalake.reader.frames.over_dates import between
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.long import RESIDUAL_CORRELATION

WITHIN = ("factor_group", "factor", "n_members", "mean_correlation", "mean_squared", "expected_squared")
_COUNTS = ("n_assets", "n_periods", "n_free")
_FOUND = ("edge", "n_above", "mean_correlation", "mean_squared", "expected_squared")


def residual_correlation_frame(tables: ModelTables, start: date | None, end: date | None) -> pd.DataFrame:
    """The rows of `residual_correlation` by date; `largest` is the first of the eigenvalues."""
    columns = ["date", *_COUNTS, *_FOUND, "eigenvalues", "leading"]
    rows = tables.rows_if_any(RESIDUAL_CORRELATION, columns, between("date", start, end)).sort_by("date").to_pylist()
    index = date_index([row["date"] for row in rows])
    return pd.DataFrame(
        {
            **{name: [row[name] for row in rows] for name in _COUNTS},
            "largest": pd.Series([max(row["eigenvalues"], default=None) for row in rows], index, dtype=float),
            **{name: pd.Series([row[name] for row in rows], index, dtype=int if name == "n_above" else float) for name in _FOUND},
            "eigenvalues": pd.Series([tuple(row["eigenvalues"]) for row in rows], index, dtype=object),
            "leading": pd.Series(
                [{one["asset_id"]: one["correlation"] for one in row["leading"]} for row in rows], index, dtype=object
            ),
        },
        index,
    )


def residual_groups_frame(tables: ModelTables, start: date | None, end: date | None) -> pd.DataFrame:
    """The means over the pairs of assets within each membership factor, by date and in the order of the factors."""
    found = tables.rows_if_any(RESIDUAL_CORRELATION, ["date", "within"], between("date", start, end)).sort_by("date")
    rows = [{"date": row["date"], **one} for row in found.to_pylist() for one in row["within"]]
    frame = pd.DataFrame(rows, columns=["date", *WITHIN]).astype(dict.fromkeys(WITHIN[2:], float))
    return frame.assign(date=pd.to_datetime(frame["date"]))
