"""A release's tables by the row, without Spark: each at the version that the release names."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from sigmalake.errors import ConfigError, InfrastructureError, MissingRiskError
from sigmalake.lake.format import FORMAT_PROPERTY, check_format
from sigmalake.lake.log import open_table, read_columns
from sigmalake.lake.releases import Release, releases_from
from sigmalake.numerics.factors import Factor, dense_exposures
from sigmalake.numerics.types import Floats
from sigmalake.reader.factor_sets import factor_sets_from
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import RELEASES

Row = Mapping[str, pa.Scalar]

EXPOSURE_COLUMNS = ("factor_set", "asset_id", "styles", "member_assets", "member_factors", "member_shares")
_AT_ONCE = 32  # dates in memory where many are read: a date of 10,000 assets is some megabytes


class Exposures(NamedTuple):
    """X of one date with its labels."""

    assets: list[str]
    factors: list[Factor]
    values: Floats  # (N, K)

    @property
    def names(self) -> list[str]:
        """(K,) of the factors."""
        return [factor.name for factor in self.factors]


class ReleasedTables:
    """The tables of a release, opened when they are first read."""

    def __init__(self, root: str, release_id: str, versions: Mapping[str, int]) -> None:
        self.root = root
        self.release_id = release_id
        self._versions = versions
        self._opened: dict[str, DeltaTable] = {}

    @cached_property
    def factor_sets(self) -> dict[str, list[Factor]]:
        """The factors of each set, in the model's order."""
        return factor_sets_from(self.read(FACTORS, FACTORS.column_names))

    def exposures(self, row: Row) -> Exposures:
        """X of a row of `panel` that has `EXPOSURE_COLUMNS`."""
        factors = self.factor_sets[row["factor_set"].as_py()]
        assets = row["asset_id"].as_py()
        members, of_factors, shares = (values_of(row[f"member_{what}"]) for what in ("assets", "factors", "shares"))
        X = dense_exposures(len(assets), factors, members, of_factors, shares, values_of(row["styles"]))
        return Exposures(assets, factors, X)

    def dates_of(self, table: Table, column: str) -> list[date]:
        """The dates of a table, ascending, without nulls."""
        return sorted(day for day in self.read(table, [column]).column(column).to_pylist() if day is not None)

    def row(self, table: Table, columns: Sequence[str], key: Mapping[str, object]) -> Row | None:
        """Some columns of the row with these values."""
        clauses = [ds.field(name) == value for name, value in key.items()]
        rows = self.read(table, columns, clauses[0] if len(clauses) == 1 else clauses[0] & clauses[1])
        return {name: rows.column(name)[0] for name in columns} if rows.num_rows else None

    def rows_by_date(self, table: Table, columns: Sequence[str], dated: str, days: Sequence[date]) -> Iterator[tuple[date, Row]]:
        """Some columns of the rows of these ascending dates, a few dates in memory at once."""
        for start in range(0, len(days), _AT_ONCE):
            some = days[start : start + _AT_ONCE]
            rows = self.read(table, [dated, *columns], ds.field(dated).isin(some)).sort_by(dated)
            for n, day in enumerate(rows.column(dated).to_pylist()):
                yield day, {name: rows.column(name)[n] for name in columns}

    def read(self, table: Table, columns: Sequence[str], rows: ds.Expression | None = None) -> pa.Table:
        """Some columns of some rows; null where the version of the table is older than a column.

        Raises:
            ConfigError: the version lacks a column that is never null.
            MissingRiskError: the release has no such table.
            InfrastructureError: a file of it is gone.
        """
        try:
            return read_columns(self._open(table), columns, rows, declared=table)
        except FileNotFoundError as error:
            raise InfrastructureError(
                f"release {self.release_id} reads {table.name} at version {self._versions[table.name]}, of which a file is gone "
                f"({error}); restore it, or open a newer release"
            ) from None

    def _open(self, table: Table) -> DeltaTable:
        if table.name not in self._opened:
            where = f"{self.root}/{table.name}"
            version = self._versions.get(table.name)
            log = None if version is None else open_table(where, version)
            if log is None:
                raise MissingRiskError(f"release {self.release_id} has no table {table.name} ({where}); open another release")
            check_format(log.metadata().configuration.get(FORMAT_PROPERTY), where)
            self._opened[table.name] = log
        return self._opened[table.name]


def releases_of(root: str) -> list[Release]:
    """The releases of a lake, oldest first.

    Raises:
        ConfigError: no lake is there, or it has another format.
    """
    where = f"{root}/{RELEASES.name}"
    log = open_table(where)
    if log is None:
        if open_table(f"{root}/{PANEL.name}") is None:
            raise ConfigError(f"there is no lake at {root}; give the folder or URI that `lake:` names in the configuration")
        return []
    check_format(log.metadata().configuration.get(FORMAT_PROPERTY), where)
    return releases_from(read_columns(log, RELEASES.column_names, declared=RELEASES))


def values_of(cell: pa.ListScalar) -> np.ndarray:
    """An array of a row; null numbers are NaN."""
    values: np.ndarray = cell.values.to_numpy(zero_copy_only=False)
    return values


def nearest(day: date, known: Sequence[date]) -> str:
    """What a message says of the dates that there are."""
    if not known:
        return "there are none"
    around = [*[d for d in known if d < day][-1:], *[d for d in known if d > day][:1]]
    return f"nearest: {', '.join(map(str, around))}; newest: {known[-1]}"
