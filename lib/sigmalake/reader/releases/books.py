"""How the stored risk of books moved from one model to another, some dates at a time."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.books import PORTFOLIO_RISK

_KEY = ["date", "portfolio"]
_RISK = ["vol", "tracking_error"]
BOOK_COLUMNS = ["variant", *_KEY, "vol_first", "vol_second", "tracking_error_first", "tracking_error_second"]


class MovedBooks:
    """All books that moved, or of every variant and date equally many of the largest changes."""

    def __init__(self, most: int) -> None:
        """Keep so many books, but for one of each variant and date."""
        self._most = most
        self._kept: list[pd.DataFrame] = []  # a variant and date each
        self.largest_only: int | None = None

    def add(self, found: pd.DataFrame) -> None:
        """Take over the books that moved on some dates, of one variant."""
        self._kept += [_largest(of_date, self.largest_only) for _, of_date in found.groupby("date")]
        while sum(map(len, self._kept)) > self._most and self.largest_only != 1:
            self.largest_only = max(1, max(map(len, self._kept)) // 2)
            self._kept = [_largest(of_date, self.largest_only) for of_date in self._kept]

    def frame(self) -> pd.DataFrame:
        """A row a book, variant and date."""
        return pd.concat(self._kept, ignore_index=True) if self._kept else pd.DataFrame(columns=BOOK_COLUMNS)


def moved_books(
    first: ModelTables, second: ModelTables, variant: str | None, other: str | None, days: Sequence[date]
) -> pd.DataFrame:
    """The books whose volatility or tracking error is not the same in both models, by date; NaN: the model has none.

    Args:
        first: tables of the earlier model.
        second: tables of the later one.
        variant: of the first.
        other: of the second.
        days: as-of dates, all in memory at once.
    """
    sides = [_rows(tables, name, days) for tables, name in ((first, variant), (second, other))]
    both = sides[0].merge(sides[1], how="outer", on=_KEY, suffixes=("_first", "_second"))
    one, two = _sides(both)
    moved = ((one != two) & ~(np.isnan(one) & np.isnan(two))).any(axis=1)
    found = both[moved].sort_values(_KEY, kind="stable", ignore_index=True)
    found.insert(0, "variant", " and ".join(dict.fromkeys(name for name in (variant, other) if name)))
    ordered: pd.DataFrame = found[BOOK_COLUMNS]
    return ordered


def _sides(books: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    one, two = (books[[f"{name}_{side}" for name in _RISK]].to_numpy(dtype=float) for side in ("first", "second"))
    return one, two


def _largest(of_date: pd.DataFrame, most: int | None) -> pd.DataFrame:
    """The books of the largest changes, in their order."""
    if most is None or len(of_date) <= most:
        return of_date
    one, two = _sides(of_date)
    sizes = np.nan_to_num(np.abs(two - one)).max(axis=1)
    return of_date.iloc[np.sort(np.argsort(-sizes, kind="stable")[:most])]


def _rows(tables: ModelTables, variant: str | None, days: Sequence[date]) -> pd.DataFrame:
    where = (ds.field("variant") == variant) & ds.field("date").isin(list(days))
    frame: pd.DataFrame = tables.rows_if_any(PORTFOLIO_RISK, [*_KEY, *_RISK], where).to_pandas()
    frame["date"] = pd.to_datetime(frame["date"])
    return frame
