"""Reads single rows of a model's tables."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from sigmalake.errors import MissingRiskError
from sigmalake.numerics.factors import Factor, dense_exposures
from sigmalake.numerics.types import Floats
from sigmalake.reader.storage.factor_sets import factor_sets_from
from sigmalake.reader.storage.memory_tables import MemoryTables
from sigmalake.reader.storage.places import LakePlace
from sigmalake.reader.storage.session_tables import SessionTables
from sigmalake.reader.storage.table_reader import StoredRows, TableReader
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import FACTORS

Row = Mapping[str, pa.Scalar]

EXPOSURE_COLUMNS = ("factor_set", "asset_id", "styles", "member_assets", "member_factors", "member_shares")
_AT_ONCE = 32  # dates in memory where many are read: a date of 10,000 assets is some megabytes


class LabelledExposures(NamedTuple):
    """X of one date with its labels."""

    assets: list[str]
    factors: list[Factor]
    values: Floats  # (N, K)

    @property
    def names(self) -> list[str]:
        """(K,) of the factors."""
        return [factor.name for factor in self.factors]


class ModelTables:
    """The tables of a model by the row: a cross-section, a date's regression, a date's risk model."""

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader

    @property
    def place(self) -> str:
        """The place of the tables, as messages name it."""
        return self._reader.place

    @property
    def lake(self) -> LakePlace | None:
        """Where the lake of the tables is read; None: they lie in this process, and in no lake."""
        if isinstance(self._reader, MemoryTables):
            return None
        return LakePlace(self.place, self._reader.spark if isinstance(self._reader, SessionTables) else None)

    def stored(self) -> dict[str, StoredRows]:
        """Every table that there is, by name; see `TableReader`."""
        return self._reader.stored()

    @cached_property
    def factor_sets(self) -> dict[str, list[Factor]]:
        """The factors of each set, in the model's order."""
        return factor_sets_from(self.rows(FACTORS, FACTORS.column_names))

    def exposures(self, row: Row) -> LabelledExposures:
        """X of a row of `panel` that has `EXPOSURE_COLUMNS`."""
        factors = self.factor_sets[row["factor_set"].as_py()]
        assets = row["asset_id"].as_py()
        members, of_factors, shares = (values_of(row[f"member_{what}"]) for what in ("assets", "factors", "shares"))
        X = dense_exposures(len(assets), factors, members, of_factors, shares, values_of(row["styles"]))
        return LabelledExposures(assets, factors, X)

    def dates_of(self, table: Table, column: str) -> list[date]:
        """The dates of a table, ascending, without nulls."""
        return sorted(day for day in self.rows(table, [column]).column(column).to_pylist() if day is not None)

    def row(self, table: Table, columns: Sequence[str], key: Mapping[str, object]) -> Row | None:
        """Some columns of the one row that has the given values; None if there is none."""
        clauses = [ds.field(name) == value for name, value in key.items()]
        rows = self.rows(table, columns, clauses[0] if len(clauses) == 1 else clauses[0] & clauses[1])
        return {name: rows.column(name)[0] for name in columns} if rows.num_rows else None

    def rows_by_date(self, table: Table, columns: Sequence[str], dated: str, days: Sequence[date]) -> Iterator[tuple[date, Row]]:
        """Some columns of the rows of these ascending dates, a few dates in memory at once."""
        for start in range(0, len(days), _AT_ONCE):
            some = days[start : start + _AT_ONCE]
            rows = self.rows(table, [dated, *columns], ds.field(dated).isin(some)).sort_by(dated)
            for n, day in enumerate(rows.column(dated).to_pylist()):
                yield day, {name: rows.column(name)[n] for name in columns}

    def rows(self, table: Table, columns: Sequence[str], where: ds.Expression | None = None) -> pa.Table:
        """Some columns of some rows; see `TableReader`."""
        return self._reader.rows(table, columns, where)

    def rows_if_any(self, table: Table, columns: Sequence[str], where: ds.Expression | None = None) -> pa.Table:
        """The same of a table that is written with its first row, or that is younger than the model: none where it is not there."""
        try:
            return self._reader.rows(table, columns, where)
        except MissingRiskError:
            return table.arrow_schema(*columns).empty_table()


def values_of(cell: pa.ListScalar) -> np.ndarray:
    """An array of a row; null numbers are NaN."""
    values: np.ndarray = cell.values.to_numpy(zero_copy_only=False)
    return values
